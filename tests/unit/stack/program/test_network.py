"""The network: ranges, zones, endpoints and groups."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any

from tests.unit.stack.program.reading import PAIR, role_policies


def test_ranges_do_not_overlap_and_subnets_lie_in_two_zones(planned: Any) -> None:
    first, second = (ipaddress.ip_network(vpc["cidrBlock"]) for vpc in planned.of("ec2/vpc:Vpc").values())
    assert not first.overlaps(second)
    for vpc in planned.of("ec2/vpc:Vpc").values():
        assert vpc["enableDnsSupport"] and vpc["enableDnsHostnames"]
        inside = [
            subnet for subnet in planned.of("ec2/subnet:Subnet").values() if subnet["region"] == vpc["region"]
        ]
        assert len({subnet["availabilityZone"] for subnet in inside}) == 2
        ranges = [ipaddress.ip_network(subnet["cidrBlock"]) for subnet in inside]
        assert not ranges[0].overlaps(ranges[1])
        assert all(found.subnet_of(ipaddress.ip_network(vpc["cidrBlock"])) for found in ranges)


def test_every_service_that_a_function_calls_has_an_endpoint(planned: Any) -> None:
    endpoints = {
        "monitoring": "cloudwatch",
        "dynamodb": "dynamodb",
        "s3": "s3",
        "sns": "sns",
        "sqs": "sqs",
    }
    for region in PAIR:
        there = {
            endpoints[inputs["serviceName"].rsplit(".", 1)[1]]
            for inputs in planned.of("ec2/vpcEndpoint:VpcEndpoint").values()
            if inputs["region"] == region
        }
        called = {
            action.split(":")[0]
            for name, statement in role_policies(planned)
            if "replication" not in name
            for action in statement["Action"]
        }
        assert called - {"ec2", "logs"} == there  # Lambda itself writes the logs and makes the interfaces


def test_endpoints_are_reached_by_name_from_private_subnets(planned: Any) -> None:
    for name, inputs in planned.of("ec2/vpcEndpoint:VpcEndpoint").items():
        (statement,) = json.loads(inputs["policy"])["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}
        if inputs["vpcEndpointType"] == "Interface":
            assert inputs["privateDnsEnabled"] is True, name
            assert len(inputs["subnetIds"]) == 2 and len(inputs["securityGroupIds"]) == 1
        else:
            assert len(inputs["routeTableIds"]) == 1, name
    assert len(planned.of("ec2/routeTableAssociation:RouteTableAssociation")) == 4


def test_functions_get_out_by_https_to_endpoints_alone(planned: Any) -> None:
    rules = planned.of("vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    assert len(rules) == 6
    for inputs in [
        *rules.values(),
        *planned.of("vpc/securityGroupIngressRule:SecurityGroupIngressRule").values(),
    ]:
        assert (inputs["ipProtocol"], inputs["fromPort"], inputs["toPort"]) == ("tcp", 443, 443)
        assert "cidrIpv4" not in inputs and "cidrIpv6" not in inputs
        assert inputs.get("referencedSecurityGroupId") or inputs.get("prefixListId")
    for inputs in planned.of("ec2/defaultSecurityGroup:DefaultSecurityGroup").values():
        assert "ingress" not in inputs and "egress" not in inputs


def test_without_a_vpc_nothing_of_it_is_left(plan: Callable[..., Any]) -> None:
    planned = plan(lambda_in_vpc=False)
    assert not [kind for kind, _, _ in planned.resources if kind.startswith(("aws:ec2/", "aws:vpc/"))]
    assert all("vpcConfig" not in inputs for inputs in planned.of("lambda/function:Function").values())
    assert not any("ec2:" in json.dumps(statement) for _, statement in role_policies(planned))
