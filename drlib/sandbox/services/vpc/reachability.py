"""The network path from a function in a VPC to an AWS service, through endpoints or the internet.

A function in a VPC has no public address. It reaches an AWS service

- through an interface endpoint of that service in its VPC, if the service's name resolves to the endpoint
  (private DNS, which needs DNS support and DNS hostnames in the VPC) and port 443 is open on both sides;
- through a gateway endpoint (DynamoDB, S3) that is associated with the route table of its subnet, if its
  security groups allow traffic to the service's prefix list;
- through the internet, if the route table leads to a public NAT gateway and its security groups allow it.

An endpoint serves only the region that it is in. A call without a path is not refused: its packets are
dropped, and the caller waits.

https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from drlib.sandbox.services.vpc.refusals import supports_private_dns

HTTPS = 443
ANYWHERE = "0.0.0.0/0"
ALL_PROTOCOLS = "-1"
TCP = ("tcp", "6")

Records = Mapping[str, Mapping[str, Any]]
"""EC2 resources of one type: id -> record, with the members of the EC2 API."""


@dataclass(frozen=True)
class Ec2State:
    """EC2's state in one region.

    Attributes:
        prefix_lists: AWS-managed prefix lists, service -> (id, address range).
    """

    vpcs: Records = field(default_factory=dict)
    subnets: Records = field(default_factory=dict)
    route_tables: Records = field(default_factory=dict)
    endpoints: Records = field(default_factory=dict)
    groups: Records = field(default_factory=dict)
    nat_gateways: Records = field(default_factory=dict)
    internet_gateways: Records = field(default_factory=dict)
    prefix_lists: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class FunctionNetwork:
    """The region, subnets and security groups of a function.

    Attributes:
        subnet_ids: its subnets; an invocation can run in any of them.
        group_ids: its security groups.
    """

    region: str
    subnet_ids: tuple[str, ...]
    group_ids: tuple[str, ...]


@dataclass(frozen=True)
class NetworkPath:
    """The path from a function to a service's API.

    Attributes:
        blocked_by: why there is no path; empty if there is one from each of the function's subnets.
        policies: the policies of the endpoints on the path; each must allow the request.
    """

    blocked_by: str = ""
    policies: tuple[str, ...] = ()


def find_path(
    ec2: Ec2State, network: FunctionNetwork, *, service: str, region: str, is_global: bool = False
) -> NetworkPath:
    """Find the path from a function to a service's API.

    Args:
        ec2: the state of the function's region.
        network: the network of the function.
        service: its name in request signatures, e.g. "sqs", "monitoring".
        region: the region of the API.
        is_global: whether the service has one API for all regions.
    """
    gone = [subnet_id for subnet_id in network.subnet_ids if subnet_id not in ec2.subnets]
    if gone:
        return NetworkPath(f"its subnet {gone[0]} does not exist")
    if is_global or region == network.region:
        name = f"com.amazonaws.{service}" if is_global else f"com.amazonaws.{region}.{service}"
        vpc_id = ec2.subnets[network.subnet_ids[0]]["VpcId"]
        endpoint = _interface_endpoint(ec2, vpc_id, name)
        if endpoint is not None:
            return _path_to_interface(ec2, network, endpoint)
    paths = [_path_from_subnet(ec2, network, ec2.subnets[one], service, region) for one in network.subnet_ids]
    blocked = next((found for found in paths if found.blocked_by), None)
    return blocked or NetworkPath(
        policies=tuple(dict.fromkeys(policy for found in paths for policy in found.policies))
    )


def _interface_endpoint(ec2: Ec2State, vpc_id: str, name: str) -> Mapping[str, Any] | None:
    """Return the endpoint that the service's public name resolves to in the VPC."""
    if not supports_private_dns(ec2.vpcs.get(vpc_id, {})):
        return None
    for endpoint in ec2.endpoints.values():
        if endpoint["VpcId"] == vpc_id and endpoint["ServiceName"] == name and _has_private_dns(endpoint):
            return endpoint
    return None


def _has_private_dns(endpoint: Mapping[str, Any]) -> bool:
    return (
        endpoint["VpcEndpointType"] == "Interface"
        and endpoint["State"] == "available"
        and bool(endpoint.get("PrivateDnsEnabled"))
        and bool(endpoint.get("SubnetIds"))
    )


def _path_to_interface(ec2: Ec2State, network: FunctionNetwork, endpoint: Mapping[str, Any]) -> NetworkPath:
    endpoint_id = endpoint["VpcEndpointId"]
    groups = endpoint.get("SecurityGroupIds", ())
    if not _allows_https(
        ec2, network.group_ids, "Egress", groups=groups, networks=_ranges(ec2, endpoint["SubnetIds"])
    ):
        return NetworkPath(
            f"its security groups do not let it out to the endpoint {endpoint_id} on port {HTTPS}"
        )
    if not _allows_https(
        ec2, groups, "", groups=network.group_ids, networks=_ranges(ec2, network.subnet_ids)
    ):
        return NetworkPath(
            f"the security groups of the endpoint {endpoint_id} do not let it in on port {HTTPS}"
        )
    return _path_through(endpoint)


