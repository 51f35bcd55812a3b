"""The terms of the evidence: one wording for each, used by everything that shows or judges it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from drlib.core import terms
from drlib.evidence import verdict
from drlib.evidence.report import page
from drlib.payments.losses import LossCounts
from drlib.show.charts.waterfall import waterfall
from drlib.timeline import prediction

RED = [name for name, one in terms.COUNTS.items() if one.red]
RTO = {"measured_seconds": None, "target_seconds": 300}


def evidence(**counts: int) -> dict[str, object]:
    rpo = {"seconds": 0.0, "target_seconds": 60, **dict.fromkeys(terms.COUNTS, 0), **counts}
    parts: dict[str, object] = {
        "rto": RTO,
        "rpo": rpo,
        "planes": {"control_plane_calls_in_failover": 0},
        "moves": [{"kind": verdict.PLANNED}],
        "hypothesis": {},
    }
    return {**parts, "checks": [], "forced": []}


def test_every_count_is_a_field_of_the_reconciliation_and_has_its_place() -> None:
    assert set(terms.COUNTS) == {*terms.NAMES, "unexplained_duplicates", *terms.MORE}
    assert terms.COUNTS.keys() <= {one.name for one in fields(LossCounts)}
    assert LossCounts(0.0).as_dict().keys() >= terms.COUNTS.keys()


@pytest.mark.parametrize("name", terms.COUNTS)
def test_the_verdict_and_the_reconciliation_agree_on_what_is_red(name: str) -> None:
    judged, reasons = verdict.judge(evidence(**{name: 2}), [])
    told = LossCounts(0.0, **{name: ("p1", "p2")}).reasons  # type: ignore[arg-type]
    if name in RED:
        meaning = terms.COUNTS[name].meaning
        assert (judged, reasons) == (verdict.FAILED, [f"2 payments were {meaning}."])
        assert told == [f"2 payments were {meaning}, such as p1."]
    else:
        assert (judged, reasons, told) == (verdict.PASSED, [], [])


def test_the_report_means_by_a_count_what_the_verdict_does() -> None:
    assert {name: one.meaning for name, one in terms.COUNTS.items()} == page.MEANINGS


def test_a_stage_has_its_words_in_the_figure() -> None:
    stages = dict.fromkeys(terms.STAGES, 1.0)
    assert tuple(stages) == prediction.STAGES
    words = [one.words for one in terms.STAGES.values()]
    chart = waterfall(stages, {}, target_seconds=100, origin="simulated")
    assert [row[0] for row in chart.table.rows][: len(words)] == words


def test_what_is_no_stage_says_itself() -> None:
    assert (terms.stage_words("RTO"), terms.stage_words("a_new_stage")) == ("RTO", "a new stage")
