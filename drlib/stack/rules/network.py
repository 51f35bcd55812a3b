"""Rules on the network of the functions: endpoints, routes, security groups, address ranges."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator

from drlib.stack.plan import PlannedResource
from drlib.stack.rules.planned import Planned
from drlib.stack.rules.rule import rule

GATEWAYS = ("dynamodb", "s3")
ENDPOINT_OF = {"cloudwatch": "monitoring"}
"""Services whose endpoint has another name than their actions."""
OUTSIDE = ("logs", "ec2")
"""Services that Lambda itself calls for a function, from outside of the VPC."""
HTTPS = 443
ANYWHERE = ("0.0.0.0/0", "::/0")
FUNCTION, ENDPOINT = "lambda/function:Function", "ec2/vpcEndpoint:VpcEndpoint"
EGRESS = "vpc/securityGroupEgressRule:SecurityGroupEgressRule"
INGRESS = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP, SUBNET, VPC = "ec2/securityGroup:SecurityGroup", "ec2/subnet:Subnet", "ec2/vpc:Vpc"


@rule(
    "vpc-endpoints",
    "critical",
    requires="a VPC with functions has an endpoint for every service that their roles name",
    source="Lambda Developer Guide, Giving Lambda functions access to resources in an Amazon VPC",
    fix="Add the endpoint: without one, and without NAT, a call hangs until the function's timeout.",
)
def endpoints(planned: Planned) -> Iterator[str]:
    for function in _in_vpc(planned):
        for service in _services(planned, function):
            if not _endpoints(planned, function, service):
                yield f"{function.name} calls {service}, and its VPC has no endpoint for it"


@rule(
    "vpc-endpoint-names",
    "critical",
    requires="interface endpoints answer to the service's own name (private DNS, which the VPC resolves)",
    source="AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint: private DNS",
    fix="Set private_dns_enabled on the endpoint, and DNS support and host names on the VPC.",
)
def endpoint_names(planned: Planned) -> Iterator[str]:
    for endpoint in planned.of(ENDPOINT):
        if endpoint.inputs.get("vpcEndpointType") == "Interface" and not endpoint.inputs.get(
            "privateDnsEnabled"
        ):
            yield f"{endpoint.name} has no private DNS"
    for vpc in planned.of(VPC):
        for name in ("enableDnsSupport", "enableDnsHostnames"):
            if vpc.inputs.get(name) is not True:
                yield f"{vpc.name} has {name} off"


@rule(
    "vpc-endpoint-routes",
    "critical",
    requires="endpoints lie in the way of the functions' subnets: gateways in their route tables, "
    "interfaces in every zone",
    source="AWS PrivateLink Guide, Gateway endpoints: routing",
    fix="Associate the gateway endpoint with the subnets' route table, the interface one with the subnets.",
)
def endpoint_routes(planned: Planned) -> Iterator[str]:
    for function in _in_vpc(planned):
        subnets = planned.sources(function, "vpcConfig", SUBNET)
        for service in _services(planned, function):
            for endpoint in _endpoints(planned, function, service):
                for subnet in subnets:
                    if not _routed(planned, endpoint, subnet, gateway=service in GATEWAYS):
                        yield f"{endpoint.name} is not in the way of {subnet.name}, with {function.name}"


@rule(
    "vpc-security-groups",
    "critical",
    requires="security groups let the functions reach their endpoints by HTTPS, on both ends",
    source="AWS PrivateLink Guide, Control access to VPC endpoints using security groups",
    fix="Allow port 443 out of the functions' group to the endpoint (its group, or the gateway's prefix "
    "list), and into the endpoint's group from the functions' group.",
)
def security_groups(planned: Planned) -> Iterator[str]:
    for function in _in_vpc(planned):
        groups = planned.sources(function, "vpcConfig", GROUP)
        for service in _services(planned, function):
            for endpoint in _endpoints(planned, function, service):
                if not _may_leave(planned, groups, endpoint):
                    yield f"{function.name} may not send to {endpoint.name}"
                if service not in GATEWAYS and not _may_enter(planned, groups, endpoint):
                    yield f"{endpoint.name} takes nothing from {function.name}"


@rule(
    "vpc-closed",
    "high",
    requires="nothing of the VPC is open to the internet, and its default security group is empty",
    source="Security Hub User Guide, EC2.2: VPC default security groups should not allow traffic",
    fix="Allow the endpoints alone, and take the default group over without rules.",
)
def closed(planned: Planned) -> Iterator[str]:
    for kind in (EGRESS, INGRESS):
        for one in planned.of(kind):
            if one.inputs.get("cidrIpv4") in ANYWHERE or one.inputs.get("cidrIpv6") in ANYWHERE:
                yield f"{one.name} is open to every address"
    for group in (*planned.of(GROUP), *planned.of("ec2/defaultSecurityGroup:DefaultSecurityGroup")):
        for way in ("ingress", "egress"):
            if any(set(ANYWHERE) & set(each.get("cidrBlocks", ())) for each in group.inputs.get(way) or ()):
                yield f"{group.name} is open to every address ({way})"
    for vpc in planned.of(VPC):
        if not planned.users(vpc, "vpcId", "ec2/defaultSecurityGroup:DefaultSecurityGroup"):
            yield f"{vpc.name} keeps its default security group, which allows everything inside"


@rule(
    "vpc-zones",
    "high",
    requires="each VPC has subnets in two zones of its region at least",
    source="Lambda Developer Guide, Giving Lambda functions access to resources in an Amazon VPC: subnets",
    fix="Take the zones from aws.get_availability_zones(region=...), never from a letter after the region.",
)
def zones(planned: Planned) -> Iterator[str]:
    for vpc in planned.of(VPC):
        subnets = planned.users(vpc, "vpcId", SUBNET)
        found = {str(one.inputs.get("availabilityZone", "")) for one in subnets}
        if len(found) < 2:
            yield f"{vpc.name} has subnets in {', '.join(sorted(found)) or 'no zone'} alone"
        for one in subnets:
            if not str(one.inputs.get("availabilityZone", "")).startswith(vpc.region):
                yield f"{one.name} is not in a zone of {vpc.region}"


@rule(
    "vpc-ranges",
    "high",
    requires="address ranges of VPCs do not overlap, and subnets lie apart in their VPC's",
    source="VPC Peering Guide, Unsupported configurations: overlapping CIDR blocks",
    fix="Give each VPC a range of its own: two with one range can never be joined later.",
)
def ranges(planned: Planned) -> Iterator[str]:
    vpcs = [(one, ipaddress.ip_network(one.inputs["cidrBlock"])) for one in planned.of(VPC)]
    for at, (one, cidr) in enumerate(vpcs):
        for other, taken in vpcs[:at]:
            if cidr.overlaps(taken):
                yield f"{one.name} has {cidr}, which overlaps {taken} of {other.name}"
        inside: dict[str, list[ipaddress.IPv4Network | ipaddress.IPv6Network]] = defaultdict(list)
        for subnet in planned.users(one, "vpcId", SUBNET):
            part = ipaddress.ip_network(subnet.inputs["cidrBlock"])
            if not (part.network_address in cidr and part.broadcast_address in cidr):
                yield f"{subnet.name} has {part}, which is outside {cidr}"
            if any(part.overlaps(taken) for taken in inside[one.name]):
                yield f"{subnet.name} has {part}, which another subnet has too"
            inside[one.name].append(part)


def _in_vpc(planned: Planned) -> Iterator[PlannedResource]:
    for function in planned.of(FUNCTION):
        if function.inputs.get("vpcConfig"):
            yield function


def _services(planned: Planned, function: PlannedResource) -> list[str]:
    """Return what the function's role lets it call through its VPC, by the endpoints' names."""
    named = {
        action.split(":")[0]
        for role in planned.sources(function, "role", "iam/role:Role")
        for found in planned.role_statements(role)
        if found.effect == "Allow"
        for action in found.actions
        if ":" in action
    }
    return sorted(ENDPOINT_OF.get(service, service) for service in named if service not in OUTSIDE)


def _endpoints(planned: Planned, function: PlannedResource, service: str) -> list[PlannedResource]:
    vpcs = {
        vpc.urn
        for subnet in planned.sources(function, "vpcConfig", SUBNET)
        for vpc in planned.sources(subnet, "vpcId", VPC)
    }
    wanted = f"com.amazonaws.{function.region}.{service}"
    return [
        one
        for one in planned.of(ENDPOINT)
        if one.inputs.get("serviceName") == wanted and vpcs & set(one.references.get("vpcId", ()))
    ]


def _routed(planned: Planned, endpoint: PlannedResource, subnet: PlannedResource, *, gateway: bool) -> bool:
    if not gateway:
        return subnet.urn in endpoint.references.get("subnetIds", ())
    tables = set(endpoint.references.get("routeTableIds", ()))
    ways = planned.users(subnet, "subnetId", "ec2/routeTableAssociation:RouteTableAssociation")
    return any(tables & set(way.references.get("routeTableId", ())) for way in ways)


def _may_leave(planned: Planned, groups: list[PlannedResource], endpoint: PlannedResource) -> bool:
    for one in planned.of(EGRESS):
        if not _https(one) or not _joins(one, "securityGroupId", groups):
            continue
        if one.inputs.get("cidrIpv4") in ANYWHERE or endpoint.urn in one.references.get("prefixListId", ()):
            return True
        own = planned.sources(endpoint, "securityGroupIds", GROUP)
        if _joins(one, "referencedSecurityGroupId", own):
            return True
    return False


def _may_enter(planned: Planned, groups: list[PlannedResource], endpoint: PlannedResource) -> bool:
    own = planned.sources(endpoint, "securityGroupIds", GROUP)
    return any(
        _https(one)
        and _joins(one, "securityGroupId", own)
        and _joins(one, "referencedSecurityGroupId", groups)
        for one in planned.of(INGRESS)
    )


def _https(one: PlannedResource) -> bool:
    if one.inputs.get("ipProtocol") == "-1":
        return True
    return bool(one.inputs.get("fromPort", 0) <= HTTPS <= one.inputs.get("toPort", 0))


def _joins(one: PlannedResource, name: str, groups: list[PlannedResource]) -> bool:
    return any(group.urn in one.references.get(name, ()) for group in groups)
