"""Hosted zones, records, health checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties


def _retag(call: Call, kind: str, id: str, tags: Mapping[str, Any], gone: list[str]) -> None:
    request: Properties = {"AddTags": tag_list(tags)} if tags else {}
    request.update({"RemoveTagKeys": gone} if gone else {})
    if request:
        call.client("route53").change_tags_for_resource(ResourceType=kind, ResourceId=id, **request)


def _tags(call: Call, kind: str, id: str) -> dict[str, str]:
    answer = call.client("route53").list_tags_for_resource(ResourceType=kind, ResourceId=id)
    return tags_from(answer["ResourceTagSet"].get("Tags"))


class Zone(Resource):
    """`aws.route53.Zone`, public; its id is the zone's."""

    type = "aws:route53/zone:Zone"
    service = "route53"
    regional = False
    tagged = True
    names = "name comment forceDestroy"
    required = ("name",)
    replaces = ("name",)
    # The emulator does not have the operation that enables it.
    no_effect = ("enableAcceleratedRecovery",)
    write_only = ("forceDestroy", "enableAcceleratedRecovery")
    defaults = {"comment": "Managed by Pulumi"}

    def create(self, call: Call, inputs: Properties) -> str:
        answer = call.client("route53").create_hosted_zone(
            Name=inputs["name"],
            CallerReference=str(uuid4()),
            HostedZoneConfig={"Comment": inputs.get("comment", self.defaults["comment"])},
        )
        return str(answer["HostedZone"]["Id"].rsplit("/", 1)[-1])

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        _retag(call, "hostedzone", id, inputs.get("tags") or {}, [])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        answer = call.client("route53").get_hosted_zone(Id=id)
        zone = answer["HostedZone"]
        servers = sorted(
            server.rstrip(".") for server in answer.get("DelegationSet", {}).get("NameServers", [])
        )
        raw = {
            "name": zone["Name"].rstrip("."),
            "comment": zone.get("Config", {}).get("Comment", ""),
            "tags": _tags(call, "hostedzone", id),
        }
        computed = {
            "zoneId": id,
            "arn": f"arn:aws:route53:::hostedzone/{id}",
            "nameServers": servers,
            "primaryNameServer": servers[0] if servers else "",
        }
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        if change.touches("comment"):
            call.client("route53").update_hosted_zone_comment(
                Id=change.id, Comment=self.desired(change)["comment"]
            )
        if change.touches("tags"):
            _retag(call, "hostedzone", change.id, change.tags_to_set, change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        if state.get("forceDestroy"):
            for found in _records(call, id):
                if found["Type"] not in ("NS", "SOA"):
                    _change(call, id, "DELETE", found)
        call.client("route53").delete_hosted_zone(Id=id)


def _records(call: Call, zone_id: str) -> list[Properties]:
    pages = call.client("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
    return [found for page in pages for found in page["ResourceRecordSets"]]


def _change(call: Call, zone_id: str, action: str, record: Mapping[str, Any]) -> None:
    call.client("route53").change_resource_record_sets(
        HostedZoneId=zone_id, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    )


def _bare(name: str) -> str:
    """Normalise a name: lower case, no last dot, a plain asterisk."""
    return name.rstrip(".").lower().replace("\\052", "*")


class Record(Resource):
    """`aws.route53.Record`, simple or failover; its id is `ZONE_name_TYPE[_setIdentifier]`."""

    type = "aws:route53/record:Record"
    service = "route53"
    regional = False
    names = (
        "zoneId name type ttl records setIdentifier healthCheckId allowOverwrite failoverRoutingPolicies.type"
        " aliases.name aliases.zoneId aliases.evaluateTargetHealth"
    )
    required = ("zoneId", "name", "type")
    replaces = ("zoneId", "name", "type", "setIdentifier")
    write_only = ("allowOverwrite",)
    defaults = {"healthCheckId": None}
    natural_key = True

    def create(self, call: Call, inputs: Properties) -> Made:
        record = self._record(call, inputs)
        _change(call, inputs["zoneId"], "UPSERT" if inputs.get("allowOverwrite") else "CREATE", record)
        parts = [inputs["zoneId"], _bare(inputs["name"]), inputs["type"], inputs.get("setIdentifier")]
        return Made("_".join(part for part in parts if part), Reading({}, {"fqdn": record["Name"]}))

    @staticmethod
    def _fqdn(call: Call, inputs: Mapping[str, Any]) -> str:
        """Return the full name; a program can give one relative to the zone."""
        name = _bare(inputs["name"])
        zone = _bare(call.client("route53").get_hosted_zone(Id=inputs["zoneId"])["HostedZone"]["Name"])
        return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}".lstrip(".")

    def _record(self, call: Call, inputs: Mapping[str, Any]) -> Properties:
        """Return the record set that the inputs describe."""
        record: Properties = {"Name": self._fqdn(call, inputs), "Type": inputs["type"]}
        for alias in inputs.get("aliases") or ():
            record["AliasTarget"] = {
                "HostedZoneId": alias["zoneId"],
                "DNSName": alias["name"],
                "EvaluateTargetHealth": bool(alias["evaluateTargetHealth"]),
            }
        if inputs.get("ttl") is not None:
            record["TTL"] = inputs["ttl"]
        if inputs.get("records"):
            record["ResourceRecords"] = [
                {"Value": _quoted(value, inputs["type"])} for value in inputs["records"]
            ]
        for policy in inputs.get("failoverRoutingPolicies") or ():
            record["Failover"] = policy["type"]
        for name, member in (("setIdentifier", "SetIdentifier"), ("healthCheckId", "HealthCheckId")):
            if inputs.get(name):
                record[member] = inputs[name]
        return record

    @staticmethod
    def _find(call: Call, state: Mapping[str, Any], fqdn: str) -> Properties | None:
        wanted = (fqdn, state["type"], state.get("setIdentifier") or "")
        for found in _records(call, state["zoneId"]):
            if wanted == (_bare(found["Name"]), found["Type"], found.get("SetIdentifier", "")):
                return found
        return None

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        state = state if state.get("zoneId") else _from_id(id)
        fqdn = self._fqdn(call, state)
        found = self._find(call, state, fqdn)
        if found is None:
            return None
        alias = found.get("AliasTarget")
        raw = {
            "type": found["Type"],
            "setIdentifier": found.get("SetIdentifier"),
            "healthCheckId": found.get("HealthCheckId"),
            "ttl": found.get("TTL"),
            "records": [value["Value"].strip('"') for value in found.get("ResourceRecords", [])],
            "failoverRoutingPolicies": [{"type": found["Failover"]}] if found.get("Failover") else [],
            "aliases": [
                {
                    "name": alias["DNSName"].rstrip("."),
                    "zoneId": alias["HostedZoneId"],
                    "evaluateTargetHealth": alias["EvaluateTargetHealth"],
                }
            ]
            if alias
            else [],
        }
        return Reading(raw, {"fqdn": fqdn})

    def update(self, call: Call, change: Change) -> None:
        _change(call, change.news["zoneId"], "UPSERT", self._record(call, change.news))

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        state = state if state.get("zoneId") else _from_id(id)
        # Delete the listed record, not the state's: AWS deletes only an exact match.
        found = self._find(call, state, self._fqdn(call, state))
        if found is not None:
            _change(call, state["zoneId"], "DELETE", found)


def _quoted(value: str, kind: str) -> str:
    return f'"{value}"' if kind in ("TXT", "SPF") and not value.startswith('"') else value


def _from_id(id: str) -> Properties:
    zone_id, rest = id.split("_", 1)
    for kind in ("CNAME", "AAAA", "A", "TXT", "MX", "NS", "SRV", "CAA"):
        name, found, identifier = rest.partition(f"_{kind}")
        if found and (not identifier or identifier.startswith("_")):
            return {"zoneId": zone_id, "name": name, "type": kind, "setIdentifier": identifier.lstrip("_")}
    return {"zoneId": zone_id, "name": rest, "type": ""}


class HealthCheck(Resource):
    """`aws.route53.HealthCheck`: endpoint, calculated, alarm; its id is a UUID."""

    type = "aws:route53/healthCheck:HealthCheck"
    service = "route53"
    regional = False
    tagged = True
    shape, within = "CreateHealthCheck", "HealthCheckConfig"
    names = "cloudwatchAlarmName cloudwatchAlarmRegion"
    renames = {
        "fqdn": "FullyQualifiedDomainName",
        "invertHealthcheck": "Inverted",
        "childHealthThreshold": "HealthThreshold",
        "childHealthchecks": "ChildHealthChecks",
    }
    required = ("type",)
    replaces = ("type", "requestInterval", "measureLatency", "referenceName")
    defaults = {"disabled": False, "invertHealthcheck": False, "failureThreshold": 3}
    no_effect = ("referenceName", "triggers")
    write_only = no_effect

    # Inputs that AWS resets only if `ResetElements` names them.
    _RESETTABLE = {
        "fqdn": "FullyQualifiedDomainName",
        "regions": "Regions",
        "resourcePath": "ResourcePath",
        "childHealthchecks": "ChildHealthChecks",
    }

    def _config(self, call: Call, inputs: Mapping[str, Any]) -> Properties:
        config = self.request(call, inputs)
        if inputs.get("cloudwatchAlarmName"):
            config["AlarmIdentifier"] = {
                "Name": inputs["cloudwatchAlarmName"],
                "Region": inputs["cloudwatchAlarmRegion"],
            }
        return config

    def create(self, call: Call, inputs: Properties) -> Made:
        answer = call.client("route53").create_health_check(
            CallerReference=str(uuid4()), HealthCheckConfig=self._config(call, inputs)
        )
        id = answer["HealthCheck"]["Id"]
        return Made(id, Reading({}, {"arn": f"arn:aws:route53:::healthcheck/{id}"}))

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        _retag(call, "healthcheck", id, inputs.get("tags") or {}, [])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        found = call.client("route53").get_health_check(HealthCheckId=id)["HealthCheck"]["HealthCheckConfig"]
        alarm = found.get("AlarmIdentifier") or {}
        raw = {
            **found,
            "cloudwatchAlarmName": alarm.get("Name"),
            "cloudwatchAlarmRegion": alarm.get("Region"),
            "tags": _tags(call, "healthcheck", id),
        }
        return Reading(raw, {"arn": f"arn:aws:route53:::healthcheck/{id}"})

    def update(self, call: Call, change: Change) -> None:
        if change.changed - {"tags"}:
            fixed = ("type", "requestInterval", "measureLatency")
            news = {
                **{key: change.news.get(key, value) for key, value in self.defaults.items()},
                **change.news,
            }
            config = self._config(call, {key: value for key, value in news.items() if key not in fixed})
            reset = [
                member
                for name, member in self._RESETTABLE.items()
                if name in change.olds and name not in news
            ]
            if change.news["type"] in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"):
                config.pop("FailureThreshold", None)
            request = {"ResetElements": reset} if reset else {}
            call.client("route53").update_health_check(HealthCheckId=change.id, **config, **request)
        if change.touches("tags"):
            _retag(call, "healthcheck", change.id, change.tags_to_set, change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("route53").delete_health_check(HealthCheckId=id)


TYPES = (Zone, Record, HealthCheck)
