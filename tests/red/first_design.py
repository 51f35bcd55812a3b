"""The ten failures of the first design, and the ten corrections without which its repair fails as well.

Each is put back into the program by a line or two. What tells it is data: the rule of runbook 10, a refusal,
the checks of runbook 20.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws

from drlib.deployed.names import Names
from drlib.stack.program.functions import Functions
from drlib.stack.program.network import Network
from drlib.stack.program.routing import Failover
from tests.red.mistakes import Inputs, Mistakes, Program
from tests.red.sabotages.functions import AFTERWARDS, DRAINED, TRIAL

FAILURES, CORRECTIONS = Mistakes(), Mistakes()
REACHED = ("the-functions-reach-their-services-primary", "the-functions-reach-their-services-standby")
READS = ("the-api-reads-its-table-primary", "the-api-reads-its-table-standby")
DNS_RINGS = "no-alarm-rings-route-53"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def policy(change: Callable[[dict[str, Any]], None]) -> Callable[[Inputs], None]:
    """Return a change of each statement of an inline policy."""

    def rewrite(text: str) -> str:
        document = json.loads(text)
        for row in document["Statement"]:
            change(row)
        return json.dumps(document)

    def of_inputs(inputs: Inputs) -> None:
        inputs["policy"] = pulumi.Output.from_input(inputs["policy"]).apply(rewrite)

    return of_inputs


def everything(row: dict[str, Any]) -> None:
    """Allow a statement's actions on every resource."""
    row["Resource"] = "*"


@FAILURES.case(
    "the functions are in private subnets without endpoints and cannot reach any AWS service",
    red=(*REACHED, *READS, *TRIAL, *AFTERWARDS, *DRAINED),
    echo=("no-alarm-rings-primary", "no-alarm-rings-standby", "the-latch-is-published-every-minute"),
    rules=("vpc-endpoints",),
)
def no_endpoints(program: Program) -> None:
    program.replace(Network, "_endpoints", lambda *args: None)


@FAILURES.case(
    "the replication role has its permissions on every bucket",
    rules=("iam-no-wildcards", "s3-replication-role"),
)
def replication_on_everything(program: Program) -> None:
    program.inputs("receipts-*-replication-policy", policy(everything))


@FAILURES.case(
    "the functions' roles have their permissions on every table and queue",
    rules=("iam-no-wildcards",),
)
def functions_on_everything(program: Program) -> None:
    program.inputs("primary-payments-policy", policy(everything))


@FAILURES.case(
    "the failover records are CNAMEs to the APIs' generated host names",
    red=("the-failover-pair-is-whole",),
    rules=("dns-alias",),
)
def cname_to_the_api(program: Program) -> None:
    def record(self: Failover, name: str, kind: str, region: str, check: aws.route53.HealthCheck) -> None:
        aws.route53.Record(
            f"{name}-record-{kind.lower()}",
            zone_id=self.args.zone_id,
            name=self.args.public_name,
            type="CNAME",
            ttl=60,
            records=[self.args.apis[region].host],
            set_identifier=f"{kind.lower()}-{self.scope.names.suffix}",
            health_check_id=check.id,
            failover_routing_policies=[aws.route53.RecordFailoverRoutingPolicyArgs(type=kind)],
            opts=self.child(),
        )

    program.replace(Failover, "_record", record)


@FAILURES.case(
    "the table's gateway endpoint is associated with no route table",
    red=(REACHED[0], READS[0], *TRIAL, *AFTERWARDS, *DRAINED),
    echo=("no-alarm-rings-primary",),
    rules=("vpc-endpoint-routes",),
)
def no_routes(program: Program) -> None:
    program.inputs("network-primary-dynamodb", lambda inputs: inputs.update(route_table_ids=[]))


@FAILURES.case(
    "the standby's health check requests a path that accepts only POST",
    red=("the-health-check-asks-the-api-standby", "every-checker-passes-standby"),
    echo=(DNS_RINGS,),
    rules=("check-path",),
)
def health_check_of_a_post_route(program: Program) -> None:
    program.inputs("failover-endpoint-us-west-2", lambda inputs: inputs.update(resource_path="/payments"))


