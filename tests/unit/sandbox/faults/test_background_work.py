"""What happens by itself in a region: it stops while the region is down, and resumes."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any

import psutil
import pytest

from drlib.sandbox.faults import background_work
from drlib.sandbox.ministack import emulator, patches
from drlib.sandbox.process.state import Status
from drlib.sandbox.world import Fault, World
from tests.fakes import StandingClock
from tests.unit.sandbox.outages import EAST, WEST, Outages
from tests.unit.sandbox.worlds import standing, world

ACCOUNT = "000000000000"
WORKER = """
import json, os, time
import boto3
sqs = boto3.client("sqs", region_name="us-west-2")
def say(text):
    sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=text)
def handler(event, context):
    for record in event.get("Records", [{"body": event.get("text", "tick")}]):
        say(record["body"])
        if record["body"].startswith("counted"):
            say("received " + record["attributes"]["ApproximateReceiveCount"])
        if record["body"].startswith("slow"):
            time.sleep(20)
            say("after " + record["body"])
"""

_numbers = itertools.count()


class Stage:
    """Queues, topics and functions, and one queue in the west to which the functions report."""

    def __init__(self, status: Status, aws: Callable[..., Any], make_function: Callable[..., str]) -> None:
        self.status = status
        self.clock = status.clock
        self.aws = aws
        self._make_function = make_function
        self.prefix = f"stage-{next(_numbers)}"
        self.reports = self.queue(WEST, "reports")

    def arn(self, region: str, name: str) -> str:
        return f"arn:aws:sqs:{region}:{ACCOUNT}:{self.prefix}-{name}"

    def queue(self, region: str, name: str, **attributes: str) -> str:
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
                    "Action": "sqs:SendMessage",
                    "Resource": self.arn(region, name),
                }
            ],
        }
        url = self.aws("sqs", region).create_queue(
            QueueName=f"{self.prefix}-{name}", Attributes={"Policy": json.dumps(policy), **attributes}
        )["QueueUrl"]
        return str(url)

    def function(self, region: str, name: str) -> str:
        full = f"{self.prefix}-{name}"
        arn = self._make_function(full, region, WORKER)
        report = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": self.arn(WEST, "reports")}
        reading = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        read = {"Effect": "Allow", "Action": reading, "Resource": self.arn(region, "work")}
        self.aws("iam").put_role_policy(
            RoleName=f"{full}-{region}",
            PolicyName="report",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [report, read]}),
        )
        self.aws("lambda", region).update_function_configuration(
            FunctionName=full, Timeout=30, Environment={"Variables": {"OUT": self.reports}}
        )
        return arn

    def take(self, region: str, url: str) -> dict[str, Any]:
        """Return the next message and delete it. The test's own timeout is the limit."""
        sqs = self.aws("sqs", region)
        while True:
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, AttributeNames=["All"]).get(
                "Messages", []
            ):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return dict(message)

    def processes(self) -> list[str]:
        """Return the command lines of the functions' processes."""
        lines = []
        for child in psutil.Process(self.status.pid).children():
            with suppress(psutil.Error):
                lines.append(" ".join(child.cmdline()))
        return lines

    def report(self) -> str:
        return str(self.take(WEST, self.reports)["Body"])

    def count(self, region: str, url: str) -> int:
        """Return how many messages a queue has, visible or not."""
        attributes = self.aws("sqs", region).get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(attributes["Attributes"][name]) for name in names)


@pytest.fixture
def stage(sandbox: Status, aws: Callable[..., Any], make_function: Callable[..., str]) -> Stage:
    return Stage(sandbox, aws, make_function)


def test_event_sources_of_a_region_that_is_down_wait_and_are_drained_afterwards(
    stage: Stage, outages: Outages
) -> None:
    stage.function(EAST, "reader")
    url = stage.queue(EAST, "work")
    stage.aws("lambda", EAST).create_event_source_mapping(
        EventSourceArn=stage.arn(EAST, "work"), FunctionName=f"{stage.prefix}-reader", BatchSize=1
    )
    sqs = stage.aws("sqs", EAST)
    sqs.send_message(QueueUrl=url, MessageBody="before")
    assert stage.report() == "before"
    # Invisible until the region is down, so that nothing but the gate can keep it.
    sqs.send_message(QueueUrl=url, MessageBody="counted", DelaySeconds=30)
    outages.fail(EAST)
    stage.clock.sleep(60)
    assert stage.count(WEST, stage.reports) == 0
    outages.heal(EAST)
    # Received once: nobody took it from the queue meanwhile, not even in vain.
    assert sorted([stage.report(), stage.report()]) == ["counted", "received 1"]


