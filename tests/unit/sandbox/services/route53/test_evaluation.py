"""Rules for the status of health checks."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.sandbox.services.route53.evaluation import CheckerStatus, StatusEvaluator, endpoint_healthy, phases
from drlib.sandbox.services.route53.status_board import ALARM, INSUFFICIENT, OK, StatusBoard

ENDPOINT = {"Type": "HTTPS"}
ALARM_CHECK = {"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {"Name": "latch", "Region": "us-west-2"}}


def results(checker_status: CheckerStatus, passed: str, threshold: int) -> str:
    """Add results, `+` passed and `-` failed; return the status after each."""
    states = []
    for mark in passed:
        checker_status.add_result(mark == "+", threshold=threshold)
        states.append("h" if checker_status.healthy else "u")
    return "".join(states)


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a checker changes its result after FailureThreshold equal results in a row",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
@pytest.mark.parametrize(
    ("threshold", "passed", "verdicts"),
    [
        (3, "---", "hhu"),
        (3, "--+--", "hhhhh"),
        (3, "--+---", "hhhhhu"),
        (3, "---++-+++", "hhuuuuuuh"),
        (1, "-+-", "uhu"),
        (2, "+--+-++", "hhuuuuh"),
    ],
)
def test_it_takes_threshold_results_in_a_row_to_change_a_checker_s_mind(
    threshold: int, passed: str, verdicts: str
) -> None:
    assert results(CheckerStatus(), passed, threshold) == verdicts


def test_a_change_of_mind_is_told_once() -> None:
    checker_status = CheckerStatus()
    assert [checker_status.add_result(False, threshold=2) for _ in range(4)] == [False, True, False, False]


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an endpoint is healthy while more than 18 % of its checkers report it healthy",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
@pytest.mark.parametrize(
    ("healthy", "of", "expected"),
    [
        (8, 8, True),
        (2, 8, True),
        (1, 8, False),  # 12.5 %
        (0, 8, False),
        (1, 5, True),  # 20 %
        (18, 100, False),  # "more than 18 %", not 18 %
        (19, 100, True),
        (1, 3, True),
    ],
)
def test_an_endpoint_is_healthy_if_more_than_18_percent_say_so(healthy: int, of: int, expected: bool) -> None:
    assert endpoint_healthy([index < healthy for index in range(of)]) is expected


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="the checkers send their requests at different times",
    level="approximated",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
    note="there is one checker in each of eight regions; AWS has several in each",
)
def test_phases_are_spread_evenly_with_a_little_jitter() -> None:
    spread = phases(8, interval=10, start=3, jitters=[1, -1] * 4)
    nominal = [(3 + 1.25 * index) % 10 for index in range(8)]
    assert max(abs(a - b) for a, b in zip(spread, nominal, strict=True)) == pytest.approx(0.05 * 1.25)
    assert all(0 <= phase < 10 for phase in spread)


def judged(
    checks: dict[str, dict[str, Any]],
    verdicts: dict[str, list[bool]] | None = None,
    stream: str = INSUFFICIENT,
) -> dict[str, bool]:
    board = StatusBoard()
    board.set_streams({("us-west-2", "latch"): stream})
    return StatusEvaluator(board).statuses(checks, verdicts or {})


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a new health check is healthy until it has data; a new inverted health check is unhealthy",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
def test_a_new_check_is_healthy_until_there_are_data_and_an_inverted_one_is_not() -> None:
    assert judged({"plain": ENDPOINT, "inverted": {**ENDPOINT, "Inverted": True}}) == {
        "plain": True,
        "inverted": False,
    }


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a disabled check counts as healthy",
    level="documented",
    source="Route 53 Developer Guide, Values that you specify when you create or update health checks",
)
@pytest.mark.parametrize("inverted", [False, True])
def test_a_disabled_check_is_healthy_whatever_else_it_is(inverted: bool) -> None:
    config = {**ENDPOINT, "Disabled": True, "Inverted": inverted}
    assert judged({"check": config}, {"check": [False] * 8}) == {"check": True}


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an inverted health check reports the opposite status",
    level="documented",
    source="Route 53 Developer Guide, Values that you specify when you create or update health checks",
)
def test_inverting_turns_the_status_round() -> None:
    inverted = {**ENDPOINT, "Inverted": True}
    verdicts = {"down": [False] * 8, "up": [True] * 8}
    assert judged({"down": inverted, "up": inverted}, verdicts) == {"down": True, "up": False}


@pytest.mark.fidelity(
    service="Route 53",
    behaviour=(
        "a calculated health check is healthy while at least HealthThreshold of its children are healthy"
    ),
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
@pytest.mark.parametrize(
    ("threshold", "healthy"), [(0, True), (1, True), (2, True), (3, False), (4, False), (9, False)]
)
def test_a_calculated_check_counts_its_healthy_children(threshold: int, healthy: bool) -> None:
    checks = {
        "up": ENDPOINT,
        "off": {**ENDPOINT, "Disabled": True},
        "down": ENDPOINT,
        "sum": {
            "Type": "CALCULATED",
            "ChildHealthChecks": ["up", "off", "down"],
            "HealthThreshold": threshold,
        },
    }
    verdicts = {"up": [True] * 8, "off": [False] * 8, "down": [False] * 8}
    assert judged(checks, verdicts)["sum"] is healthy


def test_calculated_checks_nest_whatever_their_order_and_a_circle_is_not_healthy() -> None:
    def all_of(*children: str) -> dict[str, Any]:
        return {"Type": "CALCULATED", "ChildHealthChecks": list(children), "HealthThreshold": len(children)}

    checks = {"top": all_of("middle", "b"), "middle": all_of("a"), "a": ENDPOINT, "b": ENDPOINT}
    assert judged(checks, {"a": [True], "b": [True]})["top"] is True
    assert judged(checks, {"a": [False], "b": [True]}) == {
        "top": False,
        "middle": False,
        "a": False,
        "b": True,
    }
    assert judged({"x": all_of("y"), "y": all_of("x")}) == {"x": False, "y": False}
    assert judged({"x": all_of("gone")}) == {"x": False}


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an inverted child counts in a calculated health check with its inverted status",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
def test_an_inverted_child_counts_by_its_inverted_status() -> None:
    checks = {
        "maintenance": {**ENDPOINT, "Inverted": True},
        "sum": {"Type": "CALCULATED", "ChildHealthChecks": ["maintenance"], "HealthThreshold": 1},
    }
    assert judged(checks, {"maintenance": [True] * 8}) == {"maintenance": False, "sum": False}


@pytest.mark.fidelity(
    service="Route 53",
    behaviour=(
        "a health check on an alarm follows the data, or InsufficientDataHealthStatus if there is no data"
    ),
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
@pytest.mark.parametrize(
    ("stream", "insufficient", "healthy"),
    [
        (OK, "Unhealthy", True),
        (ALARM, "Healthy", False),
        (INSUFFICIENT, "Healthy", True),
        (INSUFFICIENT, "Unhealthy", False),
        (INSUFFICIENT, "LastKnownStatus", True),  # "For new health checks ... the default status is healthy"
    ],
)
def test_a_check_on_an_alarm_follows_its_data(stream: str, insufficient: str, healthy: bool) -> None:
    config = {**ALARM_CHECK, "InsufficientDataHealthStatus": insufficient}
    assert judged({"check": config}, stream=stream) == {"check": healthy}


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="LastKnownStatus keeps the last status while data is missing",
    level="documented",
    source="Route 53 Developer Guide, Values that you specify when you create or update health checks",
)
def test_the_last_known_status_holds_while_data_are_missing() -> None:
    board = StatusBoard()
    judge = StatusEvaluator(board)
    checks = {"check": {**ALARM_CHECK, "InsufficientDataHealthStatus": "LastKnownStatus"}}
    seen = []
    for stream in (ALARM, INSUFFICIENT, OK, INSUFFICIENT):
        board.set_streams({("us-west-2", "latch"): stream})
        seen.append(judge.statuses(checks, {})["check"])
    assert seen == [False, False, True, True]


def test_the_board_tells_changes_of_old_checks_alone() -> None:
    board = StatusBoard()
    assert board.set_healthy({"a": True, "b": False}) == {}
    assert board.set_healthy({"a": False, "b": False, "c": True}) == {"a": False}
    assert board.set_healthy({"b": True}) == {"b": True}
    assert board.healthy("a") is True