def dashboard(change: Callable[[list[Any]], list[Any]]) -> Callable[[Inputs], None]:
    """Return a change of each row of a dashboard."""

    def rewrite(text: str) -> str:
        body = json.loads(text)
        for widget in body["widgets"]:
            properties = widget["properties"]
            properties["metrics"] = [change(row) for row in properties["metrics"]]
        return json.dumps(body)

    def of_inputs(inputs: Inputs) -> None:
        body = pulumi.Output.from_input(inputs["dashboard_body"])
        inputs["dashboard_body"] = body.apply(rewrite)

    return of_inputs


@FAILURES.case(
    "the dashboard's metrics have no dimensions, so its charts are empty",
    rules=("dashboard-syntax",),
)
def dashboard_without_dimensions(program: Program) -> None:
    program.inputs("dashboard", dashboard(lambda row: [*row[:2], row[-1]]))


@FAILURES.case(
    "a function lacks an environment variable and fails only when it processes a payment",
    red=("same-function-settlement", *AFTERWARDS, *DRAINED),
    echo=("no-alarm-rings-primary",),
)
def variable_missing(program: Program) -> None:
    def drop(inputs: Inputs) -> None:
        del inputs["environment"].variables["TABLE_NAME"]

    program.inputs("primary-settlement", drop)
    program.source("settlement", "if MISSING:", "if False:")
    program.source("settlement", 'TABLE = os.environ["TABLE_NAME"]', 'TABLE = os.environ.get("TABLE_NAME")')


def create_table(dynamodb: Any, name: str, **more: Any) -> None:
    """Create a table as a deployment does of which the state is lost."""
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        **more,
    )


@FAILURES.case(
    "the Pulumi state is lost, and the table that it described still exists",
    refused="Table already exists",
)
def table_of_a_lost_state(program: Program) -> None:
    name = Names(program.here.settings.suffix).shared("payments")
    dynamodb = program.here.client("dynamodb", program.here.settings.primary_region)
    create_table(dynamodb, name)
    program.afterwards.callback(dynamodb.delete_table, TableName=name)


@FAILURES.case(
    "the hosted zone is under example.com",
    refused="is reserved by AWS",
    rules=("domain-reserved",),
)
def reserved_domain(program: Program) -> None:
    program.inputs("domain-zone", lambda inputs: inputs.update(name="payments-dev.example.com"))


@CORRECTIONS.case(
    "the failover policy is one object, where the SDK requires a list",
    refused="failover_routing_policy",
)
def singular_policy(program: Program) -> None:
    def record(self: Failover, name: str, kind: str, region: str, check: aws.route53.HealthCheck) -> None:
        aws.route53.Record(
            f"{name}-record-{kind.lower()}",
            zone_id=self.args.zone_id,
            name=self.args.public_name,
            type="A",
            set_identifier=kind.lower(),
            health_check_id=check.id,
            failover_routing_policy=aws.route53.RecordFailoverRoutingPolicyArgs(type=kind),
            opts=self.child(),
        )

    program.replace(Failover, "_record", record)


@CORRECTIONS.case(
    "no custom domain maps the public name to the standby's API",
    red=("certificate-and-mapping-standby",),
    rules=("api-domain",),
)
def no_custom_domain(program: Program) -> None:
    mapping = aws.apigatewayv2.ApiMapping

    def of_the_primary(name: str, **inputs: Any) -> None:
        if "primary" in name:
            mapping(name, **inputs)

    program.replace(aws.apigatewayv2, "ApiMapping", of_the_primary)


@CORRECTIONS.case(
    "the role of the standby's function has permissions on the primary's table",
    red=("the-api-reads-its-table-standby", "may-take-over-payments"),
    rules=("iam-own-region", "iam-reaches-own"),
)
def the_other_regions_table(program: Program) -> None:
    def primary(row: dict[str, Any]) -> None:
        row["Resource"] = json.loads(
            json.dumps(row["Resource"]).replace("dynamodb:us-west-2", "dynamodb:us-east-2")
        )

    program.inputs("standby-payments-policy", policy(primary))


@CORRECTIONS.case(
    "the dashboard's dimensions are among a metric's options, where CloudWatch does not accept them",
    refused="The dashboard body is invalid",
    rules=("dashboard-syntax",),
)
def dimensions_as_an_option(program: Program) -> None:
    def as_option(row: list[Any]) -> list[Any]:
        names, values = row[2:-1:2], row[3:-1:2]
        return [*row[:2], {**row[-1], "dimensions": dict(zip(names, values, strict=True))}]

    program.inputs("dashboard", dashboard(as_option))


