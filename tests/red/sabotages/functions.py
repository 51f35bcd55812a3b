"""Sabotages of the functions: their roles, their code, their front door."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from drlib import parameters
from drlib.stack.program import package
from tests.red.stage import Sabotages, Stage

CASES = Sabotages()
TRIAL = (
    "a-payment-is-accepted-by-the-primary",
    "the-same-key-gives-the-same-answer",
    "the-same-key-with-another-body-is-refused",
)
AFTERWARDS = (
    "it-is-settled-once-by-the-primary",
    "its-records-are-in-the-table-primary",
    "its-records-are-in-the-table-standby",
    "its-receipt-is-in-the-bucket-primary",
    "its-receipt-is-in-the-bucket-standby",
)
DRAINED = ("work-queue-drained-primary", "work-queue-drained-standby")
RINGS = "no-alarm-rings-primary"
STANDBY_RINGS = "no-alarm-rings-standby"


@CASES.case(
    "the role of the primary's payments function cannot write to the table",
    red=[*TRIAL, *AFTERWARDS, *DRAINED],
    echo=[RINGS],
)
def payments_may_not_write(stage: Stage) -> Iterator[None]:
    with stage.without("primary", "payments", "dynamodb:PutItem"):
        yield


@CASES.case(
    "the role of the primary's worker cannot write receipts",
    red=[*AFTERWARDS[3:], DRAINED[0]],
)
def worker_may_not_write_receipts(stage: Stage) -> Iterator[None]:
    with stage.without("primary", "settlement", "s3:PutObject"):
        yield


@CASES.case(
    "the role of the standby's worker cannot read its queue",
    red=["may-take-over-settlement", DRAINED[1]],
)
def standby_may_not_read_its_queue(stage: Stage) -> Iterator[None]:
    with stage.without("standby", "settlement", "sqs:ReceiveMessage"):
        yield


@CASES.case(
    "the role of the standby's payments function cannot publish to the topic",
    red=["may-take-over-payments"],
)
def standby_may_not_announce(stage: Stage) -> Iterator[None]:
    with stage.without("standby", "payments", "sns:Publish"):
        yield


@CASES.case(
    "the standby's API has no permission to invoke the payments function",
    red=["every-route-may-invoke-its-function-standby"],
)
def api_may_not_invoke(stage: Stage) -> Iterator[None]:
    functions, outputs = stage.client("lambda", "standby"), stage.outputs("standby")
    name = outputs.functions["payments"]
    functions.remove_permission(FunctionName=name, StatementId="api-pay")
    yield
    account = outputs.topic_arn.split(":")[4]
    functions.add_permission(
        FunctionName=name,
        StatementId="api-pay",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{stage.region('standby')}:{account}:{outputs.api_id}/*/POST/payments",
    )


@CASES.case(
    "the standby's API has no route for payments", red=["every-route-may-invoke-its-function-standby"]
)
def no_route(stage: Stage) -> Iterator[None]:
    front, api_id = stage.client("apigatewayv2", "standby"), stage.outputs("standby").api_id
    routes = front.get_routes(ApiId=api_id)["Items"]
    route = next(found for found in routes if found["RouteKey"] == "POST /payments")
    front.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    yield
    front.create_route(
        ApiId=api_id, RouteKey=route["RouteKey"], Target=route["Target"], AuthorizationType="NONE"
    )


@CASES.case(
    "the standby's payments function has a reserved concurrency of 0 and cannot run",
    red=[
        "same-function-payments",
        "certificate-and-mapping-standby",
        "the-api-reads-its-table-standby",
        "every-checker-passes-standby",
    ],
    echo=[STANDBY_RINGS, "no-alarm-rings-route-53"],
)
def no_concurrency(stage: Stage) -> Iterator[None]:
    functions, name = stage.client("lambda", "standby"), stage.outputs("standby").functions["payments"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    yield
    functions.delete_function_concurrency(FunctionName=name)


@CASES.case(
    "the standby's worker runs other code than the primary's",
    red=["same-function-settlement"],
)
def stale_code(stage: Stage) -> Iterator[None]:
    functions, name = stage.client("lambda", "standby"), stage.outputs("standby").functions["settlement"]
    code = package.build(parameters.home() / ".drlib" / "build")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("settlement/handler.py", "def handler(event, context):\n    return {}\n")
    functions.update_function_code(FunctionName=name, ZipFile=other.getvalue())
    yield
    functions.update_function_code(FunctionName=name, ZipFile=code.read_bytes())


@CASES.case(
    "the standby's worker is configured with the role of the primary",
    red=["same-function-settlement"],
)
def wrong_variable(stage: Stage) -> Iterator[None]:
    functions, name = stage.client("lambda", "standby"), stage.outputs("standby").functions["settlement"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**before, "REGION_ROLE": "primary"}}
    )
    yield
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@contextmanager
def _mapping_off(stage: Stage, role: str) -> Iterator[None]:
    functions = stage.client("lambda", role)
    name = stage.outputs(role).functions["settlement"]
    mapping = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]["UUID"]
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=mapping, Enabled=True)


@CASES.case(
    "the primary's worker is disabled",
    red=["the-worker-is-on-primary", *AFTERWARDS, *DRAINED],
)
def worker_off(stage: Stage) -> Iterator[None]:
    with _mapping_off(stage, "primary"):
        yield


@CASES.case("the standby's worker is disabled", red=["the-worker-is-on-standby", DRAINED[1]])
def standby_worker_off(stage: Stage) -> Iterator[None]:
    with _mapping_off(stage, "standby"):
        yield
