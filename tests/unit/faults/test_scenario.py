"""The model of a scenario: what may be written down, and what is refused, in a sentence that says why."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.core.errors import BadParameters
from drlib.faults import scenario

OUTAGE = {"kind": "region-down", "where": "primary"}
OFF = {"kind": "function-off", "where": "primary", "function": "payments"}
MOVES = {"traffic": "moves", "detected_by": "health-checks"}
STAYS = {"traffic": "stays", "detected_by": "nobody"}


def written(**changes: Any) -> dict[str, Any]:
    return {
        "name": "test",
        "title": "a test",
        "hypothesis": ["It holds."],
        "targets": ["sandbox"],
        "faults": [OUTAGE],
        "expect": MOVES,
    } | changes


def test_what_is_stored_makes_the_same_scenario() -> None:
    made = scenario.from_dict(written(faults=[OUTAGE, OFF]))
    assert scenario.from_dict(made.as_dict()) == made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"faults": []}, "faults: List should have at least 1 item"),
        ({"faults": [{"kind": "flood"}]}, "faults.0: .*flood"),
        ({"faults": [OUTAGE | {"mode": "refuse"}]}, "mode: Extra inputs"),
        ({"faults": [OUTAGE | {"times": 3}]}, "times above 1 needs down_seconds and up_seconds"),
        ({"faults": [OUTAGE | {"down_seconds": 3.0, "up_seconds": 3.0}]}, "and they need it"),
        ({"faults": [{"kind": "api-trouble", "where": "primary"}]}, "either a status or latency_seconds"),
        ({"targets": ["aws"]}, "only where plain AWS calls make every fault"),
        ({"targets": ["moon"]}, "targets.0"),
        ({"expect": STAYS}, "watch_seconds must say how long to look where nothing moves"),
        ({"watch_seconds": 800.0}, "deadline_seconds must be 120 s longer than watch_seconds"),
        ({"expect": STAYS | {"detected_by": "clients"}, "watch_seconds": 60.0}, "within must be a number"),
        ({"expect": MOVES | {"detected_by": "alarm"}}, "alarm names the alarm where an alarm detects"),
        ({"expect": MOVES | {"alarm": "api-5xx"}}, "alarm names the alarm where an alarm detects"),
        ({"expect": MOVES | {"unseen_by": ["health-checks"]}}, "nobody can both see it and not see it"),
        ({"expect": MOVES | {"lost": -1}}, "expect.lost"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadParameters, match=said):
        scenario.from_dict(written(**changes))


def test_one_that_cannot_run_on_a_target_is_a_bad_parameter() -> None:
    made = scenario.from_dict(written())
    assert made.require_target("sandbox") is made
    with pytest.raises(BadParameters, match="scenario test can run on sandbox, and target is aws"):
        made.require_target("aws")
    assert scenario.from_dict(written(faults=[OFF], targets=["sandbox", "aws"])).require_target("aws")


def test_the_clauses_are_told_in_words() -> None:
    expect = MOVES | {"moved_by": "operator", "guard": "refused", "unseen_by": ["clients"], "within": 30.0}
    told = dict(scenario.from_dict(written(expect=expect)).expect.words())
    assert told["traffic"] == "moves, by the operator's latch"
    assert told["detected"] == "health-checks, in 30 s"
    assert (told["not seen by"], told["failing over"]) == ("clients", "refused")


def test_the_outage_of_the_region_comes_first() -> None:
    assert scenario.names()[0] == "region-outage"
    assert [one.name for one in scenario.every()] == scenario.names()


def test_a_file_that_is_no_mapping_is_named(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.yaml").write_text("- a list\n")
    monkeypatch.setattr(scenario, "FOLDER", tmp_path)
    with pytest.raises(BadParameters, match=r"odd.yaml must be a YAML mapping"):
        scenario.load("odd")