def test_the_other_regions_event_sources_go_on(stage: Stage, outages: Outages) -> None:
    stage.function(WEST, "reader")
    url = stage.queue(WEST, "work")
    stage.aws("lambda", WEST).create_event_source_mapping(
        EventSourceArn=stage.arn(WEST, "work"), FunctionName=f"{stage.prefix}-reader"
    )
    with outages.of(EAST):
        stage.aws("sqs", WEST).send_message(QueueUrl=url, MessageBody="a")
        assert stage.report() == "a"


def test_a_function_that_runs_when_its_region_fails_ends_without_finishing(
    stage: Stage, outages: Outages
) -> None:
    arn = stage.function(EAST, "slow")
    outcome: list[Any] = []

    def invoke() -> None:
        client = stage.aws("lambda", EAST, read_timeout=60)
        try:
            answer = client.invoke(FunctionName=arn, Payload=json.dumps({"text": "slow"}))
            outcome.append(answer.get("FunctionError"))
        except Exception as error:
            outcome.append(error)

    caller = threading.Thread(target=invoke)
    caller.start()
    assert stage.report() == "slow"
    outages.fail(EAST)
    caller.join()
    assert outcome[0] is not None
    assert [line for line in stage.processes() if f"{stage.prefix}-slow" in line] == []
    assert stage.count(WEST, stage.reports) == 0


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="if a function fails, its message is delivered again after the visibility timeout",
    level="documented",
    source="Lambda Developer Guide, Using Lambda with Amazon SQS",
)
def test_a_message_whose_function_was_killed_is_delivered_again(stage: Stage, outages: Outages) -> None:
    stage.function(EAST, "reader")
    url = stage.queue(EAST, "work", VisibilityTimeout="30")
    stage.aws("lambda", EAST).create_event_source_mapping(
        EventSourceArn=stage.arn(EAST, "work"), FunctionName=f"{stage.prefix}-reader", BatchSize=1
    )
    stage.aws("sqs", EAST).send_message(QueueUrl=url, MessageBody="slow job")
    assert stage.report() == "slow job"
    with outages.of(EAST):
        stage.clock.sleep(10)
        assert stage.count(WEST, stage.reports) == 0
    assert stage.report() == "slow job"


@pytest.mark.fidelity(
    service="SNS",
    behaviour="SNS retries messages that it cannot deliver",
    level="approximated",
    source="SNS Developer Guide, Message delivery retries",
    note="without a limit and in order; AWS stops after 23 days and does not guarantee the order",
)
def test_sns_keeps_what_it_cannot_deliver_and_delivers_it_in_order(stage: Stage, outages: Outages) -> None:
    urls = {region: stage.queue(region, "inbox") for region in (EAST, WEST)}
    sns = stage.aws("sns", WEST)
    topic = sns.create_topic(Name=f"{stage.prefix}-topic")["TopicArn"]
    for region in urls:
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=stage.arn(region, "inbox"),
            Attributes={"RawMessageDelivery": "true"},
        )
    sns.publish(TopicArn=topic, Message="before")
    with outages.of(EAST):
        for number in range(5):
            sns.publish(TopicArn=topic, Message=str(number))
        assert stage.count(WEST, urls[WEST]) == 6
        assert outages.backlog("sns")[f"{WEST}->{EAST}"] == 5
        stage.clock.sleep(5)
    sns.publish(TopicArn=topic, Message="after")
    arrived = [stage.take(EAST, urls[EAST])["Body"] for _ in range(7)]
    assert arrived == ["before", "0", "1", "2", "3", "4", "after"]
    assert outages.backlog("sns")[f"{WEST}->{EAST}"] == 0
    drained = [event for event in outages.events("replication_backlog") if event["service"] == "sns"]
    assert [(event["source"], event["target"]) for event in drained] == [(WEST, EAST)]


def test_sns_keeps_what_a_cut_route_does_not_carry(stage: Stage, outages: Outages) -> None:
    urls = {region: stage.queue(region, "cut-off") for region in (EAST, WEST)}
    sns = stage.aws("sns", WEST)
    topic = sns.create_topic(Name=f"{stage.prefix}-cut")["TopicArn"]
    for region in urls:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=stage.arn(region, "cut-off"))
    outages.control("PUT", "impairments/cut", kind="cut", source=WEST, target=EAST, services=["sns"])
    sns.publish(TopicArn=topic, Message="kept")
    assert stage.count(WEST, urls[WEST]) == 1
    assert outages.backlog("sns")[f"{WEST}->{EAST}"] == 1
    outages.control("DELETE", "impairments/cut")
    assert json.loads(stage.take(EAST, urls[EAST])["Body"])["Message"] == "kept"


