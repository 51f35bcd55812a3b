"""The metrics that AWS services publish, in the sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drlib.core.clock import Clock
from drlib.sandbox.ministack.internals import scope
from drlib.sandbox.ministack.patches import ModelledTime
from drlib.sandbox.services.cloudwatch import aws_metrics
from drlib.sandbox.services.cloudwatch.aws_metrics import MetricsPublisher, queue_metrics
from drlib.sandbox.services.route53 import control_plane, status_board
from drlib.sandbox.world import Fault, World
from tests.unit.sandbox.worlds import standing, world

EAST, WEST = "us-east-2", "us-west-2"
START = 1_800_000_000.0


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from ministack.services import cloudwatch, sqs

    for name in ("_evict_old_metrics", "record_metric"):
        monkeypatch.setattr(cloudwatch, name, getattr(cloudwatch, name))
    cloudwatch.reset()
    sqs.reset()
    yield cloudwatch
    cloudwatch.reset()
    sqs.reset()


@pytest.fixture
def made(tmp_path: Path, emulator: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(control_plane, "health_checks", dict)
    return world(tmp_path, standing(START))


def stored(emulator: Any, region: str) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """Return (namespace, metric, dimensions) -> datapoints of a region."""
    return dict(emulator._metrics.items_scoped("000000000000", region))


def test_put_stores_in_the_region_at_the_modelled_time(made: World, emulator: Any) -> None:
    aws_metrics.put(
        made,
        WEST,
        "AWS/DynamoDB",
        "ReplicationLatency",
        900.0,
        {"TableName": "t", "ReceivingRegion": EAST},
        "Milliseconds",
    )
    aws_metrics.put(
        made,
        WEST,
        "AWS/DynamoDB",
        "ReplicationLatency",
        800.0,
        {"ReceivingRegion": EAST, "TableName": "t"},
        at=START - 60,
    )
    assert stored(emulator, EAST) == {}
    series = stored(emulator, WEST)[
        "AWS/DynamoDB", "ReplicationLatency", f"ReceivingRegion={EAST}|TableName=t"
    ]
    assert [(point["Value"], point["Timestamp"], point["Unit"]) for point in series] == [
        (900.0, START, "Milliseconds"),
        (800.0, START - 60, "None"),
    ]


def test_a_series_does_not_grow_without_end(made: World, emulator: Any) -> None:
    for number in range(aws_metrics.MAX_DATAPOINTS + 500):
        aws_metrics.put_values(made, EAST, "N", "M", {float(number): 1}, {})
    series = stored(emulator, EAST)["N", "M", ""]
    assert len(series) <= aws_metrics.MAX_DATAPOINTS
    assert series[-1]["Value"] == aws_metrics.MAX_DATAPOINTS + 499


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="the metric HealthCheckStatus is published only in us-east-1",
    level="documented",
    source="Route 53 Developer Guide, Monitoring health checks using CloudWatch",
)
def test_health_checks_are_published_in_us_east_1_alone(made: World, emulator: Any) -> None:
    board = status_board.board_of(made)
    publisher = MetricsPublisher(made)
    board.set_share("endpoint", 0.125)
    board.set_children("sum", 1)
    for healthy in (True, False, True):
        board.set_healthy({"endpoint": healthy, "sum": healthy})
        publisher.sample()
    publisher.publish(at=START)
    assert stored(emulator, EAST) == {}
    found = stored(emulator, "us-east-1")
    assert {(key[1], key[2]) for key in found} == {
        ("HealthCheckStatus", "HealthCheckId=endpoint"),
        ("HealthCheckStatus", "HealthCheckId=sum"),
        ("HealthCheckPercentageHealthy", "HealthCheckId=endpoint"),
        ("ChildHealthCheckHealthyCount", "HealthCheckId=sum"),
    }
    status = emulator._calc_stats(found["AWS/Route53", "HealthCheckStatus", "HealthCheckId=endpoint"])
    assert (status["Minimum"], status["Maximum"], status["SampleCount"]) == (0.0, 1.0, 3.0)
    share = found["AWS/Route53", "HealthCheckPercentageHealthy", "HealthCheckId=endpoint"]
    assert [(point["Value"], point["Timestamp"]) for point in share] == [(12.5, START)]
    publisher.publish(at=START + 60)
    assert stored(emulator, "us-east-1") == found


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour=(
        "the metrics Count, 4xx, 5xx, Latency and IntegrationLatency are published per API and per stage"
    ),
    level="approximated",
    source="API Gateway Developer Guide, Monitor HTTP APIs with CloudWatch metrics",
    note="DataProcessed and the metrics per route are not published",
)
def test_requests_are_published_by_api_and_by_stage(made: World, emulator: Any) -> None:
    for status, latency in ((200, 101.0), (200, 99.0), (404, 21.0), (503, 240.0)):
        made.api_requests.add(region=EAST, api_id="a1", stage="$default", status=status, latency_ms=latency)
    MetricsPublisher(made).publish(at=START)
    found = stored(emulator, EAST)
    for dimensions in ("ApiId=a1", "ApiId=a1|Stage=$default"):
        stats = {
            name: emulator._calc_stats(found["AWS/ApiGateway", name, dimensions])
            for name in ("Count", "4xx", "5xx", "Latency", "IntegrationLatency")
        }
        assert (stats["Count"]["Sum"], stats["Count"]["SampleCount"]) == (4.0, 4.0)
        assert (stats["4xx"]["Sum"], stats["4xx"]["Average"]) == (1.0, 0.25)
        assert (stats["5xx"]["Sum"], stats["5xx"]["Average"]) == (1.0, 0.25)
        assert (stats["Latency"]["Minimum"], stats["Latency"]["Maximum"]) == (20.0, 240.0)
    assert made.api_requests.drain() == {}


def test_the_state_of_a_queue() -> None:
    now = 1000.0
    messages = [
        {"visible_at": 900.0, "sent_at": 880.0, "receive_count": 0},
        {"visible_at": 1030.0, "sent_at": 860.0, "receive_count": 2},
        {"visible_at": 1010.0, "sent_at": 990.0, "receive_count": 0},
    ]
    assert {name: value for name, (value, _) in queue_metrics({"messages": messages}, now=now).items()} == {
        "ApproximateNumberOfMessagesVisible": 1.0,
        "ApproximateNumberOfMessagesNotVisible": 1.0,
        "ApproximateNumberOfMessagesDelayed": 1.0,
        "ApproximateAgeOfOldestMessage": 140.0,
    }
    assert {value for value, _ in queue_metrics({"messages": []}, now=now).values()} == {0.0}


@pytest.mark.fidelity(
    service="SQS",
    behaviour="the metrics of a queue are published every minute in its region",
    level="approximated",
    source="SQS Developer Guide, Available CloudWatch metrics for Amazon SQS",
    note="only the numbers of messages and the age of the oldest message are published",
)
def test_queues_are_published_where_they_are_unless_the_region_is_down(made: World, emulator: Any) -> None:
    from ministack.services import sqs

    for region in (EAST, WEST):
        with scope(region):
            sqs._act_create_queue({"QueueName": "work"}, "")
    made.faults[EAST] = Fault("hang", 0.0, START, START + 900)
    MetricsPublisher(made).publish(at=START)
    assert stored(emulator, EAST) == {}
    assert ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName=work") in stored(emulator, WEST)


def test_eviction_happens_in_place(made: World, emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws_metrics.patch_storage()
    now = emulator.time.time()
    with scope(EAST):
        emulator.record_metric("N", "M", 1.0)
        series = emulator._metrics["N", "M", ""]
        series.insert(0, {"Timestamp": now - aws_metrics.RETENTION_SECONDS - 1, "Value": 0.0})
        emulator._evict_old_metrics()
        assert emulator._metrics["N", "M", ""] is series
        assert [point["Value"] for point in series] == [1.0]


def test_invocations_are_counted_by_the_minute(
    made: World, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws_metrics.patch_storage()
    monkeypatch.setattr(emulator, "time", ModelledTime(made.clock))
    dimensions = {"FunctionName": "f"}
    with scope(EAST):
        for second, milliseconds in ((0, 12.3), (59, 11.8), (59, 40.0), (60, 12.0)):
            made.clock.set(START + second)  # type: ignore[attr-defined]
            emulator.record_metric("AWS/Lambda", "Duration", milliseconds, "Milliseconds", dimensions)
    series = stored(emulator, EAST)["AWS/Lambda", "Duration", "FunctionName=f"]
    assert [(point["Timestamp"] - START, point["Value"], point["Count"]) for point in series] == [
        (0, 12.0, 2.0),
        (0, 40.0, 1.0),
        (60, 12.0, 1.0),
    ]
    assert emulator._calc_stats(series[:2])["SampleCount"] == 3.0
    assert series[0]["Dimensions"] == dimensions


def test_a_minute_is_published_when_it_is_over(
    tmp_path: Path, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_plane, "health_checks", dict)
    clock = Clock(scale=3600.0, anchor=0.0)  # a minute takes 17 ms
    made = world(tmp_path, clock)
    status_board.board_of(made).set_healthy({"check": True})
    series = ("AWS/Route53", "HealthCheckStatus", "HealthCheckId=check")
    published = threading.Event()

    def look(region: str) -> None:
        # The first minute can end before its first sample; then there is nothing to publish.
        if series in stored(emulator, "us-east-1"):
            published.set()

    monkeypatch.setattr(aws_metrics, "evaluate", look)
    running = aws_metrics.start(made)
    try:
        assert published.wait(20)
    finally:
        running.stop()
    points = stored(emulator, "us-east-1")[series]
    assert all(point["Timestamp"] % 60 == 0 for point in points)
    assert not [thread for thread in threading.enumerate() if thread.name == "drlib-metrics"]
