"""The network path of a call out of a VPC, without a server: endpoints, routes, security groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drlib.sandbox.services.vpc.reachability import Ec2State, FunctionNetwork, NetworkPath, find_path

EAST, WEST = "us-east-2", "us-west-2"
NETWORK = FunctionNetwork(EAST, ("subnet-a", "subnet-b"), ("sg-functions",))


def blocked_by(
    ec2: Ec2State, network: FunctionNetwork, *, service: str, region: str, is_global: bool = False
) -> str | None:
    return find_path(ec2, network, service=service, region=region, is_global=is_global).blocked_by or None


def rule(**peer: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **peer}


def group(name: str) -> dict[str, Any]:
    return {"UserIdGroupPairs": [{"GroupId": name}]}


def ranges(*cidrs: str) -> dict[str, Any]:
    return {"IpRanges": [{"CidrIp": cidr} for cidr in cidrs]}


def endpoint(service: str, **members: Any) -> dict[str, Any]:
    base = {
        "VpcEndpointId": f"vpce-{service}",
        "VpcEndpointType": "Interface",
        "VpcId": "vpc-1",
        "ServiceName": f"com.amazonaws.{EAST}.{service}",
        "State": "available",
        "SubnetIds": ["subnet-a", "subnet-b"],
        "SecurityGroupIds": ["sg-endpoints"],
        "PrivateDnsEnabled": True,
    }
    return base | members


def gateway(service: str, *tables: str) -> dict[str, Any]:
    return endpoint(service, VpcEndpointType="Gateway", RouteTableIds=list(tables), SubnetIds=[])


def table(name: str, *subnets: str, main: bool = False, routes: Any = ()) -> dict[str, Any]:
    associations: list[dict[str, Any]] = [{"SubnetId": subnet, "Main": False} for subnet in subnets]
    if main:
        associations.append({"Main": True})
    return {"RouteTableId": name, "VpcId": "vpc-1", "Associations": associations, "Routes": list(routes)}


def subnet(name: str, cidr: str) -> dict[str, Any]:
    return {"SubnetId": name, "VpcId": "vpc-1", "CidrBlock": cidr}


def world(**parts: Any) -> Ec2State:
    """A VPC with endpoints, and security groups that name each other."""
    lists = [{"PrefixListId": "pl-dynamodb"}]
    base = Ec2State(
        vpcs={"vpc-1": {"VpcId": "vpc-1", "EnableDnsHostnames": True}},
        subnets={
            "subnet-a": subnet("subnet-a", "10.0.1.0/24"),
            "subnet-b": subnet("subnet-b", "10.0.2.0/24"),
        },
        route_tables={
            "rtb-1": table("rtb-1", "subnet-a", "subnet-b"),
            "rtb-main": table("rtb-main", main=True),
        },
        endpoints={"sqs": endpoint("sqs"), "dynamodb": gateway("dynamodb", "rtb-1")},
        groups={
            "sg-functions": {
                "IpPermissionsEgress": [rule(**group("sg-endpoints")), rule(PrefixListIds=lists)]
            },
            "sg-endpoints": {"IpPermissions": [rule(**group("sg-functions"))]},
        },
        prefix_lists={"dynamodb": ("pl-dynamodb", "100.64.1.0/24"), "s3": ("pl-s3", "100.64.2.0/24")},
    )
    return replace(base, **parts)


def groups(functions_out: list[Any], endpoints_in: list[Any] | None = None) -> dict[str, Any]:
    allowed = [rule(**group("sg-functions"))] if endpoints_in is None else endpoints_in
    return {
        "sg-functions": {"IpPermissionsEgress": functions_out},
        "sg-endpoints": {"IpPermissions": allowed},
    }


def test_endpoints_and_groups_that_fit_let_a_call_pass() -> None:
    assert blocked_by(world(), NETWORK, service="sqs", region=EAST) is None
    assert blocked_by(world(), NETWORK, service="dynamodb", region=EAST) is None


@pytest.mark.parametrize(
    "members",
    [
        {"PrivateDnsEnabled": False},
        {"State": "pending"},
        {"SubnetIds": []},
        {"VpcId": "vpc-2"},
        {"ServiceName": f"com.amazonaws.{WEST}.sqs"},
        {"VpcEndpointType": "Gateway"},
    ],
)
def test_an_endpoint_that_the_name_does_not_lead_to_does_not_help(members: dict[str, Any]) -> None:
    ec2 = world(endpoints={"sqs": endpoint("sqs", **members)})
    assert "no endpoint for sqs" in str(blocked_by(ec2, NETWORK, service="sqs", region=EAST))


@pytest.mark.parametrize("attributes", [{}, {"EnableDnsHostnames": True, "EnableDnsSupport": False}])
def test_private_names_need_the_dns_of_the_vpc(attributes: dict[str, Any]) -> None:
    ec2 = world(vpcs={"vpc-1": {"VpcId": "vpc-1", **attributes}})
    assert "no endpoint for sqs" in str(blocked_by(ec2, NETWORK, service="sqs", region=EAST))


@pytest.mark.parametrize(
    ("out", "into", "said"),
    [
        ([], None, "do not let it out"),
        ([rule(**group("sg-other"))], None, "do not let it out"),
        ([rule(**group("sg-endpoints")) | {"FromPort": 80, "ToPort": 80}], None, "do not let it out"),
        ([rule(**group("sg-endpoints")) | {"IpProtocol": "udp"}], None, "do not let it out"),
        ([rule(**ranges("10.0.1.0/24"))], None, "do not let it out"),
        ([rule(**group("sg-endpoints"))], [], "do not let it in"),
        ([rule(**group("sg-endpoints"))], [rule(**ranges("10.0.1.0/24"))], "do not let it in"),
    ],
)
def test_both_security_groups_must_open_port_443(out: list[Any], into: Any, said: str) -> None:
    assert said in str(blocked_by(world(groups=groups(out, into)), NETWORK, service="sqs", region=EAST))


@pytest.mark.parametrize(
    ("out", "into"),
    [
        ([rule(**ranges("0.0.0.0/0"))], None),
        ([rule(**ranges("10.0.1.0/24")), rule(**ranges("10.0.2.0/24"))], None),
        ([{"IpProtocol": "-1", **ranges("10.0.0.0/8")}], [{"IpProtocol": "-1", **ranges("10.0.0.0/16")}]),
        ([rule(**group("sg-endpoints")) | {"FromPort": 0, "ToPort": 65535}], None),
    ],
)
def test_rules_open_by_group_or_by_range(out: list[Any], into: Any) -> None:
    assert blocked_by(world(groups=groups(out, into)), NETWORK, service="sqs", region=EAST) is None


def test_a_gateway_endpoint_counts_where_the_subnets_own_table_is_associated() -> None:
    only_a = world(
        route_tables={"rtb-1": table("rtb-1", "subnet-a"), "rtb-main": table("rtb-main", main=True)}
    )
    assert "from subnet-b" in str(blocked_by(only_a, NETWORK, service="dynamodb", region=EAST))
    main = {"dynamodb": gateway("dynamodb", "rtb-1", "rtb-main")}
    assert blocked_by(replace(only_a, endpoints=main), NETWORK, service="dynamodb", region=EAST) is None


def test_a_gateway_endpoint_needs_a_way_out_to_its_prefix_list() -> None:
    closed = world(groups=groups([rule(**group("sg-endpoints"))]))
    assert "prefix list pl-dynamodb" in str(blocked_by(closed, NETWORK, service="dynamodb", region=EAST))
    anywhere = world(groups=groups([rule(**ranges("0.0.0.0/0"))]))
    assert blocked_by(anywhere, NETWORK, service="dynamodb", region=EAST) is None


def test_another_regions_api_is_out_of_reach_of_every_endpoint() -> None:
    ec2 = world(
        endpoints={"sqs": endpoint("sqs"), "west": endpoint("sqs", ServiceName=f"com.amazonaws.{WEST}.sqs")}
    )
    assert "no endpoint for sqs in us-west-2" in str(blocked_by(ec2, NETWORK, service="sqs", region=WEST))
    assert blocked_by(world(), NETWORK, service="dynamodb", region=WEST) is not None


def test_a_global_service_needs_its_own_endpoint_or_the_internet() -> None:
    assert blocked_by(world(), NETWORK, service="iam", region="us-east-1", is_global=True) is not None
    ec2 = world(endpoints={"iam": endpoint("iam", ServiceName="com.amazonaws.iam")})
    assert blocked_by(ec2, NETWORK, service="iam", region="us-east-1", is_global=True) is None


def outward(target: str, **nat: Any) -> Ec2State:
    """The VPC with a default route for its private subnets, and a NAT gateway in a public subnet."""
    out = {"DestinationCidrBlock": "0.0.0.0/0"}
    base = world(groups=groups([rule(**ranges("0.0.0.0/0"))]))
    gate = {"NatGatewayId": "nat-1", "SubnetId": "subnet-p", "VpcId": "vpc-1", "State": "available"}
    return replace(
        base,
        subnets={**base.subnets, "subnet-p": subnet("subnet-p", "10.0.9.0/24")},
        route_tables={
            "rtb-1": table("rtb-1", "subnet-a", "subnet-b", routes=[out | {target: "nat-1"}]),
            "rtb-p": table("rtb-p", "subnet-p", routes=[out | {"GatewayId": "igw-1"}]),
        },
        nat_gateways={"nat-1": gate | nat},
        internet_gateways={"igw-1": {"Attachments": [{"VpcId": "vpc-1"}]}},
    )


def test_a_public_nat_gateway_leads_everywhere() -> None:
    assert blocked_by(outward("NatGatewayId"), NETWORK, service="sqs", region=WEST) is None
    assert (
        blocked_by(outward("NatGatewayId"), NETWORK, service="iam", region="us-east-1", is_global=True)
        is None
    )


@pytest.mark.parametrize(
    "ec2",
    [
        outward("NatGatewayId", State="pending"),
        outward("NatGatewayId", ConnectivityType="private"),
        outward("GatewayId"),
        replace(outward("NatGatewayId"), internet_gateways={"igw-1": {"Attachments": []}}),
    ],
)
def test_what_is_no_way_to_the_internet(ec2: Ec2State) -> None:
    assert "no route to the internet" in str(blocked_by(ec2, NETWORK, service="sqs", region=WEST))


def test_the_way_to_the_internet_needs_an_open_group() -> None:
    ec2 = replace(outward("NatGatewayId"), groups=groups([rule(**ranges("10.0.0.0/8"))]))
    assert "do not let it out to the internet" in str(blocked_by(ec2, NETWORK, service="sqs", region=WEST))


def test_an_endpoint_with_a_private_name_hides_the_way_to_the_internet() -> None:
    shut = replace(outward("NatGatewayId"), groups=groups([rule(**ranges("0.0.0.0/0"))], []))
    assert "do not let it in" in str(blocked_by(shut, NETWORK, service="sqs", region=EAST))


def test_a_subnet_that_is_gone_leads_nowhere() -> None:
    network = FunctionNetwork(EAST, ("subnet-x",), ())
    assert blocked_by(world(), network, service="sqs", region=EAST) == "its subnet subnet-x does not exist"


def test_a_way_names_the_policies_of_its_endpoints() -> None:
    endpoints = {"sqs": endpoint("sqs", PolicyDocument="one"), "s3": gateway("s3", "rtb-1")}
    ec2 = world(
        endpoints={**endpoints, "dynamodb": gateway("dynamodb", "rtb-1") | {"PolicyDocument": "two"}},
        groups=groups([rule(**ranges("0.0.0.0/0"))]),
    )
    assert find_path(ec2, NETWORK, service="sqs", region=EAST) == NetworkPath(policies=("one",))
    assert find_path(ec2, NETWORK, service="dynamodb", region=EAST) == NetworkPath(policies=("two",))
    assert find_path(ec2, NETWORK, service="s3", region=EAST) == NetworkPath()
