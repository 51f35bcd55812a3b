"""Rules of the alarm evaluation: the tables of the CloudWatch User Guide."""

from __future__ import annotations

import pytest

from drlib.sandbox.services.cloudwatch import alarms
from drlib.sandbox.services.cloudwatch.alarms import decide
from drlib.sandbox.services.route53.status_board import ALARM, INSUFFICIENT, OK


def points(text: str) -> list[bool | None]:
    """Read a row of the guide's tables: `0` within the threshold, `X` breaching, `-` missing."""
    return [{"0": False, "X": True, "-": None}[mark] for mark in text.split()]


KEEP = None
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="missing data is treated as TreatMissingData says, as in the tables of the user guide",
    level="documented",
    source="CloudWatch User Guide, Configuring how CloudWatch alarms treat missing data",
)
@pytest.mark.parametrize(
    ("needed", "row", "states"),
    [
        (3, "0 - X - X", (OK, OK, OK, OK)),
        (3, "0 - - - -", (OK, OK, OK, OK)),
        (3, "- - - - -", (INSUFFICIENT, KEEP, ALARM, OK)),
        (3, "0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        (3, "- - X - -", (ALARM, KEEP, ALARM, OK)),
        (2, "0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 - X - -", (OK, OK, ALARM, OK)),
        (2, "- - - - 0", (OK, OK, ALARM, OK)),
        (2, "- - - X -", (ALARM, KEEP, ALARM, OK)),
    ],
)
def test_the_tables_of_the_guide(needed: int, row: str, states: tuple[str | None, ...]) -> None:
    decided = [decide(points(row), periods=3, needed=needed, missing=missing) for missing in TREATMENTS]
    assert decided == list(states)


@pytest.mark.parametrize("row", ["- - - - X", "- - - X -"])
def test_no_alarm_while_the_next_datapoint_may_still_be_good(row: str) -> None:
    assert decide(points(row), periods=3, needed=3, missing="missing") is KEEP


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="an alarm compares values with its threshold by its ComparisonOperator",
    level="documented",
    source="CloudWatch API Reference, PutMetricAlarm: ComparisonOperator",
)
@pytest.mark.parametrize(
    ("operator", "below", "at", "above"),
    [
        ("GreaterThanOrEqualToThreshold", False, True, True),
        ("GreaterThanThreshold", False, False, True),
        ("LessThanThreshold", True, False, False),
        ("LessThanOrEqualToThreshold", True, True, False),
        ("Unheard", False, False, False),
    ],
)
def test_comparison_operators(operator: str, below: bool, at: bool, above: bool) -> None:
    alarm = {"ComparisonOperator": operator, "Threshold": 5.0}
    assert [alarms.breaches(alarm, value) for value in (4.0, 5.0, 6.0)] == [below, at, above]


@pytest.mark.parametrize(
    ("statistic", "operator", "decided_early"),
    [
        ("Maximum", "GreaterThanThreshold", True),
        ("Sum", "GreaterThanOrEqualToThreshold", True),
        ("Minimum", "LessThanThreshold", True),
        ("Average", "GreaterThanThreshold", False),
        ("Sum", "LessThanThreshold", False),
        ("Minimum", "GreaterThanThreshold", False),
    ],
)
def test_a_period_counts_before_its_end_only_if_nothing_can_change_its_verdict(
    statistic: str, operator: str, decided_early: bool
) -> None:
    alarm = {"Statistic": statistic, "ComparisonOperator": operator, "Threshold": 5.0}
    value = 6.0 if operator.startswith("Greater") else 4.0
    assert alarms.breaches_already(alarm, value) is decided_early
