"""The judgement of a hypothesis: each clause holds, is broken by its own mechanism alone, or is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drlib.evidence import evidence
from drlib.faults import hypothesis, scenario
from drlib.faults.hypothesis import Sightings
from drlib.runner import drill
from drlib.runs.run import Run
from tests.fakes import Nowhere
from tests.unit.evidence.figures import LOSSES, full

PRIMARY, STANDBY = "us-east-2", "us-west-2"
MOVED = Sightings(
    primary=PRIMARY,
    answers=((0.2, PRIMARY), (29.0, STANDBY)),
    moved_seconds=75.0,
    moved_by="route53",
    detected={"health-checks": 28.0, "clients": 0.5, "alarm": None, "operator": None},
    both_served=0,
    cold_seconds=None,
    refused=(),
    latest_seconds=85.0,
)
STAYED = replace(
    MOVED,
    answers=((0.2, PRIMARY),),
    moved_seconds=None,
    moved_by="",
    detected={"health-checks": None, "clients": None, "alarm": 100.0, "operator": None},
    latest_seconds=None,
)
COUNTED = {
    "lost": 0,
    "stranded": 1,
    "duplicated": 1,
    "rejected": 0,
    "unexplained_duplicates": 0,
    "payment_ids": {"stranded": ["p1"], "duplicated": ["p1"], "rejected": []},
}


def planned(**expect: Any) -> scenario.Scenario:
    moves = {
        "traffic": "moves",
        "detected_by": "health-checks",
        "duplicated": "explained",
        "stranded": "listed",
    }
    return scenario.from_dict(
        {
            "name": "test",
            "title": "a test",
            "hypothesis": ["it holds"],
            "targets": ["sandbox"],
            "faults": [{"kind": "region-down", "where": "primary"}],
            "expect": moves | expect,
            "watch_seconds": 60,
        }
    )


STAYS = {
    "traffic": "stays",
    "detected_by": "alarm",
    "alarm": "api-5xx",
    "within": 120,
    "unseen_by": ["health-checks"],
    "duplicated": "none",
    "stranded": "none",
}
QUIET = COUNTED | {"stranded": 0, "duplicated": 0}


def broken(expect: dict[str, Any], seen: Sightings, rpo: dict[str, Any] = COUNTED) -> list[str]:
    return [clause.name for clause in hypothesis.judge(planned(**expect), seen, rpo).broken]


def test_what_was_expected_holds() -> None:
    assert broken({}, MOVED) == []
    assert broken(STAYS, STAYED, QUIET) == []


@pytest.mark.parametrize(
    ("seen", "names"),
    [
        ({"moved_seconds": None, "moved_by": ""}, ["traffic", "moved by"]),
        ({"answers": (*MOVED.answers, (90.0, PRIMARY))}, ["traffic"]),
        ({"answers": MOVED.answers[:1]}, ["traffic"]),
        ({"moved_by": "operator"}, ["moved by"]),
        ({"detected": {"health-checks": 85.1}}, ["seen by health-checks"]),
        ({"detected": {"health-checks": None}}, ["seen by health-checks"]),
        ({"latest_seconds": None}, ["seen by health-checks"]),
    ],
)
def test_each_clause_of_a_move_can_break(seen: dict[str, Any], names: list[str]) -> None:
    assert broken({}, replace(MOVED, **seen)) == names


@pytest.mark.parametrize(
    ("seen", "names"),
    [
        ({"moved_seconds": 70.0}, ["traffic"]),
        ({"answers": MOVED.answers}, ["traffic"]),
        ({"answers": ()}, ["traffic"]),
        ({"detected": {"alarm": 120.1}}, ["seen by alarm api-5xx"]),
        ({"detected": {"alarm": 9.0, "health-checks": 30.0}}, ["seen by health-checks"]),
    ],
)
def test_each_clause_of_a_calm_can_break(seen: dict[str, Any], names: list[str]) -> None:
    assert broken(STAYS, replace(STAYED, **seen), QUIET) == names


@pytest.mark.parametrize(
    ("expect", "seen", "name"),
    [
        ({"both_serve": True}, {"both_served": 3}, "both regions serve"),
        ({"cold_start": True}, {"cold_seconds": 12.0}, "a cold start"),
        ({"guard": "refused"}, {"refused": ("it takes a payment",)}, "failing over"),
    ],
)
def test_what_a_scenario_adds_must_be_seen(expect: dict[str, Any], seen: dict[str, Any], name: str) -> None:
    assert broken(expect, replace(MOVED, **seen)) == []
    assert broken(expect, MOVED) == [name]


@pytest.mark.parametrize(
    ("expect", "counted", "name"),
    [
        ({}, {"lost": 1}, "lost"),
        ({}, {"unexplained_duplicates": 1}, "duplicated"),
        ({"duplicated": "none"}, {}, "duplicated"),
        ({"duplicated": "listed"}, {"duplicated": 2}, "duplicated"),
        ({"stranded": "none"}, {}, "stranded"),
        ({}, {"rejected": 1}, "rejected"),
    ],
)
def test_payments_are_counted_against_it(expect: dict[str, Any], counted: dict[str, Any], name: str) -> None:
    assert broken(expect, MOVED, COUNTED | counted) == [name]


def test_before_payments_are_counted_their_clauses_are_open() -> None:
    judged = hypothesis.judge(planned(), MOVED)
    assert [clause.name for clause in judged.clauses if clause.word == "open"] == [
        "lost", "duplicated", "stranded", "rejected"
    ]  # fmt: skip
    assert judged.broken == []
    assert "75" not in str(judged)


def test_a_hypothesis_that_does_not_hold_is_a_red_verdict(run: Run, here: Nowhere) -> None:
    run.save("scenario", planned())
    run.save("sightings", MOVED)
    losses = LOSSES | {"rejected": [], "unexplained_duplicates": []}
    assert full(run, here, losses=losses).verdict == "passed"
    run.save("sightings", replace(MOVED, moved_by="operator"))
    found = full(run, here, losses=losses)
    assert found.verdict == "failed"
    assert found.reasons == ["The hypothesis does not hold: moved by, expected route53, seen operator."]
    assert not [wrong for wrong in evidence.verify(run).wrong if "differs" in wrong]
    page = evidence.report(run).read_text()
    assert 'expected">route53</td>' in page
    assert "Hypothesis 6 of 7 clauses hold" in "\n".join(drill.summary(found, seal="0" * 64))


def test_where_traffic_stays_no_recovery_is_missing(run: Run, here: Nowhere) -> None:
    run.save("scenario", planned(**STAYS))
    run.save("sightings", STAYED)
    losses = LOSSES | {"stranded": [], "duplicated": []}
    assert full(run, here, recovery=None, prediction=None, losses=losses).verdict == "passed"


def test_duplicates_that_were_expected_are_listed_and_not_red(run: Run, here: Nowhere) -> None:
    losses = LOSSES | {"unexplained_duplicates": ["p3"]}
    run.save("scenario", planned(duplicated="listed"))
    run.save("sightings", MOVED)
    assert full(run, here, losses=losses).verdict == "passed"
    run.save("scenario", planned())
    assert full(run, here, losses=losses).verdict == "failed"
