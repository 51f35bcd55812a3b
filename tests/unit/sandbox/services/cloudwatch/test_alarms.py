"""The alarm evaluator on the emulator's state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drlib.core.clock import Clock
from drlib.sandbox.ministack.internals import scope
from drlib.sandbox.services.cloudwatch import alarms, aws_metrics
from drlib.sandbox.services.cloudwatch.alarms import AlarmEvaluator
from drlib.sandbox.services.route53 import status_board
from drlib.sandbox.services.route53.status_board import ALARM, INSUFFICIENT, OK
from drlib.sandbox.world import Fault, World
from tests.fakes import StandingClock
from tests.unit.sandbox.worlds import standing, world

EAST, WEST = "us-east-2", "us-west-2"
MINUTE = 60.0
START = 1_800_000_000.0  # a whole minute


class Bench:
    """The evaluator on an empty emulator; the tests call it."""

    def __init__(self, made: World, emulator: Any) -> None:
        self.world = made
        self.emulator = emulator
        self.clock: StandingClock = made.clock  # type: ignore[assignment]
        self.alarms = AlarmEvaluator(made, emulator)

    def alarm(self, name: str = "a", *, region: str = EAST, **settings: Any) -> None:
        order = {
            "AlarmName": name,
            "Namespace": "N",
            "MetricName": "M",
            "Dimensions": [{"Name": "D", "Value": "1"}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            **settings,
        }
        with scope(region):
            self.emulator._put_metric_alarm({}, order, False, True)

    def put(
        self, value: float, *, at: float | None = None, dimension: str = "1", region: str = EAST, **more: Any
    ) -> None:
        aws_metrics.put(self.world, region, "N", "M", value, {"D": dimension}, at=at, **more)

    def state(self, name: str = "a", *, region: str = EAST, at: float | None = None) -> str:
        if at is not None:
            self.clock.set(at)
        self.alarms.evaluate()
        return str(self.emulator._alarms.get_scoped("000000000000", region, name)["StateValue"])


@pytest.fixture
def emulator() -> Iterator[Any]:
    from ministack.services import cloudwatch

    cloudwatch.reset()
    yield cloudwatch
    cloudwatch.reset()


@pytest.fixture
def bench(tmp_path: Path, emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    # The tests call the evaluator; the emulator's own must not run.
    monkeypatch.setattr(emulator, "_evaluate_alarm", lambda alarm: None)
    monkeypatch.setattr(emulator, "_evaluate_all_alarms", lambda: None)
    return Bench(world(tmp_path, standing(START)), emulator)


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="an alarm uses only the metric that has exactly the alarm's dimensions",
    level="documented",
    source="CloudWatch User Guide, Metrics concepts: dimensions",
)
def test_dimensions_are_heeded(bench: Bench) -> None:
    bench.alarm()
    bench.put(100, dimension="2")
    assert bench.state() == INSUFFICIENT
    bench.put(100)
    assert bench.state() == ALARM


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="an alarm sees only the metrics of its own region",
    level="documented",
    source="CloudWatch User Guide, Metrics concepts",
)
def test_a_region_s_data_do_not_alarm_another_region(bench: Bench) -> None:
    bench.alarm()
    bench.put(100, region=WEST)
    assert bench.state() == INSUFFICIENT


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour=(
        "M out of N: an alarm needs DatapointsToAlarm breaching datapoints in EvaluationPeriods periods"
    ),
    level="documented",
    source="CloudWatch User Guide, Alarm evaluation",
)
def test_three_of_three_takes_three_periods(bench: Bench) -> None:
    bench.alarm(EvaluationPeriods=3, DatapointsToAlarm=3)
    states = []
    for minute in range(4):
        bench.clock.set(START + minute * MINUTE)
        bench.put(5)
        states.append(bench.state())
    assert states == [INSUFFICIENT, INSUFFICIENT, ALARM, ALARM]


def test_a_good_value_is_believed_at_the_end_of_its_period(bench: Bench) -> None:
    bench.alarm()
    bench.put(1)
    assert bench.state() == ALARM
    bench.put(0, at=START + MINUTE)
    assert bench.state(at=START + 1.5 * MINUTE) == ALARM
    assert bench.state(at=START + 2 * MINUTE) == OK


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="when data stops, the alarm changes to the state that TreatMissingData defines",
    level="documented",
    source="CloudWatch User Guide, Configuring how CloudWatch alarms treat missing data",
)
@pytest.mark.parametrize(
    ("missing", "states"),
    [
        ("missing", [ALARM, ALARM, ALARM, INSUFFICIENT]),
        ("ignore", [ALARM, ALARM, ALARM, ALARM]),
        ("notBreaching", [ALARM, ALARM, ALARM, OK]),
        ("breaching", [ALARM, ALARM, ALARM, ALARM]),
    ],
)
def test_data_stop_coming(bench: Bench, missing: str, states: list[str]) -> None:
    bench.alarm(TreatMissingData=missing)
    bench.put(1)
    grace = alarms.GRACE_SECONDS
    seen = [bench.state(at=START + minute * MINUTE + grace) for minute in range(1, 5)]
    assert seen == states


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="an alarm waits briefly for late data of a period that has just ended",
    level="approximated",
    source="CloudWatch User Guide, Using Amazon CloudWatch alarms",
    note="the wait has a fixed length; AWS does not document its length",
)
def test_data_of_a_period_that_has_just_ended_may_take_a_moment(bench: Bench) -> None:
    bench.alarm(TreatMissingData="breaching", EvaluationPeriods=1, Threshold=10.0)
    for minute in range(-3, 1):
        bench.put(1, at=START + minute * MINUTE)
    # Each minute's datapoint arrives shortly after the end of the minute.
    for minute in range(1, 4):
        end = START + minute * MINUTE
        assert bench.state(at=end + 1) == OK
        bench.put(1, at=end)
        assert bench.state(at=end + alarms.GRACE_SECONDS + 1) == OK


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="alarms on metrics in AWS/DynamoDB keep their state while data is missing",
    level="approximated",
    source="CloudWatch User Guide, Configuring how CloudWatch alarms treat missing data",
    note="an explicit TreatMissingData is applied in this namespace too; AWS ignores it there",
)
def test_missing_data_in_the_dynamodb_namespace_keep_the_state(bench: Bench) -> None:
    bench.alarm("d", Namespace="AWS/DynamoDB")
    aws_metrics.put(bench.world, EAST, "AWS/DynamoDB", "M", 5, {"D": "1"})
    assert bench.state("d") == ALARM
    assert bench.state("d", at=START + 60 * MINUTE) == ALARM


@pytest.mark.parametrize(("statistic", "threshold", "state"), [("p50", 60.0, OK), ("p99", 60.0, ALARM)])
def test_percentiles(bench: Bench, statistic: str, threshold: float, state: str) -> None:
    bench.alarm(Statistic=None, ExtendedStatistic=statistic, Threshold=threshold)
    for value in [10.0] * 90 + [100.0] * 10:
        bench.put(value)
    assert bench.state(at=START + MINUTE) == state


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="an alarm with a unit uses only datapoints with that unit",
    level="documented",
    source="CloudWatch API Reference, PutMetricAlarm: Unit",
)
def test_a_unit_chooses_the_datapoints(bench: Bench) -> None:
    bench.alarm(Unit="Seconds")
    bench.put(5, unit="Count")
    assert bench.state() == INSUFFICIENT
    bench.put(5, unit="Seconds")
    assert bench.state() == ALARM


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour=(
        "when an alarm changes state, its actions run and the composite alarms that use it are evaluated"
    ),
    level="documented",
    source="CloudWatch User Guide, Using Amazon CloudWatch alarms",
)
def test_new_states_fire_actions_and_composites_and_are_logged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ministack.services import sns

    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(sns, "_fanout", lambda topic, id_, message, subject: sent.append((topic, subject)))
    topic = f"arn:aws:sns:{EAST}:000000000000:ops"
    bench.alarm(AlarmActions=[topic], OKActions=[topic])
    with scope(EAST):
        order = {"AlarmName": "both", "AlarmRule": "ALARM(a)", "AlarmActions": [topic]}
        bench.emulator._put_composite_alarm({}, order, False, True)
    bench.put(1)
    bench.state()
    composite = bench.emulator._composite_alarms.get_scoped("000000000000", EAST, "both")
    assert composite["StateValue"] == ALARM
    assert sent == [(topic, f'ALARM: "{name}" in {EAST}') for name in ("a", "both")]
    event = bench.world.events.since(0)[0]
    assert (event["kind"], event["detail"]["name"], event["detail"]["state"]) == ("alarm", "a", ALARM)
    assert "1 out of the last 1 datapoints" in event["detail"]["reason"]


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="a state set by SetAlarmState lasts until the next evaluation",
    level="documented",
    source="CloudWatch API Reference, SetAlarmState",
)
def test_set_alarm_state_holds_until_the_next_evaluation_and_never_reaches_the_data(bench: Bench) -> None:
    bench.alarm(TreatMissingData="ignore")
    bench.put(0, at=START - MINUTE)
    assert bench.state() == OK
    with scope(EAST):
        order = {"AlarmName": "a", "StateValue": ALARM, "StateReason": "by hand"}
        bench.emulator._set_alarm_state({}, order, False, True)
    assert status_board.board_of(bench.world).stream(EAST, "a") == OK
    assert bench.state() == OK


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="a Route 53 health check on an alarm reads the alarm's data stream, not the alarm's state",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
def test_the_data_stream_is_for_route53_whatever_missing_data_do_to_the_state(bench: Bench) -> None:
    board = status_board.board_of(bench.world)
    bench.alarm(TreatMissingData="breaching")
    assert bench.state() == ALARM
    assert board.stream(EAST, "a") == INSUFFICIENT
    bench.put(1)
    bench.state()
    assert board.stream(EAST, "a") == ALARM


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="Route 53 can only use alarms with standard-resolution metrics and a plain statistic",
    level="documented",
    source="Route 53 Developer Guide, Values that you specify when you create or update health checks",
)
@pytest.mark.parametrize(
    ("settings", "after"), [({"Period": 10}, 10.0), ({"Statistic": None, "ExtendedStatistic": "p90"}, MINUTE)]
)
def test_route53_cannot_watch_every_alarm(bench: Bench, settings: dict[str, Any], after: float) -> None:
    bench.alarm(**settings)
    bench.put(5)
    assert bench.state(at=START + after) == ALARM
    assert status_board.board_of(bench.world).stream(EAST, "a") == INSUFFICIENT


def test_a_region_that_is_down_evaluates_nothing_and_has_no_data(bench: Bench) -> None:
    bench.alarm()
    bench.put(5)
    bench.world.faults[EAST] = Fault("refuse", 0.0, START, START + 900)
    assert bench.state() == INSUFFICIENT
    del bench.world.faults[EAST]
    assert bench.state() == ALARM


def test_changes_of_streams_are_told(bench: Bench) -> None:
    told: list[None] = []
    status_board.board_of(bench.world).subscribe(status_board.STREAMS, lambda: told.append(None))
    bench.alarm()
    bench.state()
    bench.state()
    bench.put(5)
    bench.state()
    assert len(told) == 2


def test_the_next_evaluation_is_due_when_a_period_or_its_grace_ends() -> None:
    alarm = {"Period": 60}
    assert alarms.next_due(alarm, START) == START + alarms.GRACE_SECONDS
    assert alarms.next_due(alarm, START + alarms.GRACE_SECONDS) == START + MINUTE


def test_new_data_are_looked_at_at_once_and_the_emulator_s_evaluation_is_out_of_the_way(
    tmp_path: Path, emulator: Any
) -> None:
    made = world(tmp_path, Clock(scale=1.0, anchor=0.0))
    original = emulator._evaluate_all_alarms
    told = threading.Event()
    board = status_board.board_of(made)
    bench = Bench(made, emulator)
    running = alarms.start(made)
    try:
        bench.alarm()
        board.subscribe(
            status_board.STREAMS, lambda: told.set() if board.stream(EAST, "a") == ALARM else None
        )
        bench.put(100, dimension="2")
        bench.put(100)
        assert told.wait(20)
    finally:
        running.stop()
    assert emulator._evaluate_all_alarms is original
    assert not [thread for thread in threading.enumerate() if thread.name == "drlib-alarms"]
