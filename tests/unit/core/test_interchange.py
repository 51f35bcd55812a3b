"""What other tools read of us, by the other tools' own judgement."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from chaoslib.activity import ensure_activity_is_valid
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.experiment import run_experiment as carry_out
from chaoslib.run import initialize_run_journal

from drlib import chaos, evidence, interchange, journal, scenario
from drlib.errors import BadParameters, StepFailed

from .conftest import Nowhere

ROWS = [
    {"id": "the-worker-is-on", "name": "the worker is on", "status": "passed", "detail": "", "hint": ""},
    {
        "id": "replication-to-standby",
        "name": "writes reach the standby",
        "status": "failed",
        "detail": "no",
        "hint": "",
    },
]


class Rows:
    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows

    def as_dicts(self) -> list[dict[str, str]]:
        return self.rows


@pytest.fixture
def folder(run: journal.Run, here: Nowhere) -> Path:
    """A run that broke something, restored it, and failed at an act of its own."""
    run.save("scenario", scenario.load("region-outage"))
    with run.step("inject", mutating=True, resource="us-east-2") as step:
        step.detail["scenario"] = "region-outage"
    with run.step("restore", mutating=True, resource="us-east-2"):
        pass
    with pytest.raises(StepFailed), run.step("set latch", mutating=True):
        raise StepFailed("no")
    with run.step("look"):
        pass
    evidence.update(run, here, checks=[Rows(ROWS)])
    return run.folder


@pytest.mark.parametrize("name", scenario.names())
@pytest.mark.parametrize("file", ["", "params/sandbox.yaml"])
def test_every_scenario_is_an_experiment_that_the_toolkit_accepts(name: str, file: str) -> None:
    planned = scenario.load(name)
    made = json.loads(interchange.dumps(interchange.experiment(planned, file=file)))
    ensure_experiment_is_valid(made)
    assert made["method"][0]["provider"]["arguments"]["scenario"] == name
    follows = made["method"][-1]["provider"]["func"]
    assert follows == ("served_by" if planned.moves else "stays_with")
    assert [one["name"] for one in made["rollbacks"]] == ["restore"]


def test_where_the_operator_moves_the_traffic_so_does_the_experiment() -> None:
    data = scenario.load("region-outage").as_dict()
    planned = scenario.from_dict(data | {"expect": data["expect"] | {"moved_by": "operator"}})
    made = interchange.experiment(planned)
    ensure_experiment_is_valid(made)
    assert [one["provider"]["func"] for one in made["method"]] == ["inject", "fail_over", "served_by"]


def test_where_nothing_moves_the_experiment_watches_that() -> None:
    data = scenario.load("region-outage").as_dict() | {"watch_seconds": 120.0}
    expect = data["expect"] | {"traffic": "stays", "within": 60.0}
    made = interchange.experiment(scenario.from_dict(data | {"expect": expect}))
    ensure_experiment_is_valid(made)
    last = made["method"][-1]
    assert last["provider"]["arguments"] == {"role": "primary", "for_seconds": 120.0}
    assert last["tolerance"] is True


def test_a_run_is_a_journal_of_the_toolkits_form(folder: Path) -> None:
    made = json.loads(interchange.dumps(interchange.journal(folder)))
    ensure_experiment_is_valid(made["experiment"])
    assert made.keys() == initialize_run_journal(made["experiment"]).keys() | {"end", "duration"}
    assert (made["status"], made["deviated"]) == ("aborted", False), "no recovery was measured"
    assert made["experiment"]["title"].endswith("(simulated)")
    assert "simulated" in made["experiment"]["tags"]
    probes = made["steady_states"]["before"]["probes"]
    for step in (*made["run"], *made["rollbacks"], *probes):
        ensure_activity_is_valid(step["activity"])
        assert {"activity", "output", "start", "end", "duration", "status"} <= step.keys()
        assert step["status"] in ("succeeded", "failed") and step["duration"] >= 0
        assert step["start"] <= step["end"]


def test_a_journal_tells_what_was_done_and_how_it_ended(folder: Path) -> None:
    made = interchange.journal(folder)
    assert [(step["activity"]["name"], step["status"]) for step in made["run"]] == [
        ("inject", "succeeded"),
        ("set latch", "failed"),
    ]
    assert made["run"][1]["exception"] == ["StepFailed: no"]
    assert [step["activity"]["provider"]["func"] for step in made["rollbacks"]] == ["restore"]
    before = made["steady_states"]["before"]
    assert before["steady_state_met"] is False
    assert [probe["tolerance_met"] for probe in before["probes"]] == [True, False]
    assert made["steady_states"]["after"] is None
    (figures,) = [one for one in made["experiment"]["extensions"] if one["name"] == "drlib-run"]
    assert (figures["run_id"], figures["origin"], figures["verdict"]) == (folder.name, "simulated", "aborted")


@pytest.mark.parametrize(
    ("verdict", "status", "deviated"),
    [
        ("passed", "completed", False),
        ("failed", "completed", True),
        ("aborted", "aborted", False),
        ("pending-approval", "interrupted", False),
    ],
)
def test_the_verdict_is_the_status(folder: Path, verdict: str, status: str, deviated: bool) -> None:
    file = folder / "evidence.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(content | {"verdict": verdict}), encoding="utf-8")
    made = interchange.journal(folder)
    assert (made["status"], made["deviated"]) == (status, deviated)


def test_a_folder_without_evidence_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="holds no evidence.json"):
        interchange.journal(tmp_path)


def test_an_experiment_is_carried_out_step_by_step(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, dict[str, Any]]] = []

    def stub(name: str, result: Any) -> None:
        real = getattr(chaos, name)

        def act(*positional: Any, **given: Any) -> Any:
            done.append((name, given))
            return result

        act.__signature__ = inspect.signature(real)  # type: ignore[attr-defined]
        monkeypatch.setattr(chaos, name, act)

    for name, result in (("serves", True), ("inject", {}), ("served_by", 80.0), ("restore", [])):
        stub(name, result)
    made = interchange.experiment(scenario.load("region-outage"))
    found = carry_out(made, settings={"runtime": {"rollbacks": {"strategy": "always"}}})
    assert (found["status"], found["deviated"]) == ("completed", False)
    assert [name for name, _ in done] == ["serves", "inject", "served_by", "serves", "restore"]
    assert done[1][1] == {"scenario": "region-outage"}
    assert done[2][1] == {"role": "standby", "within_seconds": 180.0}