def test_sns_keeps_what_a_function_in_a_failed_region_should_get(stage: Stage, outages: Outages) -> None:
    arn = stage.function(EAST, "notified")
    sns = stage.aws("sns", WEST)
    topic = sns.create_topic(Name=f"{stage.prefix}-topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    with outages.of(EAST):
        sns.publish(TopicArn=topic, Message="held")
        while not outages.backlog("sns").get(f"{WEST}->{EAST}"):
            stage.clock.sleep(0.2)
    while outages.backlog("sns")[f"{WEST}->{EAST}"]:
        stage.clock.sleep(0.2)


@pytest.mark.fidelity(
    service="EventBridge",
    behaviour="a rule with rate(1 minute) fires every minute",
    level="documented",
    source="EventBridge User Guide, Creating a rule that runs on a schedule",
)
def test_a_rule_fires_every_modelled_minute(stage: Stage) -> None:
    url = stage.queue(WEST, "ticks")
    events = stage.aws("events", WEST)
    began = stage.clock.now()
    events.put_rule(Name=stage.prefix, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=stage.prefix, Targets=[{"Id": "1", "Arn": stage.arn(WEST, "ticks")}])
    for minute in (1, 2):
        message = stage.take(WEST, url)
        assert json.loads(message["Body"])["detail-type"] == "Scheduled Event"
        sent_at = int(message["Attributes"]["SentTimestamp"]) / 1000
        assert sent_at - began >= minute * 60 - 1
    # Twenty minutes would have passed, had the minute been one of the wall.
    assert stage.clock.now() - began < 1200


class Minutes:
    """A rule with a rate of a minute, in a standing world, and when it fired."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock: StandingClock = standing(0.0)
        self.world: World = world(folder, self.clock)
        self.fired: list[float] = []
        self.events = emulator.module("services.eventbridge")
        patches.apply(self.world)
        monkeypatch.setattr(self.events, "_rules", type(self.events._rules)())
        monkeypatch.setattr(self.events, "_targets", type(self.events._targets)())
        monkeypatch.setattr(self.events, "_rule_last_fired", {})

        def fire(target: Any, event: Any, rule: Any, view: Any = None) -> None:
            self.fired.append(self.clock.now())

        monkeypatch.setattr(self.events, "_invoke_target", fire)
        self.gate = background_work.EventSuspension(self.world)
        self.make_rule()

    def make_rule(self) -> None:
        rule = {
            "Name": "minutely",
            "Arn": f"arn:aws:events:{EAST}:{ACCOUNT}:rule/minutely",
            "State": "ENABLED",
            "ScheduleExpression": "rate(1 minute)",
            "CreationTime": self.clock.now(),
        }
        self.events._rules.set_scoped(ACCOUNT, EAST, "minutely", rule)
        self.events._targets.set_scoped(ACCOUNT, EAST, "minutely", [{"Id": "1", "Arn": "arn:aws:x"}])

    def tick_at(self, *instants: float) -> list[float]:
        for instant in instants:
            self.clock.set(instant)
            self.gate.tick()
        fired, self.fired = self.fired, []
        return fired


@pytest.fixture
def minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Minutes]:
    yield Minutes(tmp_path, monkeypatch)
    emulator.undo()


def test_a_rate_keeps_its_rhythm_though_each_look_comes_late(minutes: Minutes) -> None:
    late = [minute * 60 + 0.9 for minute in range(1, 200)]
    early = [minute * 60 - 0.1 for minute in range(1, 200)]
    assert minutes.tick_at(0.5, *sorted(late + early)) == late


def test_schedules_of_a_region_that_is_down_are_missed_and_go_on_afterwards(minutes: Minutes) -> None:
    assert minutes.tick_at(0.5, 60.5) == [60.5]
    minutes.world.faults[EAST] = Fault(mode="refuse", latency_seconds=0, at=0, deadline=inf)
    assert minutes.tick_at(120.5, 180.5) == []
    del minutes.world.faults[EAST]
    assert minutes.tick_at(200, 239.9, 240.5) == [240.5]


def test_a_rule_made_anew_does_not_fire_for_its_former_life(minutes: Minutes) -> None:
    assert minutes.tick_at(0.5, 60.5) == [60.5]
    minutes.events._rules.pop_scoped(ACCOUNT, EAST, "minutely")
    minutes.tick_at(500)
    minutes.make_rule()
    assert minutes.tick_at(510, 559, 561) == [561]


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        (f"arn:aws:sqs:{EAST}:{ACCOUNT}:q", EAST),
        (f"arn:aws:lambda:{WEST}:{ACCOUNT}:function:f", WEST),
        ("https://example.org/hook", ""),
    ],
)
def test_an_arn_names_its_region(arn: str, region: str) -> None:
    assert background_work.region_of(arn) == region
