"""Figures: that they are drawn, also of nothing, and that the table beside each says the same."""

import math

import pandas as pd
import pytest

from drlib.show.charts import health, payments
from drlib.show.charts.chart import Mark
from drlib.show.charts.lag import lag as draw_lag
from drlib.show.charts.outcomes import outcomes
from drlib.show.charts.waterfall import waterfall
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt

EMPTY = pd.DataFrame()


def view(attempts, **changes):
    facts = {
        "attempts": attempts,
        "start": 1000.0,
        "end": 1100.0,
        "zero": 1030.0,
        "primary_region": PRIMARY,
        "standby_region": STANDBY,
        "origin": "simulated",
    }
    return payments.View(**facts | changes)


ATTEMPTS = [
    attempt(1),
    attempt(40, outcome="fail", region=""),
    attempt(41, outcome="indeterminate", region=""),
    attempt(42, outcome="rejected", region=""),
    attempt(60, region=STANDBY),
    attempt(61, region=STANDBY),
    attempt(500, region=STANDBY),  # later than what is shown
]
MARKS = [Mark(1030.0, "fault"), Mark(1030.1, "first error"), Mark(1099.0, "recovered")]
OBSERVATIONS = [
    health.Observation("us-east-1", 1005.0, 0),
    health.Observation("us-east-1", 1035.0, 1),
    health.Observation("us-west-1", 1036.0, 3),
]


def counts(chart, column=1):
    return {row[0]: row[column] for row in chart.table.rows}


def test_payments_are_counted_by_who_served_them():
    chart = payments.payments(view(ATTEMPTS, marks=MARKS))
    assert counts(chart) == {
        "by the primary": "1", "by the standby": "2", "refused": "1", "failed": "1", "unclear": "1",
    }  # fmt: skip
    assert chart.png().startswith(b"\x89PNG")


def test_the_checkers_table_holds_their_worst():
    chart = health.health(
        OBSERVATIONS, threshold=3, start=1000.0, end=1100.0, zero=1030.0, origin="simulated", marks=MARKS
    )
    assert counts(chart) == {"us-east-1": "1", "us-west-1": "3"}
    assert chart.png().startswith(b"\x89PNG")


def test_the_waterfall_adds_up():
    chart = waterfall(
        {"client_error": 1.0, "client_switch": 78.2},
        {"client_error": 0.5, "client_switch": 77.5},
        target_seconds=180,
        origin="simulated",
    )
    assert counts(chart)["RTO"] == "79.2"
    assert counts(chart, 2)["RTO"] == "78"
    assert chart.png().startswith(b"\x89PNG")


def test_minutes_without_data_are_counted_and_are_not_zero():
    lag = pd.DataFrame({"a to b": [1.0, math.nan, 3.0]}, index=[1000.0, 1060.0, 1120.0])
    chart = draw_lag(lag, EMPTY, zero=1030.0, origin="simulated", marks=MARKS)
    assert chart.table.rows == [["a to b", "3", "1"]]
    assert chart.png().startswith(b"\x89PNG")


def test_single_writes_are_dots_beside_the_metric():
    lag = pd.DataFrame({"a to b": [1.0], "b to a": [2.0]}, index=[1000.0])
    writes = pd.DataFrame(
        [("a to b", 1010.0, 1.1), ("a to b", 1120.0, 95.0), ("c to d", 1020.0, 1.0)],
        columns=["route", "at", "lag_seconds"],
    )
    chart = draw_lag(lag, EMPTY, zero=1000.0, origin="simulated", arrivals=writes)
    dots = [part.get_offsets().tolist() for part in chart.figure.axes[0].collections]
    assert dots == [[[10.0, 1.1], [120.0, 95.0]], []]
    assert chart.table.rows == draw_lag(lag, EMPTY, zero=1000.0, origin="simulated").table.rows


@pytest.mark.parametrize(
    "chart",
    [
        payments.payments(view([])),
        health.health([], threshold=3, start=0.0, end=0.0, zero=0.0, origin="live"),
        waterfall({}, {}, target_seconds=180, origin="live"),
        outcomes({}, origin="live"),
        draw_lag(EMPTY, EMPTY, zero=0.0, origin="live"),
    ],
    ids=["payments", "health", "waterfall", "outcomes", "lag"],
)
def test_nothing_can_be_drawn_too(chart):
    assert chart.png().startswith(b"\x89PNG")


@pytest.mark.parametrize(("origin", "says"), [("simulated", True), ("live", False)])
def test_a_simulated_figure_says_so(origin, says):
    figures = [
        payments.payments(view(ATTEMPTS, origin=origin)),
        health.health(OBSERVATIONS, threshold=3, start=1000.0, end=1100.0, zero=1030.0, origin=origin),
        waterfall({"client_error": 1.0}, {}, target_seconds=180, origin=origin),
        outcomes({"obeys-ttl": {"ok": 3}}, origin=origin),
        draw_lag(EMPTY, EMPTY, zero=0.0, origin=origin),
    ]
    for chart in figures:
        title = chart.figure.axes[0].get_title(loc="left")
        assert ("(simulated)" in title) is says
        labels = " ".join(axis.get_xlabel() for axis in chart.figure.axes)
        assert says or "modelled" not in labels


def test_the_plain_text_has_no_varying_number():
    chart = payments.payments(view(ATTEMPTS))
    assert str(chart) == str(payments.payments(view(ATTEMPTS[:3])))
