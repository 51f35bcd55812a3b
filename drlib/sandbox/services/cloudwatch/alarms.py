"""Evaluation of CloudWatch alarms as on AWS; it replaces the emulator's own evaluation.

The emulator (MiniStack 1.5.33) ignores an alarm's dimensions, missing data and datapoints-to-alarm, and
evaluates alarms only when a metric is put. Here every alarm is evaluated at the end of each period and when
new data arrive. New states are set through the emulator's SetAlarmState, which also runs the actions and the
composite alarms. Metric math is not evaluated, because the emulator does not store it.

Rules: CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data".
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drlib.core.clock import iso
from drlib.sandbox.ministack.internals import function, scope
from drlib.sandbox.services.route53 import status_board
from drlib.sandbox.services.route53.status_board import ALARM, INSUFFICIENT, OK
from drlib.sandbox.world import World

EXTRA_PERIODS = 2
"""Older periods that are read when recent ones have no data: the guide's examples read 5 periods for 3."""
GRACE_SECONDS = 10.0
"""Modelled seconds after the end of a period in which its data may still arrive; then they are missing."""
MAX_WAIT_SECONDS = 30.0
COALESCE_WALL_SECONDS = 0.02
MAX_LATENESS_SECONDS = 600.0
"""Seconds by which a datapoint may be older than those stored before it and still be found."""
MAX_POINTS_READ = 5000

_PLAIN_STATISTICS = ("Average", "Minimum", "Maximum", "Sum", "SampleCount")
_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (lambda value, limit: value >= limit, "greater than or equal to"),
    "GreaterThanThreshold": (lambda value, limit: value > limit, "greater than"),
    "LessThanThreshold": (lambda value, limit: value < limit, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, limit: value <= limit, "less than or equal to"),
}
_RISING = ("Maximum", "Sum", "SampleCount")

log = logging.getLogger("drlib.sandbox")


@dataclass(frozen=True)
class Datapoint:
    """The statistic of one period: its start in modelled epoch seconds, and its value."""

    at: float
    value: float


def breaches(alarm: Mapping[str, Any], value: float) -> bool:
    """Return whether a value breaches the alarm's threshold."""
    comparison = _COMPARISONS.get(alarm.get("ComparisonOperator") or "")
    return comparison is not None and comparison[0](value, float(alarm.get("Threshold", 0)))


def decide(seen: Sequence[bool | None], *, periods: int, needed: int, missing: str) -> str | None:
    """Return the new state, or None to keep the current one.

    Args:
        seen: for each period of the range, oldest first: True if it breaches, False if not, None for no data.
        periods: the alarm's evaluation periods (N).
        needed: its datapoints to alarm (M).
        missing: its TreatMissingData: `missing`, `ignore`, `breaching` or `notBreaching`.
    """
    real = [breaching for breaching in seen if breaching is not None]
    if len(real) >= periods:
        return ALARM if sum(real[-periods:]) >= needed else OK
    if missing == "breaching":
        return ALARM if sum(real) + periods - len(real) >= needed else OK
    if sum(real) >= needed:
        return ALARM
    if missing == "notBreaching" or not all(real):
        return OK
    if not real:
        return INSUFFICIENT if missing == "missing" else None
    # All datapoints breach, but there are fewer than needed. "The alarm goes into ALARM state" when the
    # oldest is at least `needed` periods old; before that, and always with `ignore`, it keeps its state.
    age = len(seen) - list(seen).index(True)
    return ALARM if age >= needed and missing == "missing" else None


def breaches_already(alarm: Mapping[str, Any], value: float) -> bool:
    """Return whether the current period breaches already, whatever data follow.

    True for a maximum, sum or count above the threshold, and for a minimum below it.
    """
    operator = alarm.get("ComparisonOperator") or ""
    rising = operator.startswith("Greater") and statistic(alarm) in _RISING
    falling = operator.startswith("Less") and statistic(alarm) == "Minimum"
    return (rising or falling) and breaches(alarm, value)


def statistic(alarm: Mapping[str, Any]) -> str:
    """Return the name of the alarm's statistic: a plain one or a percentile."""
    return alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"


