"""Checks that a region's functions reach the services that they use. A function without a route hangs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

HTTPS = 443
GATEWAYS = ("dynamodb", "s3")
INTERFACES = ("monitoring", "sns", "sqs")

Row = Mapping[str, Any]


def services_reachable(here: Target, deployment: Deployment, region: str) -> str:
    """Require, for functions in a VPC, an endpoint of each service, its route or private DNS name, and
    security groups that allow port 443 on both sides.

    AWS PrivateLink Guide, "Gateway endpoints" and "Access an AWS service using an interface VPC endpoint".
    """
    function = deployment.regions[region].functions["payments"]
    place = here.client("lambda", region).get_function_configuration(FunctionName=function).get("VpcConfig")
    if not place or not place.get("SubnetIds"):
        return "not in a VPC"
    ec2 = here.client("ec2", region)
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [place["VpcId"]]}])
    endpoints = {row["ServiceName"].rpartition(".")[2]: row for row in found["VpcEndpoints"]}
    for service in (*GATEWAYS, *INTERFACES):
        if endpoints.get(service, {}).get("State", "").lower() != "available":
            raise Failed(f"the VPC has no endpoint of {service}", region=region)
    tables = _route_tables(ec2, place)
    for service in GATEWAYS:
        if not tables <= set(endpoints[service].get("RouteTableIds", ())):
            raise Failed(f"no route of the functions' subnets leads to {service}", region=region)
    for service in INTERFACES:
        if endpoints[service].get("PrivateDnsEnabled") is False:
            raise Failed(f"the private DNS of the endpoint of {service} is off", region=region)
    _require_rules(ec2, place["SecurityGroupIds"], region)
    return f"{len(GATEWAYS) + len(INTERFACES)} services"


def _route_tables(ec2: Any, place: Row) -> set[str]:
    """Return the route tables that are associated with the functions' subnets."""
    named = [{"Name": "association.subnet-id", "Values": place["SubnetIds"]}]
    found = ec2.describe_route_tables(Filters=named)["RouteTables"]
    return {str(table["RouteTableId"]) for table in found}


def _require_rules(ec2: Any, groups: Sequence[str], region: str) -> None:
    """Require rules that allow traffic from the functions to the interface endpoints, on both sides."""
    out = [row for row in _rules(ec2, groups) if row["IsEgress"]]
    if any(row.get("CidrIpv4") == "0.0.0.0/0" for row in out):
        return
    targets = {str(row["ReferencedGroupInfo"]["GroupId"]) for row in out if row.get("ReferencedGroupInfo")}
    if not targets:
        raise Failed(
            "the functions' security group allows no traffic to the interface endpoints", region=region
        )
    entries = [row for row in _rules(ec2, sorted(targets)) if not row["IsEgress"]]
    if not {row.get("ReferencedGroupInfo", {}).get("GroupId") for row in entries} & set(groups):
        raise Failed("the endpoints' security group does not allow traffic from the functions", region=region)


def _rules(ec2: Any, groups: Sequence[str]) -> list[Row]:
    """Return the rules of security groups that cover HTTPS."""
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": list(groups)}])
    return [
        row
        for row in found["SecurityGroupRules"]
        if row["IpProtocol"] == "-1" or row.get("FromPort", 0) <= HTTPS <= row.get("ToPort", -1)
    ]
