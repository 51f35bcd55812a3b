"""VPC endpoints of AWS services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.ec2 import arn, retag, tag_specification
from drlib.sandbox.provider.resource import Call, Change, Reading, Refused, Resource, tags_from
from drlib.sandbox.provider.values import Properties, json_text


class VpcEndpoint(Resource):
    """`aws.ec2.VpcEndpoint`, gateway and interface. The sandbox creates no network interfaces for it."""

    type = "aws:ec2/vpcEndpoint:VpcEndpoint"
    service = "ec2"
    tagged = True
    names = (
        "vpcId serviceName vpcEndpointType routeTableIds subnetIds securityGroupIds privateDnsEnabled policy"
    )
    required = ("vpcId", "serviceName")
    replaces = ("vpcId", "serviceName", "vpcEndpointType")
    # The emulator accepts these inputs and does not return them.
    no_effect = ("ipAddressType", "autoAccept")
    write_only = no_effect

    _LISTS = {
        "routeTableIds": "RouteTableIds",
        "subnetIds": "SubnetIds",
        "securityGroupIds": "SecurityGroupIds",
    }

    def create(self, call: Call, inputs: Properties) -> str:
        request: Properties = {
            "VpcId": inputs["vpcId"],
            "ServiceName": inputs["serviceName"],
            "VpcEndpointType": inputs.get("vpcEndpointType") or "Gateway",
        }
        request.update({member: inputs[name] for name, member in self._LISTS.items() if inputs.get(name)})
        if inputs.get("policy"):
            request["PolicyDocument"] = json_text(inputs["policy"])
        if inputs.get("privateDnsEnabled") is not None:
            request["PrivateDnsEnabled"] = inputs["privateDnsEnabled"]
        answer = call.client("ec2").create_vpc_endpoint(
            **request, **tag_specification("vpc-endpoint", inputs)
        )
        return str(answer["VpcEndpoint"]["VpcEndpointId"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        ec2 = call.client("ec2")
        found = ec2.describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"]
        if not found:
            return None
        endpoint = found[0]
        computed = {
            "arn": arn(call, endpoint["OwnerId"], "vpc-endpoint", id),
            "ownerId": endpoint["OwnerId"],
            "state": endpoint["State"],
            "requesterManaged": False,
            "dnsEntries": [],
            "networkInterfaceIds": [],
            "cidrBlocks": [],
        }
        if endpoint["VpcEndpointType"] == "Gateway":
            lists = ec2.describe_prefix_lists(
                Filters=[{"Name": "prefix-list-name", "Values": [endpoint["ServiceName"]]}]
            )["PrefixLists"]
            if not lists:
                raise Refused(f"{endpoint['ServiceName']} has no prefix list in {call.region}")
            computed.update(prefixListId=lists[0]["PrefixListId"], cidrBlocks=lists[0].get("Cidrs", []))
        raw = {name: endpoint.get(name[:1].upper() + name[1:]) for name in self.names.split()}
        raw["securityGroupIds"] = [group["GroupId"] for group in endpoint.get("Groups", ())]
        raw["policy"] = endpoint.get("PolicyDocument")
        return Reading({**raw, "tags": tags_from(endpoint.get("Tags"))}, computed)

    def update(self, call: Call, change: Change) -> None:
        request: Properties = {}
        for name, member in self._LISTS.items():
            old, new = set(change.olds.get(name) or ()), set(change.news.get(name) or ())
            if change.touches(name):
                request.update({f"Add{member}": sorted(new)} if new else {})
                request.update({f"Remove{member}": sorted(old - new)} if old - new else {})
        if change.touches("policy"):
            policy = change.news.get("policy")
            request.update({"PolicyDocument": json_text(policy)} if policy else {"ResetPolicy": True})
        if change.touches("privateDnsEnabled"):
            request["PrivateDnsEnabled"] = bool(change.news.get("privateDnsEnabled"))
        if request:
            call.client("ec2").modify_vpc_endpoint(VpcEndpointId=change.id, **request)
        retag(call, change)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        answer = call.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[id])
        for failure in answer.get("Unsuccessful", []):
            code = failure.get("Error", {}).get("Code", "")
            if "NotFound" not in code:
                message = failure.get("Error", {}).get("Message", "")
                raise Refused(f"{code}: {message} (DeleteVpcEndpoints in {call.region})")


TYPES = (VpcEndpoint,)
