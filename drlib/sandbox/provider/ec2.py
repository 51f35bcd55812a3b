"""Networks: VPC, subnets, route tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties

_VPC_FLAGS = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


def tag_specification(kind: str, inputs: Mapping[str, Any]) -> Properties:
    """Return the part of a request that tags a new EC2 resource; empty without tags."""
    tags = tag_list(inputs.get("tags"))
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def retag(call: Call, change: Change) -> None:
    """Change the tags of an EC2 resource to those of the program."""
    if not change.touches("tags"):
        return
    ec2 = call.client("ec2")
    if change.tags_to_set:
        ec2.create_tags(Resources=[change.id], Tags=tag_list(change.tags_to_set))
    if change.tags_to_remove:
        ec2.delete_tags(Resources=[change.id], Tags=[{"Key": key} for key in change.tags_to_remove])


def arn(call: Call, owner: str, kind: str, id: str) -> str:
    """Return the ARN of an EC2 resource."""
    return f"arn:aws:ec2:{call.region}:{owner}:{kind}/{id}"


class Vpc(Resource):
    """`aws.ec2.Vpc`."""

    type = "aws:ec2/vpc:Vpc"
    service = "ec2"
    tagged = True
    names = "cidrBlock instanceTenancy " + " ".join(_VPC_FLAGS)
    required = ("cidrBlock",)
    replaces = ("cidrBlock", "instanceTenancy")
    defaults = {
        "enableDnsSupport": True,
        "enableDnsHostnames": False,
        "enableNetworkAddressUsageMetrics": False,
    }

    def create(self, call: Call, inputs: Properties) -> str:
        tenancy = {"InstanceTenancy": inputs["instanceTenancy"]} if inputs.get("instanceTenancy") else {}
        answer = call.client("ec2").create_vpc(
            CidrBlock=inputs["cidrBlock"], **tenancy, **tag_specification("vpc", inputs)
        )
        return str(answer["Vpc"]["VpcId"])

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        for name, attribute in _VPC_FLAGS.items():
            if inputs.get(name) not in (None, self.defaults[name]):
                self._set_flag(call, id, attribute, inputs[name])

    @staticmethod
    def _set_flag(call: Call, id: str, attribute: str, value: bool) -> None:
        call.client("ec2").modify_vpc_attribute(VpcId=id, **{attribute: {"Value": value}})

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        ec2 = call.client("ec2")
        vpcs = ec2.describe_vpcs(VpcIds=[id])["Vpcs"]
        if not vpcs:
            return None
        vpc = vpcs[0]
        raw = {**vpc, "tags": tags_from(vpc.get("Tags"))}
        for name in ("enableDnsSupport", "enableDnsHostnames"):
            answer = ec2.describe_vpc_attribute(VpcId=id, Attribute=name)
            raw[name] = answer[_VPC_FLAGS[name]]["Value"]
        own = [{"Name": "vpc-id", "Values": [id]}]
        tables = ec2.describe_route_tables(Filters=[*own, {"Name": "association.main", "Values": ["true"]}])
        groups = ec2.describe_security_groups(Filters=[*own, {"Name": "group-name", "Values": ["default"]}])
        main = next((table["RouteTableId"] for table in tables["RouteTables"]), None)
        computed = {
            "arn": arn(call, vpc["OwnerId"], "vpc", id),
            "ownerId": vpc["OwnerId"],
            "dhcpOptionsId": vpc.get("DhcpOptionsId"),
            "mainRouteTableId": main,
            "defaultRouteTableId": main,
            "defaultSecurityGroupId": next((group["GroupId"] for group in groups["SecurityGroups"]), None),
        }
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        desired = self.desired(change)
        for name, attribute in _VPC_FLAGS.items():
            if change.touches(name):
                self._set_flag(call, change.id, attribute, desired[name])
        retag(call, change)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("ec2").delete_vpc(VpcId=id)


class Subnet(Resource):
    """`aws.ec2.Subnet`."""

    type = "aws:ec2/subnet:Subnet"
    service = "ec2"
    tagged = True
    names = "vpcId cidrBlock availabilityZone availabilityZoneId mapPublicIpOnLaunch"
    required = ("vpcId", "cidrBlock")
    replaces = ("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId")
    defaults = {"mapPublicIpOnLaunch": False}

    def create(self, call: Call, inputs: Properties) -> Made:
        members = ("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId")
        request = {name[:1].upper() + name[1:]: inputs[name] for name in members if inputs.get(name)}
        answer = call.client("ec2").create_subnet(**request, **tag_specification("subnet", inputs))
        reading = None if inputs.get("mapPublicIpOnLaunch") else self._reading(call, answer["Subnet"])
        return Made(answer["Subnet"]["SubnetId"], reading)

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        if inputs.get("mapPublicIpOnLaunch"):
            self._map_public(call, id, True)

    @staticmethod
    def _map_public(call: Call, id: str, value: bool) -> None:
        call.client("ec2").modify_subnet_attribute(SubnetId=id, MapPublicIpOnLaunch={"Value": value})

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        subnets = call.client("ec2").describe_subnets(SubnetIds=[id])["Subnets"]
        return self._reading(call, subnets[0]) if subnets else None

    @staticmethod
    def _reading(call: Call, subnet: Mapping[str, Any]) -> Reading:
        computed = {
            "arn": subnet.get("SubnetArn") or arn(call, subnet["OwnerId"], "subnet", subnet["SubnetId"]),
            "ownerId": subnet["OwnerId"],
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet.get("AvailabilityZoneId"),
            "mapPublicIpOnLaunch": bool(subnet.get("MapPublicIpOnLaunch")),
        }
        return Reading({**subnet, "tags": tags_from(subnet.get("Tags"))}, computed)

    def update(self, call: Call, change: Change) -> None:
        if change.touches("mapPublicIpOnLaunch"):
            self._map_public(call, change.id, self.desired(change)["mapPublicIpOnLaunch"])
        retag(call, change)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("ec2").delete_subnet(SubnetId=id)


class RouteTable(Resource):
    """`aws.ec2.RouteTable`; the sandbox has only the local route and those of gateway endpoints."""

    type = "aws:ec2/routeTable:RouteTable"
    service = "ec2"
    tagged = True
    names = "vpcId"
    required = ("vpcId",)
    replaces = ("vpcId",)

    def create(self, call: Call, inputs: Properties) -> Made:
        answer = call.client("ec2").create_route_table(
            VpcId=inputs["vpcId"], **tag_specification("route-table", inputs)
        )
        table = answer["RouteTable"]
        return Made(table["RouteTableId"], self._reading(call, table))

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        tables = call.client("ec2").describe_route_tables(RouteTableIds=[id])["RouteTables"]
        return self._reading(call, tables[0]) if tables else None

    @staticmethod
    def _reading(call: Call, table: Mapping[str, Any]) -> Reading:
        computed = {
            "arn": arn(call, table["OwnerId"], "route-table", table["RouteTableId"]),
            "ownerId": table["OwnerId"],
            "routes": [],
            "propagatingVgws": [],
        }
        return Reading({**table, "tags": tags_from(table.get("Tags"))}, computed)

    def update(self, call: Call, change: Change) -> None:
        retag(call, change)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("ec2").delete_route_table(RouteTableId=id)


class RouteTableAssociation(Resource):
    """`aws.ec2.RouteTableAssociation`. A subnet has one, so a replacement deletes the old one first.

    When its table changes, AWS gives it a new id. An update cannot return a new id, so it is replaced.
    """

    type = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    service = "ec2"
    names = "routeTableId subnetId"
    required = ("routeTableId", "subnetId")
    replaces = ("routeTableId", "subnetId")
    natural_key = True

    def create(self, call: Call, inputs: Properties) -> Made:
        answer = call.client("ec2").associate_route_table(
            RouteTableId=inputs["routeTableId"], SubnetId=inputs["subnetId"]
        )
        return Made(answer["AssociationId"], Reading())

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        tables = call.client("ec2").describe_route_tables(
            Filters=[{"Name": "association.route-table-association-id", "Values": [id]}]
        )
        for table in tables["RouteTables"]:
            for association in table.get("Associations", []):
                if association["RouteTableAssociationId"] == id:
                    return Reading(association)
        return None

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("ec2").disassociate_route_table(AssociationId=id)


TYPES = (Vpc, Subnet, RouteTable, RouteTableAssociation)