def _path_through(endpoint: Mapping[str, Any]) -> NetworkPath:
    policy = endpoint.get("PolicyDocument")
    return NetworkPath(policies=(policy,) if policy else ())


def _path_from_subnet(
    ec2: Ec2State, network: FunctionNetwork, subnet: Mapping[str, Any], service: str, region: str
) -> NetworkPath:
    table = _route_table(ec2, subnet)
    name = f"com.amazonaws.{region}.{service}"
    gateway = _gateway_endpoint(ec2, table, name) if region == network.region else None
    if gateway is not None:
        list_id, addresses = ec2.prefix_lists[service]
        if _allows_https(
            ec2, network.group_ids, "Egress", lists=(list_id,), networks=[IPv4Network(addresses)]
        ):
            return _path_through(gateway)
        return NetworkPath(f"its security groups do not let it out to the prefix list {list_id}")
    if not _reaches_internet(ec2, table):
        return NetworkPath(
            f"there is no endpoint for {service} in {region}, and no route to the internet, "
            f"from {subnet['SubnetId']}"
        )
    if not _allows_https(ec2, network.group_ids, "Egress", networks=[IPv4Network(ANYWHERE)]):
        return NetworkPath(f"its security groups do not let it out to the internet on port {HTTPS}")
    return NetworkPath()


def _route_table(ec2: Ec2State, subnet: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the route table of a subnet: its own, or the main one of the VPC."""
    main: Mapping[str, Any] = {}
    for table in ec2.route_tables.values():
        for association in table.get("Associations", ()):
            if association.get("SubnetId") == subnet["SubnetId"]:
                return table
            if association.get("Main") and table["VpcId"] == subnet["VpcId"]:
                main = table
    return main


def _gateway_endpoint(ec2: Ec2State, table: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return the gateway endpoint of a service that is associated with a route table."""
    for endpoint in ec2.endpoints.values():
        if (
            endpoint["VpcEndpointType"] == "Gateway"
            and endpoint["State"] == "available"
            and endpoint["ServiceName"] == name
            and table.get("RouteTableId") in endpoint.get("RouteTableIds", ())
        ):
            return endpoint
    return None


def _reaches_internet(ec2: Ec2State, table: Mapping[str, Any]) -> bool:
    """Return whether a route table leads to the internet through a public NAT gateway.

    An internet gateway in the function's own subnet does not help: a function has no public address.
    """
    for route in _default_routes(table):
        nat = ec2.nat_gateways.get(route.get("NatGatewayId", ""))
        if nat and nat["State"] == "available" and nat.get("ConnectivityType", "public") == "public":
            subnet = ec2.subnets.get(nat["SubnetId"], {"SubnetId": nat["SubnetId"], "VpcId": nat["VpcId"]})
            beyond = _default_routes(_route_table(ec2, subnet))
            return any(_is_attached(ec2, onward.get("GatewayId", ""), nat["VpcId"]) for onward in beyond)
    return False


def _default_routes(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [route for route in table.get("Routes", ()) if route.get("DestinationCidrBlock") == ANYWHERE]


def _is_attached(ec2: Ec2State, gateway_id: str, vpc_id: str) -> bool:
    gateway = ec2.internet_gateways.get(gateway_id, {})
    return any(attachment.get("VpcId") == vpc_id for attachment in gateway.get("Attachments", ()))


def _ranges(ec2: Ec2State, subnet_ids: Iterable[str]) -> list[IPv4Network]:
    found = (ec2.subnets.get(subnet_id, {}).get("CidrBlock") for subnet_id in subnet_ids)
    return [IPv4Network(cidr) for cidr in found if cidr]


def _allows_https(
    ec2: Ec2State,
    group_ids: Iterable[str],
    direction: str,
    *,
    groups: Iterable[str] = (),
    lists: Iterable[str] = (),
    networks: Iterable[IPv4Network] = (),
) -> bool:
    """Return whether the rules of security groups allow port 443.

    Args:
        group_ids: the security groups; their rules are combined.
        direction: "Egress", or "" for ingress.
        groups: security groups of the other side; one that a rule names is enough.
        lists: prefix lists of the other side; one that a rule names is enough.
        networks: the address ranges of the other side; the rules must cover all of them.
    """
    rules = [rule for group_id in group_ids for rule in _rules(ec2, group_id, direction)]
    if any(pair.get("GroupId") in groups for rule in rules for pair in rule.get("UserIdGroupPairs", ())):
        return True
    if any(entry.get("PrefixListId") in lists for rule in rules for entry in rule.get("PrefixListIds", ())):
        return True
    ranges = [
        IPv4Network(entry["CidrIp"], strict=False) for rule in rules for entry in rule.get("IpRanges", ())
    ]
    wanted = list(networks)
    return bool(wanted) and all(any(one.subnet_of(wide) for wide in ranges) for one in wanted)


def _rules(ec2: Ec2State, group_id: str, direction: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rules of a group that include port 443."""
    for rule in ec2.groups.get(group_id, {}).get(f"IpPermissions{direction}", ()):
        protocol = rule["IpProtocol"]
        ports = rule.get("FromPort", 0), rule.get("ToPort", 65535)
        if protocol == ALL_PROTOCOLS or (protocol in TCP and ports[0] <= HTTPS <= ports[1]):
            yield rule
