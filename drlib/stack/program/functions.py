"""A region's functions: payments, settlement and latch, each with a role of its own.

A role allows what its function calls, on this region's resources. Two kinds of action take no resource, and
stand on `*`: the EC2 describe calls that Lambda makes for a function in a VPC, and
`cloudwatch:PutMetricData`, which is held to one namespace instead. The settlement worker reads the work
queue; the latch function runs every minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from drlib.stack.program.component import Component, Scope, document, foreseen, statement, trust
from drlib.stack.program.messaging import RegionQueues
from drlib.stack.program.network import Network

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
TIMEOUT_SECONDS = 10
MEMORY_MB = 256
LOG_DAYS = 30
BATCH_SIZE = 10
MAX_CONCURRENCY = 5
METRIC_NAMESPACE = "PaymentsDR"
METRIC_NAME = "FailoverRequested"


@dataclass(frozen=True)
class FunctionsArgs:
    """One region's functions.

    Args:
        region: where.
        role: `primary` or `standby`.
        standby_region: the latch's item is named after it.
        public_name: the name that clients use.
        code: path of the archive that all functions share.
        table_name: the table.
        table_arn: this region's replica of it.
        bucket: this region's receipts.
        bucket_arn: the ARN of that bucket.
        queues: this region's topic and queues.
        network: where the functions run; None leaves them out of a VPC.
    """

    region: str
    role: str
    standby_region: str
    public_name: str
    code: str
    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]
    bucket: aws.s3.Bucket
    bucket_arn: pulumi.Output[str]
    queues: RegionQueues
    network: Network | None


class Functions(Component):
    """See the module. `by_name` has the functions, `roles` the names of their roles."""

    def __init__(self, name: str, args: FunctionsArgs, scope: Scope) -> None:
        super().__init__("Functions", name)
        self.args, self.scope = args, scope
        self.by_name: dict[str, aws.lambda_.Function] = {}
        self.roles: dict[str, str] = {}
        common = {"TABLE_NAME": args.table_name, "STANDBY_REGION": args.standby_region}
        latch = {"STACK": scope.names.suffix, "METRIC_NAMESPACE": METRIC_NAMESPACE}
        self._function(
            name,
            "payments",
            {
                **common,
                **latch,
                "TOPIC_ARN": args.queues.topic_arn,
                "PUBLIC_NAME": args.public_name,
                "REGION_ROLE": args.role,
            },
            self._payments_may(),
        )
        self._function(
            name,
            "settlement",
            {
                **common,
                "BUCKET_NAME": args.bucket.bucket,
                "QUEUE_URL": args.queues.work.url,
                "REGION_ROLE": args.role,
            },
            self._settlement_may(),
        )
        self._function(name, "latch", {**common, **latch}, self._latch_may())
        self._consume(name)
        self._schedule(name)
        self.register_outputs({})

    def _payments_may(self) -> list[dict[str, Any]]:
        table = self.args.table_arn
        allowed = [
            statement(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"], table),
            statement(["sns:Publish"], self.args.queues.topic_arn),
        ]
        if self.args.role == "standby":
            own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["LATCH"]}}
            allowed += [statement(["dynamodb:UpdateItem"], table, condition=own), self._put_metric()]
        return allowed

    def _settlement_may(self) -> list[dict[str, Any]]:
        return [
            statement(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"], self.args.table_arn),
            statement(["s3:PutObject"], pulumi.Output.concat(self.args.bucket_arn, "/receipts/*")),
            statement(
                [
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:ReceiveMessage",
                ],
                self.args.queues.work_arn,
            ),
        ]

    def _latch_may(self) -> list[dict[str, Any]]:
        return [statement(["dynamodb:GetItem"], self.args.table_arn), self._put_metric()]

    def _put_metric(self) -> dict[str, Any]:
        own = {"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACE}}
        return statement(["cloudwatch:PutMetricData"], "*", condition=own)

    def _run_in_vpc(self, network: Network) -> list[dict[str, Any]]:
        """What Lambda asks for before it puts a function into a VPC, held to this network where EC2 can."""
        region, arn = self.args.region, self.scope.arn
        interfaces = arn("ec2", region, "network-interface/*")

        def one(kind: str, id: pulumi.Output[str], named: str) -> pulumi.Output[str]:
            made = id.apply(lambda value: arn("ec2", region, f"{kind}/{value}"))
            return foreseen(made, arn("ec2", region, f"{kind}/{named}"))

        subnets = [one("subnet", id, f"{at}") for at, id in enumerate(network.subnet_ids, start=1)]
        group = one("security-group", network.functions_group_id, "functions")
        return [
            statement(["ec2:CreateNetworkInterface"], [interfaces, group, *subnets]),
            # Lambda tests these on a resource of no type, and refuses a role that names interfaces only.
            statement(
                [
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:DeleteNetworkInterface",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                [interfaces, arn("ec2", region, "*/*")],
            ),
            statement(["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], "*"),
        ]

    def _function(
        self,
        name: str,
        role_name: str,
        variables: Mapping[str, Any],
        allowed: Sequence[Mapping[str, Any]],
    ) -> None:
        region, scope, network = self.args.region, self.scope, self.args.network
        called = self.roles[role_name] = scope.names.regional(role_name, region)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-{role_name}-logs",
            region=region,
            name=f"/aws/lambda/{called}",
            retention_in_days=LOG_DAYS,
            tags=scope.tagged(called),
            opts=self.child(),
        )
        role = aws.iam.Role(
            f"{name}-{role_name}-role",
            name=called,
            assume_role_policy=trust("lambda.amazonaws.com", scope.account_id),
            tags=scope.tagged(called),
            opts=self.child(),
        )
        write_logs = statement(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            pulumi.Output.concat(
                foreseen(logs.arn, scope.arn("logs", region, f"log-group:/aws/lambda/{called}")), ":*"
            ),
        )
        in_vpc = self._run_in_vpc(network) if network else []
        policy = aws.iam.RolePolicy(
            f"{name}-{role_name}-policy",
            name=role_name,
            role=role.name,
            policy=document(*allowed, write_logs, *in_vpc),
            opts=self.child(),
        )
        vpc = network and aws.lambda_.FunctionVpcConfigArgs(
            subnet_ids=network.subnet_ids, security_group_ids=[network.functions_group_id]
        )
        self.by_name[role_name] = aws.lambda_.Function(
            f"{name}-{role_name}",
            region=region,
            name=called,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=f"{role_name}.handler.handler",
            code=pulumi.FileArchive(self.args.code),
            role=foreseen(role.arn, scope.role_arn(region, called)),
            timeout=TIMEOUT_SECONDS,
            memory_size=MEMORY_MB,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=dict(variables)),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=logs.name),
            vpc_config=vpc,
            tags=scope.tagged(called),
            # Lambda refuses a function whose role may not do what its VPC needs.
            opts=self.child(depends_on=[policy]),
        )

    def _consume(self, name: str) -> None:
        aws.lambda_.EventSourceMapping(
            f"{name}-settlement-source",
            region=self.args.region,
            event_source_arn=self.args.queues.work_arn,
            function_name=self.by_name["settlement"].name,
            batch_size=BATCH_SIZE,
            enabled=True,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=MAX_CONCURRENCY
            ),
            opts=self.child(),
        )

    def _schedule(self, name: str) -> None:
        region, scope, latch = self.args.region, self.scope, self.by_name["latch"]
        called = scope.names.regional("latch", region)
        rule = aws.cloudwatch.EventRule(
            f"{name}-latch-rule",
            region=region,
            name=called,
            description="Publishes, every minute, whether the standby is to stay active",
            schedule_expression="rate(1 minute)",
            tags=scope.tagged(called),
            opts=self.child(),
        )
        permission = aws.lambda_.Permission(
            f"{name}-latch-permission",
            region=region,
            statement_id="schedule",
            action="lambda:InvokeFunction",
            function=latch.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=self.child(),
        )
        aws.cloudwatch.EventTarget(
            f"{name}-latch-target",
            region=region,
            rule=rule.name,
            target_id="latch",
            arn=latch.arn,
            opts=self.child(depends_on=[permission]),
        )