class AlarmEvaluator:
    """Evaluates every alarm of every region, in a separate thread.

    A region that is down evaluates no alarm and gives Route 53 no data, because its CloudWatch is down too.

    Args:
        world: the clock, the faults, and the log of events.
        emulator: the module `ministack.services.cloudwatch`.
    """

    def __init__(self, world: World, emulator: Any) -> None:
        self._world = world
        self._board = status_board.board_of(world)
        self._emulator = emulator
        self._set_state = function(emulator, "_set_alarm_state", "params", "cbor_data", "is_cbor", "is_json")
        self._stats = function(emulator, "_calc_stats", "points")
        self._stat_value = function(emulator, "_stat_value", "stats", "stat_name", "points")
        self._dims_key = function(emulator, "_dims_key", "dims")
        self._originals = {
            "_evaluate_alarm": function(emulator, "_evaluate_alarm", "alarm"),
            "_evaluate_all_alarms": function(emulator, "_evaluate_all_alarms"),
        }
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drlib-alarms", daemon=True)

    def start(self) -> None:
        """Replace the emulator's evaluation, and start the thread."""
        self._emulator._evaluate_alarm = lambda alarm: self._wake.set()
        self._emulator._evaluate_all_alarms = self._wake.set
        self._thread.start()

    def stop(self) -> None:
        """Restore the emulator's evaluation, and stop the thread."""
        for name, original in self._originals.items():
            setattr(self._emulator, name, original)
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                wait = self.evaluate()
            except Exception:
                # One broken alarm must not stop the evaluation of the others.
                log.exception("evaluating the alarms failed")
                wait = MAX_WAIT_SECONDS
            if self._wake.wait(self._world.clock.wall_seconds(wait)):
                # Data arrive in bursts: evaluate once for the whole burst.
                self._stopping.wait(COALESCE_WALL_SECONDS)
                self._wake.clear()

    def evaluate(self) -> float:
        """Evaluate all alarms once; return the modelled seconds until the next evaluation."""
        now = self._world.clock.now()
        streams: dict[tuple[str, str], str] = {}
        due = now + MAX_WAIT_SECONDS
        for (_, region, name), alarm in self._emulator._alarms.all_items():
            if not alarm.get("MetricName") or not alarm.get("Namespace"):
                continue
            if self._world.is_down(region):
                streams[region, name] = INSUFFICIENT
                continue
            streams[region, name] = self._evaluate(region, alarm, now)
            due = min(due, next_due(alarm, now))
        if self._board.set_streams(streams):
            self._board.notify(status_board.STREAMS)
        return max(due - now, 0.0)

    def _evaluate(self, region: str, alarm: Mapping[str, Any], now: float) -> str:
        """Update the state of one alarm; return the state of its data, which SetAlarmState cannot set."""
        seen = self._datapoints(region, alarm, now)
        breaching = [None if point is None else breaches(alarm, point.value) for point in seen]
        periods = int(alarm.get("EvaluationPeriods") or 1)
        needed = int(alarm.get("DatapointsToAlarm") or periods)
        missing = alarm.get("TreatMissingData") or "missing"
        if alarm.get("Namespace") == "AWS/DynamoDB" and missing == "missing":
            missing = "ignore"  # the default of CloudWatch in this namespace
        state = decide(breaching, periods=periods, needed=needed, missing=missing)
        before = alarm["StateValue"]
        if state is not None and state != before:
            real = [point for point in seen if point is not None][-periods:]
            self._transition(region, alarm, state, _reason(alarm, state, real, needed))
        data = decide(breaching, periods=periods, needed=needed, missing="missing")
        if not usable_by_route53(alarm):
            return INSUFFICIENT
        return self._board.stream(region, alarm["AlarmName"]) if data is None else data

    def _datapoints(self, region: str, alarm: Mapping[str, Any], now: float) -> list[Datapoint | None]:
        """Return the datapoint of each period of the evaluation range, oldest first; None for no data."""
        period = int(alarm.get("Period") or 60)
        length = int(alarm.get("EvaluationPeriods") or 1) + EXTRA_PERIODS
        current_start = now // period * period
        points = self._points(region, alarm, since=current_start - (length + 1) * period)
        by_period = {
            current_start - age * period: self._datapoint(alarm, points, current_start - age * period, period)
            for age in range(length + 2)
        }
        newest = current_start - period
        current = by_period[current_start]
        if current is not None and breaches_already(alarm, current.value):
            newest = current_start
        elif by_period[newest] is None and now < current_start + min(GRACE_SECONDS, period / 2):
            newest -= period
        return [by_period.get(newest - age * period) for age in reversed(range(length))]

    def _points(self, region: str, alarm: Mapping[str, Any], *, since: float) -> list[dict[str, Any]]:
        dimensions = {item["Name"]: item["Value"] for item in alarm.get("Dimensions") or ()}
        key = (alarm["Namespace"], alarm["MetricName"], self._dims_key(dimensions))
        with scope(region):
            stored = self._emulator._metrics.get(key) or []
        unit = alarm.get("Unit")
        points = []
        for point in reversed(stored[-MAX_POINTS_READ:]):
            if point["Timestamp"] < since - MAX_LATENESS_SECONDS:
                break
            if point["Timestamp"] >= since and (not unit or point.get("Unit") == unit):
                points.append(point)
        return points

    def _datapoint(
        self, alarm: Mapping[str, Any], points: list[dict[str, Any]], at: float, period: int
    ) -> Datapoint | None:
        within = [point for point in points if at <= point["Timestamp"] < at + period]
        stats = self._stats(within)
        value = self._stat_value(stats, statistic(alarm), within) if stats else None
        return None if value is None else Datapoint(at, float(value))

    def _transition(self, region: str, alarm: Mapping[str, Any], state: str, reason: str) -> None:
        before = alarm["StateValue"]
        request = {"AlarmName": alarm["AlarmName"], "StateValue": state, "StateReason": reason}
        with scope(region):
            self._set_state({}, request, False, True)
        self._world.events.add(
            "alarm", region=region, name=alarm["AlarmName"], state=state, before=before, reason=reason
        )