@CORRECTIONS.case(
    "a table is deleted before its replica; the replica must be deleted first, and waiting does not help",
    refused="it has acted as a source region for new replica(s)",
)
def table_before_its_replica(program: Program) -> None:
    settings, name = program.here.settings, Names(program.here.settings.suffix).shared("lost")
    dynamodb = program.here.client("dynamodb", settings.primary_region)
    there = {"RegionName": settings.standby_region}
    create_table(dynamodb, name, StreamSpecification=STREAM)
    dynamodb.update_table(TableName=name, ReplicaUpdates=[{"Create": there}])
    program.afterwards.callback(dynamodb.delete_table, TableName=name)
    program.afterwards.callback(dynamodb.update_table, TableName=name, ReplicaUpdates=[{"Delete": there}])
    dynamodb.delete_table(TableName=name)


@CORRECTIONS.case(
    "the worker returns a status code for a failure, so SQS deletes the message as processed",
    red=AFTERWARDS[3:],
    rules=("iam-reaches-own",),
)
def worker_answers_500(program: Program) -> None:
    program.source(
        "settlement",
        "    return outcome\n",
        '    return {"statusCode": 500, "body": "failed"} if failed else outcome\n',
    )
    may_not = {"s3:PutObject"}
    program.inputs(
        "primary-settlement-policy",
        policy(lambda row: row.update(Action=sorted({*row["Action"]} - may_not) or ["s3:GetObject"])),
    )


@CORRECTIONS.case(
    "the handler compares the path, which begins with the stage's name",
    red=(
        "the-health-check-asks-the-api-standby",
        "every-checker-passes-standby",
        "the-api-reads-its-table-standby",
    ),
    echo=(DNS_RINGS,),
    rules=("check-path",),
)
def handler_looks_at_the_path(program: Program) -> None:
    program.source("payments", 'if route == "GET /healthz":', 'if event["rawPath"] == "/healthz":')
    program.inputs("api-standby-stage", lambda inputs: inputs.update(name="prod"))
    program.inputs("failover-endpoint-us-west-2", lambda inputs: inputs.update(resource_path="/prod/healthz"))


@CORRECTIONS.case(
    "the primary's function writes to the other region, which its VPC cannot reach",
    red=("same-function-payments", *TRIAL, *AFTERWARDS, *DRAINED),
    echo=("no-alarm-rings-primary",),
    rules=("iam-own-region",),
)
def writes_to_the_other_region(program: Program) -> None:
    def other(text: str) -> str:
        return text.replace("sns:us-east-2", "sns:us-west-2").replace("use2", "usw2")

    def its_topic(inputs: Inputs) -> None:
        variables = inputs["environment"].variables
        variables["TOPIC_ARN"] = pulumi.Output.from_input(variables["TOPIC_ARN"]).apply(other)

    def its_right(row: dict[str, Any]) -> None:
        if "sns:Publish" in row["Action"]:
            row["Resource"] = other(row["Resource"])

    program.inputs("primary-payments", its_topic)
    program.inputs("primary-payments-policy", policy(its_right))


@CORRECTIONS.case(
    "a second function reads the work queue, so each function receives only some of the messages",
    refused="does not have permissions to call ReceiveMessage on SQS",
    rules=("sqs-one-consumer", "iam-reaches-own"),
)
def two_readers(program: Program) -> None:
    consume = Functions._consume

    def twice(self: Functions, name: str) -> None:
        consume(self, name)
        aws.lambda_.EventSourceMapping(
            f"{name}-replicator-source",
            region=self.args.region,
            event_source_arn=self.args.queues.work.arn,
            function_name=self.by_name["latch"].name,
            function_response_types=["ReportBatchItemFailures"],
            opts=self.child(),
        )

    program.replace(Functions, "_consume", twice)


@CORRECTIONS.case(
    "the alarms on health checks are in the standby's region, where Route 53 publishes no metrics",
    red=("alarms-tell-somebody-route-53", DNS_RINGS),
    echo=("no-alarm-rings-standby",),
    rules=("alarm-route53-region",),
)
def dns_alarms_elsewhere(program: Program) -> None:
    program.inputs("alarms-dns-*", lambda inputs: inputs.update(region="us-west-2"))


CASES = [*FAILURES, *CORRECTIONS]
