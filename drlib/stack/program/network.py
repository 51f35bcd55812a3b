"""A region's network: private subnets that reach the AWS services the functions use, and nothing else.

Creates a VPC with two private subnets in two zones, a route table without a way out, gateway endpoints for
DynamoDB and S3, interface endpoints with private DNS for the other services, and security groups that allow
port 443 from the functions to the endpoints. The VPC's default security group is emptied.

No NAT: an interface endpoint is regional, so a function here cannot call another region. What must cross
regions goes through services that do so themselves: SNS, global tables, bucket replication.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from drlib.deployed.names import partition
from drlib.stack.program.component import Component, Scope, document, statement

# Services, and what the functions do there. Their logs travel outside the VPC and need no endpoint.
GATEWAY_SERVICES = {
    "dynamodb": ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
    "s3": ("s3:PutObject",),
}
INTERFACE_SERVICES = {
    "monitoring": ("cloudwatch:PutMetricData",),
    "sns": ("sns:Publish",),
    "sqs": ("sqs:ChangeMessageVisibility",),
}
HTTPS = 443


@dataclass(frozen=True)
class NetworkArgs:
    """One region's network.

    Args:
        region: where.
        cidr: the VPC's address range, a /16 that no other region of the stack uses.
        subnet_cidrs: one range for each zone.
    """

    region: str
    cidr: str
    subnet_cidrs: Sequence[str]


class Network(Component):
    """See the module. `subnet_ids` and `functions_group_id` are for functions."""

    def __init__(self, name: str, args: NetworkArgs, scope: Scope) -> None:
        super().__init__("Network", name)
        self.args, self.scope = args, scope
        self.label = scope.names.regional("network", args.region)
        self.vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            region=args.region,
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=scope.tagged(self.label),
            opts=self.child(),
        )
        self.subnet_ids, route_table = self._subnets(name)
        self.functions_group_id, endpoints_group_id = self._groups(name)
        self._endpoints(name, route_table, endpoints_group_id)
        self.register_outputs({})

    def _subnets(self, name: str) -> tuple[list[pulumi.Output[str]], aws.ec2.RouteTable]:
        region, scope = self.args.region, self.scope
        zones = aws.get_availability_zones(
            region=region,
            state="available",
            filters=[
                aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])
            ],
        ).names
        table = aws.ec2.RouteTable(
            f"{name}-routes",
            region=region,
            vpc_id=self.vpc.id,
            tags=scope.tagged(self.label),
            opts=self.child(),
        )
        ids = []
        for number, (zone, cidr) in enumerate(zip(zones, self.args.subnet_cidrs, strict=False), start=1):
            subnet = aws.ec2.Subnet(
                f"{name}-subnet-{number}",
                region=region,
                vpc_id=self.vpc.id,
                availability_zone=zone,
                cidr_block=cidr,
                tags=scope.tagged(f"{self.label}-{number}"),
                opts=self.child(),
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-subnet-{number}-routes",
                region=region,
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self.child(),
            )
            ids.append(subnet.id)
        return ids, table

    def _groups(self, name: str) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Two groups and the one way between them; the default group is taken over and left without rules."""
        region, scope = self.args.region, self.scope
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-group",
            region=region,
            vpc_id=self.vpc.id,
            tags=scope.tagged(f"{self.label}-unused"),
            opts=self.child(),
        )
        groups = {}
        for role, text in (("functions", "Payments functions"), ("endpoints", "Interface endpoints")):
            called = scope.names.regional(role, region)
            groups[role] = aws.ec2.SecurityGroup(
                f"{name}-{role}",
                region=region,
                name=called,
                description=text,
                vpc_id=self.vpc.id,
                tags=scope.tagged(called),
                opts=self.child(),
            )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-endpoints",
            region=region,
            security_group_id=groups["functions"].id,
            referenced_security_group_id=groups["endpoints"].id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            opts=self.child(),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from-functions",
            region=region,
            security_group_id=groups["endpoints"].id,
            referenced_security_group_id=groups["functions"].id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            opts=self.child(),
        )
        return groups["functions"].id, groups["endpoints"].id

    def _endpoints(
        self, name: str, route_table: aws.ec2.RouteTable, endpoints_group_id: pulumi.Output[str]
    ) -> None:
        region, scope = self.args.region, self.scope
        for service in GATEWAY_SERVICES:
            gateway = aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                region=region,
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[route_table.id],
                policy=self._lets_pass(service),
                tags=scope.tagged(f"{self.label}-{service}"),
                opts=self.child(),
            )
            aws.vpc.SecurityGroupEgressRule(
                f"{name}-to-{service}",
                region=region,
                security_group_id=self.functions_group_id,
                prefix_list_id=gateway.prefix_list_id,
                ip_protocol="tcp",
                from_port=HTTPS,
                to_port=HTTPS,
                opts=self.child(),
            )
        for service in INTERFACE_SERVICES:
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                region=region,
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=self.subnet_ids,
                security_group_ids=[endpoints_group_id],
                policy=self._lets_pass(service),
                tags=scope.tagged(f"{self.label}-{service}"),
                opts=self.child(),
            )

    def _lets_pass(self, service: str) -> pulumi.Output[str]:
        """Policy of an endpoint: what this account's functions do with the stack's own resources passes."""
        scope, region = self.scope, self.args.region
        names = scope.names
        resources = {
            "dynamodb": scope.arn("dynamodb", region, f"table/{names.shared('payments')}"),
            "s3": f"arn:{partition(region)}:s3:::{names.bucket('receipts', region)}/*",
            "monitoring": "*",  # takes no resource
            "sns": scope.arn("sns", region, names.regional("events", region)),
            "sqs": scope.arn("sqs", region, names.regional("work", region)),
        }
        actions = {**GATEWAY_SERVICES, **INTERFACE_SERVICES}[service]
        own = {"StringEquals": {"aws:PrincipalAccount": scope.account_id}}
        return document(statement(actions, resources[service], principal="*", condition=own))