def usable_by_route53(alarm: Mapping[str, Any]) -> bool:
    """Return whether Route 53 can use the alarm: no high-resolution metric, no extended statistic.

    Route 53 API Reference, `AlarmIdentifier`.
    """
    return statistic(alarm) in _PLAIN_STATISTICS and int(alarm.get("Period") or 60) >= 60


def next_due(alarm: Mapping[str, Any], now: float) -> float:
    """Return the next instant to evaluate the alarm: the end of a period, or of the grace for its data."""
    period = int(alarm.get("Period") or 60)
    current_start = now // period * period
    grace = current_start + min(GRACE_SECONDS, period / 2)
    return grace if now < grace else current_start + period


def _reason(alarm: Mapping[str, Any], state: str, real: Sequence[Datapoint], needed: int) -> str:
    """Return the reason of a state in CloudWatch's words."""
    if state == INSUFFICIENT:
        return "Insufficient Data: no datapoints were received."
    if not real:
        counted = alarm["TreatMissingData"]
        return f"Threshold Crossed: no datapoints were received, and missing data count as {counted}."
    values = ", ".join(f"{point.value} ({iso(point.at)})" for point in reversed(real))
    crossed = sum(breaches(alarm, point.value) for point in real)
    count = crossed if state == ALARM else len(real) - crossed
    operator = alarm.get("ComparisonOperator") or ""
    words = _COMPARISONS[operator][1] if operator in _COMPARISONS else operator
    negation = "" if state == ALARM else "not "
    return (
        f"Threshold Crossed: {count} out of the last {len(real)} datapoints [{values}] "
        f"{'was' if count == 1 else 'were'} {negation}{words} the threshold ({alarm['Threshold']}) "
        f"(minimum {needed} datapoint{'' if needed == 1 else 's'} for OK -> ALARM transition)."
    )


def start(world: World) -> AlarmEvaluator:
    """Start to evaluate the alarms of `world` in place of the emulator."""
    from ministack.services import cloudwatch

    alarms = AlarmEvaluator(world, cloudwatch)
    alarms.start()
    return alarms
