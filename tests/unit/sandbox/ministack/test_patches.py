"""What the patches change, by effect: modelled time, guarded queues, functions that start clean."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drlib.core.clock import Clock
from drlib.sandbox.ministack import emulator, patches
from drlib.sandbox.process.state import Status
from tests.unit.sandbox.worlds import world

REGION = "us-east-2"
ACCOUNT = "000000000000"
ENVIRONMENT = """
import os, json, importlib.util
def handler(event, context):
    packages = [name for name in ("boto3", "aws_lambda_powertools") if importlib.util.find_spec(name)]
    return {"environment": dict(os.environ), "packages": packages, "executable": __import__("sys").executable}
"""
ROLES = """
import boto3
def handler(event, context):
    try:
        return boto3.client("iam").list_roles()["ResponseMetadata"]["HTTPStatusCode"]
    except Exception as error:
        return str(error)
"""
OWN_VARIABLES = {"TABLE_NAME": "payments"}


@pytest.fixture
def patched(tmp_path: Path) -> Iterator[Clock]:
    """The emulator in this process, patched, with a clock 20 times as fast as the wall's."""
    clock = Clock(scale=20.0, anchor=time.time())
    patches.apply(world(tmp_path, clock))
    yield clock
    emulator.undo()


class WatchedQueue(dict[str, Any]):
    """A queue that notes, at each look at its messages, whether the queues' lock is held."""

    def __init__(self, lock: Any) -> None:
        super().__init__(
            name="watched",
            url="watched",
            is_fifo=False,
            attributes={"QueueArn": f"arn:aws:sqs:us-east-2:{ACCOUNT}:watched", "RedrivePolicy": "{}"},
            messages=[],
        )
        self.lock = lock
        self.looks: list[bool] = []

    def __getitem__(self, name: str) -> Any:
        if name == "messages":
            self.looks.append(self.lock._is_owned())
        return super().__getitem__(name)


