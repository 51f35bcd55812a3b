"""The provider's functions: look-ups of AWS data by a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drlib.sandbox.provider.resource import Call, Refused
from drlib.sandbox.provider.values import Properties

Function = Callable[[Call, Mapping[str, Any]], Properties]


def caller_identity(call: Call, arguments: Mapping[str, Any]) -> Properties:
    """`aws.get_caller_identity`."""
    answer = call.client("sts").get_caller_identity()
    return {
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "userId": answer["UserId"],
        "id": answer["Account"],
    }


def availability_zones(call: Call, arguments: Mapping[str, Any]) -> Properties:
    """`aws.get_availability_zones`; honours `state`, `filters` and the exclusions."""
    filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters") or ()]
    if arguments.get("state"):
        filters.append({"Name": "state", "Values": [arguments["state"]]})
    zones = call.client("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
    excluded = {*(arguments.get("excludeNames") or ()), *(arguments.get("excludeZoneIds") or ())}
    zones = [zone for zone in zones if not excluded.intersection((zone["ZoneName"], zone["ZoneId"]))]
    return {
        **arguments,
        "id": call.region,
        "region": call.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName") or call.region for zone in zones}),
    }


def region(call: Call, arguments: Mapping[str, Any]) -> Properties:
    """`aws.get_region`."""
    name = arguments.get("region") or arguments.get("name") or call.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


def partition(call: Call, arguments: Mapping[str, Any]) -> Properties:
    """`aws.get_partition`."""
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def hosted_zone(call: Call, arguments: Mapping[str, Any]) -> Properties:
    """`aws.route53.get_zone`, by `zoneId` or by `name`."""
    route53 = call.client("route53")
    zone_id = arguments.get("zoneId")
    if not zone_id:
        name = str(arguments.get("name", "")).rstrip(".")
        zones = route53.list_hosted_zones()["HostedZones"]
        found = [zone["Id"] for zone in zones if zone["Name"].rstrip(".") == name]
        if len(found) != 1:
            raise Refused(f"{len(found)} hosted zones are named {name}; exactly one is needed")
        zone_id = found[0]
    answer = route53.get_hosted_zone(Id=zone_id)
    zone = answer["HostedZone"]
    zone_id = zone["Id"].rsplit("/", 1)[-1]
    servers = sorted(answer.get("DelegationSet", {}).get("NameServers", []))
    return {
        "id": zone_id,
        "zoneId": zone_id,
        "name": zone["Name"].rstrip("."),
        "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
        "callerReference": zone.get("CallerReference", ""),
        "comment": zone.get("Config", {}).get("Comment", ""),
        "privateZone": bool(zone.get("Config", {}).get("PrivateZone")),
        "nameServers": servers,
        "primaryNameServer": servers[0] if servers else "",
        "resourceRecordSetCount": zone.get("ResourceRecordSetCount", 0),
        "tags": {},
        "vpcId": "",
        "linkedServicePrincipal": "",
        "linkedServiceDescription": "",
        "enableAcceleratedRecovery": False,
    }


TABLE: Mapping[str, Function] = {
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    "aws:index/getRegion:getRegion": region,
    "aws:index/getPartition:getPartition": partition,
    "aws:route53/getZone:getZone": hosted_zone,
}