def test_every_change_of_a_queue_is_made_under_the_lock(
    patched: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = emulator.module("services.sqs")
    queue = WatchedQueue(sqs._queues_lock)
    monkeypatch.setattr(sqs, "_get_q", lambda url, action=None: queue)
    monkeypatch.setattr(sqs, "_queue_by_arn", lambda arn: queue)
    handle = sqs._HANDLERS
    sent = handle["SendMessage"]({"MessageBody": "a"}, "watched")
    assert sent["MessageId"]
    sqs._expire_retained(queue)
    sqs._dlq_sweep(queue)
    (message,) = sqs._collect_msgs(queue, 1, 30)
    receipt = {"ReceiptHandle": message["receipt_handle"]}
    handle["ChangeMessageVisibility"]({**receipt, "VisibilityTimeout": 0}, "watched")
    handle["GetQueueAttributes"]({}, "watched")
    handle["DeleteMessage"](receipt, "watched")
    monkeypatch.setattr(sqs, "queue_policy_allows", lambda *args: True)
    arn = queue["attributes"]["QueueArn"]
    emulator.module("services.sns")._deliver_to_sqs(arn, "{}", True, "b", topic_arn="")
    spec = emulator.module("core.arn").parse_arn(arn)
    emulator.module("services.eventbridge")._dispatch_to_sqs(spec, "c")
    sqs._delete_messages_for_esm("watched", {"none"})
    assert len(queue.looks) >= 9
    assert all(queue.looks)
    assert not sqs._queues_lock._is_owned()


def test_functions_that_fail_asynchronously_are_reported_in_modelled_time(
    patched: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs, functions = emulator.module("services.sqs"), emulator.module("services.lambda_svc")
    # Late in the sandbox's life, when wall and modelled time differ by days.
    late = SimpleNamespace(time=lambda: patched.anchor + 50_000)
    monkeypatch.setattr(functions, "time", late)
    with emulator.module("core.responses").request_scope(ACCOUNT, REGION):
        make = {"QueueName": "dead", "Attributes": {"DelaySeconds": "7"}}
        url = sqs._HANDLERS["CreateQueue"](make, "")["QueueUrl"]
        earlier = {"sent_at": 5.0, "visible_at": 5.0, "sys": {}}
        messages = sqs._queues[url]["messages"]
        messages.append(earlier)
        functions._route_async_failure(f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "f", {}, {})
        sqs._HANDLERS["DeleteQueue"]({"QueueUrl": url}, url)
    message = messages[1]
    assert message["sent_at"] == pytest.approx(patched.anchor + 1_000_000, rel=0, abs=1)
    assert message["visible_at"] == pytest.approx(message["sent_at"] + 7, rel=0, abs=0.01)
    assert message["sys"]["SentTimestamp"] == str(int(message["sent_at"] * 1000))
    assert earlier["sent_at"] == 5.0


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a failed asynchronous invocation is retried after one minute, and again after two minutes",
    level="documented",
    source="Lambda Developer Guide, How Lambda handles errors and retries with asynchronous invocation",
)
def test_timers_that_lambda_imposes_are_modelled(patched: Clock) -> None:
    functions = emulator.module("services.lambda_svc")
    assert functions._LAMBDA_ASYNC_RETRY_BASE_SECONDS == 3.0
    assert functions._LAMBDA_ASYNC_RETRY_MAX_SECONDS == 15.0
    assert functions._LAMBDA_STATE_TRANSITION_DELAY == 0.05


def test_a_silent_function_is_not_waited_for(patched: Clock) -> None:
    worker = emulator.module("core.lambda_runtime").Worker
    assert worker._drain_stderr_bounded.__defaults__ == patches.LOG_WAITS_WALL_SECONDS


def test_health_is_a_path_like_any_other(patched: Clock) -> None:
    assert "/health" not in emulator.module("app")._HEALTH_PATHS


@pytest.mark.parametrize(("scale", "wall_seconds"), [(1.0, 1.0), (20.0, 0.05), (60.0, 0.02)])
def test_idle_event_sources_are_looked_at_every_modelled_second_but_not_too_often(
    scale: float, wall_seconds: float
) -> None:
    assert patches.tick_wall_seconds(Clock(scale=scale)) == pytest.approx(wall_seconds)


def test_a_messages_times_are_modelled(sandbox: Status, aws: Callable[..., Any]) -> None:
    sqs = aws("sqs", REGION)
    url = sqs.create_queue(QueueName="modelled-times")["QueueUrl"]
    before = sandbox.clock.now()
    sqs.send_message(QueueUrl=url, MessageBody="a")
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    after = sandbox.clock.now()
    times = message["Attributes"]
    sent, received = (
        int(times[name]) / 1000 for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp")
    )
    assert before - 0.001 <= sent <= received <= after


@pytest.mark.fidelity(
    service="SQS",
    behaviour="a received message is hidden for the visibility timeout",
    level="documented",
    source="SQS Developer Guide, Visibility timeout",
)
def test_delay_and_visibility_are_modelled(sandbox: Status, aws: Callable[..., Any]) -> None:
    sqs = aws("sqs", REGION)
    url = sqs.create_queue(QueueName="modelled-delays", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    began = time.monotonic()
    before = sandbox.clock.now()
    sqs.send_message(QueueUrl=url, MessageBody="a", DelaySeconds=30)
    receive(sqs, url)
    first = sandbox.clock.now()
    receive(sqs, url)
    second = sandbox.clock.now()
    assert first - before >= 30
    assert second - before >= 60
    assert time.monotonic() - began < 60, "the minute was waited for on the wall"


def receive(sqs: Any, url: str) -> dict[str, Any]:
    """Poll until a message comes; the test's own timeout is the limit."""
    while True:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []):
            return dict(message)


def test_a_notification_of_s3_is_dated_in_modelled_time(sandbox: Status, aws: Callable[..., Any]) -> None:
    s3, sqs = aws("s3", REGION), aws("sqs", REGION)
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:notified"
    allow = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    url = sqs.create_queue(QueueName="notified", Attributes={"Policy": json.dumps(allow)})["QueueUrl"]
    s3.create_bucket(Bucket="notifying", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(
        Bucket="notifying",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    before = sandbox.clock.now()
    s3.put_object(Bucket="notifying", Key="a", Body=b"a")
    while True:
        answer = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], WaitTimeSeconds=20)
        dates = [
            int(message["Attributes"]["SentTimestamp"]) / 1000
            for message in answer.get("Messages", [])
            if "s3:TestEvent" not in message["Body"]
        ]
        if dates:
            break
    assert before - 0.001 <= dates[0] <= sandbox.clock.now()


def test_a_metric_without_a_time_gets_a_modelled_one(sandbox: Status, aws: Callable[..., Any]) -> None:
    cloudwatch = aws("cloudwatch", REGION)
    before = sandbox.clock.now()
    cloudwatch.put_metric_data(Namespace="Patches", MetricData=[{"MetricName": "m", "Value": 1.0}])
    after = sandbox.clock.now()
    answer = cloudwatch.get_metric_statistics(
        Namespace="Patches",
        MetricName="m",
        StartTime=before - 120,
        EndTime=after + 120,
        Period=60,
        Statistics=["Sum"],
    )
    (point,) = answer["Datapoints"]
    assert before - 60 <= point["Timestamp"].timestamp() <= after


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a function's environment contains its region and the credentials of its role",
    level="documented",
    source="Lambda Developer Guide, Working with Lambda environment variables (defined runtime variables)",
)
def test_a_function_finds_its_own_environment_and_not_the_servers(
    sandbox: Status, aws: Callable[..., Any], make_function: Callable[..., str]
) -> None:
    functions = aws("lambda", REGION)
    make_function("environment", REGION, ENVIRONMENT)
    functions.update_function_configuration(
        FunctionName="environment", Environment={"Variables": OWN_VARIABLES}
    )
    answer = json.load(functions.invoke(FunctionName="environment")["Payload"])
    environment = answer["environment"]
    tmp = str(Path(sandbox.folder) / "tmp")
    assert environment["AWS_ENDPOINT_URL"] == sandbox.aws_endpoint
    assert environment["AWS_REGION"] == REGION
    assert environment["TABLE_NAME"] == "payments"
    assert environment["HOME"] == environment["TMPDIR"] == tmp
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert environment["AWS_SECRET_ACCESS_KEY"] != "test"
    leaked = {"AUTH", "GATEWAY_PORT", "BIND_HOST", "STATE_DIR", "S3_DATA_DIR", "DOCKER_HOST", "LOG_LEVEL"}
    assert not leaked & environment.keys()
    assert answer["packages"] == ["boto3", "aws_lambda_powertools"]


@pytest.mark.fidelity(
    service="IAM",
    behaviour="a function can do only what its role allows",
    level="approximated",
    source="IAM User Guide, Policy evaluation logic",
    note="identity policies and their conditions are evaluated, as far as the emulator supports them",
)
def test_a_function_may_do_what_its_role_allows_and_no_more(
    aws: Callable[..., Any], make_function: Callable[..., str]
) -> None:
    make_function("roleless", REGION, ROLES)
    functions = aws("lambda", REGION)
    answer = json.load(functions.invoke(FunctionName="roleless")["Payload"])
    assert "AccessDenied" in answer
    aws("iam").put_role_policy(
        RoleName=f"roleless-{REGION}",
        PolicyName="list",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}],
            }
        ),
    )
    assert json.load(functions.invoke(FunctionName="roleless")["Payload"]) == 200
