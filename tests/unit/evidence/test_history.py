"""The history of all runs, and the gate that judges the latest of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from drlib.cli.main import main
from drlib.core.errors import BadParameters, VerdictRed
from drlib.evidence import history, pipeline
from drlib.evidence.pipeline import Limits
from drlib.faults import scenario

DAY = "20260103T000000.000Z"
STAGES = {"client_error": 1.0, "check_failing": 2.0, "unhealthy": 27.0, "dns_answer": 1.0}


def written(
    folder: Path, number: int, *, rto: float | None = 80.0, rpo: float | None = 0.5, **more: Any
) -> str:
    """Write the evidence of a run of the first of January, at that hour, and return its id."""
    name = more.get("scenario", "region-outage")
    run_id = f"20260101T{number:02}0000.000Z-{name}-{number:04}"
    stages = {} if rto is None else STAGES | {"client_switch": rto - sum(STAGES.values())}
    evidence = {
        "run_id": run_id,
        "verdict": "passed",
        "reasons": [],
        "target": "sandbox",
        "origin": "simulated",
        "time_scale": 20.0,
        "scenario": name,
        "rto": {"measured_seconds": rto, "target_seconds": 180, "stages": stages},
        "rpo": {"seconds": rpo, "target_seconds": 60},
        "moves": [],
    }
    (folder / run_id).mkdir(parents=True)
    (folder / run_id / "evidence.json").write_text(json.dumps(evidence | more), encoding="utf-8")
    return run_id


def judged(folder: Path, limits: Limits, **which: str) -> pipeline.GateResult:
    return pipeline.judge(history.read(folder), limits, **which)


def test_runs_come_oldest_first_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    ids = [written(tmp_path, number) for number in (3, 1, 2)]
    (tmp_path / "20260101T090000.000Z-x-0009").mkdir()
    for name, text in (("a", "{"), ("b", "[]"), ("c", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "evidence.json").write_text(text, encoding="utf-8")
    past = history.read(tmp_path)
    assert [run.run_id for run in past.runs] == sorted(ids)
    assert past.unreadable == ("a", "b", "c")


def test_kinds_are_never_mixed(tmp_path: Path) -> None:
    written(tmp_path, 1)
    written(tmp_path, 2, target="aws", origin="live", time_scale=1)
    written(tmp_path, 3, time_scale=30.0)
    written(tmp_path, 4, scenario="api-down", rto=300.0)
    written(tmp_path, 5)
    past = history.read(tmp_path)
    assert [(kind.origin, kind.scenario, len(runs)) for kind, runs in past.kinds().items()] == [
        ("simulated", "region-outage", 2),
        ("simulated", "api-down", 1),
        ("simulated", "region-outage", 1),
        ("live", "region-outage", 1),
    ]
    axes = past.chart().figure.axes
    titles = [axis.get_title(loc="left") for axis in axes]
    assert titles == [
        "region-outage on sandbox (simulated)",
        "api-down on sandbox (simulated)",
        "region-outage on sandbox (simulated)",
        "region-outage on aws",
    ]
    assert axes[0].get_xlim()[1] > 2, "room for both runs of the first panel"
    assert [axis.get_ylabel() for axis in axes] == ["modelled s"] * 3 + ["s"]


def test_a_planned_move_is_no_drill(tmp_path: Path) -> None:
    written(tmp_path, 1)
    written(tmp_path, 2, rto=None, moves=[{"kind": "switchover"}])
    past = history.read(tmp_path)
    assert len(past.runs) == 2
    assert [run.run_id[-4:] for run in past.drills] == ["0001"]


def test_the_chart_stacks_the_stages_to_the_rto_and_says_what_did_not_pass(tmp_path: Path) -> None:
    written(tmp_path, 1, rto=80.0)
    written(tmp_path, 2, rto=95.0, verdict="failed")
    chart = history.read(tmp_path).chart()
    (axis,) = chart.figure.axes
    tops = {round(bar.get_x() + bar.get_width() / 2): 0.0 for bar in axis.patches}
    for bar in axis.patches:
        tops[round(bar.get_x() + bar.get_width() / 2)] += bar.get_height()
    assert tops == {1: pytest.approx(80.0), 2: pytest.approx(95.0)}
    assert [note.get_text() for note in axis.texts] == ["not passed"]
    assert chart.png().startswith(b"\x89PNG")
    assert str(chart).splitlines()[1:] == [
        "drill                                                  latest",
        "region-outage on sandbox (simulated, 20 times faster)  failed",
    ]
    assert "87.5 s" in chart.table.html(), "the median"


def test_no_run_is_no_chart_but_a_picture_that_says_so(tmp_path: Path) -> None:
    chart = history.read(tmp_path).chart()
    assert chart.figure.axes[0].get_title(loc="left") == "no run has measured a recovery yet"


def test_days_since_the_last_drill_of_each_scenario_and_target(tmp_path: Path) -> None:
    written(tmp_path, 0)
    last = written(tmp_path, 12)
    past = history.read(tmp_path)
    ages = {(row["scenario"], row["target"]): row for row in past.ages(now=past.runs[0].at + 2 * 86_400)}
    assert ages["region-outage", "sandbox"]["days"] == 1.5
    assert ages["region-outage", "sandbox"]["run_id"] == last
    never = {row for row, told in ages.items() if told["days"] is None}
    known = {(one.name, target) for one in scenario.every() for target in one.targets}
    assert never == known - {("region-outage", "sandbox")}
    assert str(past.last()).split() == ["scenario", "target", "region-outage", "sandbox"]


def test_within_its_limits_and_no_worse_is_green_and_says_what_was_looked_at(tmp_path: Path) -> None:
    for number, rto in enumerate((78.0, 80.0, 99.0, 84.0)):
        written(tmp_path, number, rto=rto)
    found = judged(tmp_path, Limits(120, 60, 0.2)).require()
    assert str(found).endswith(
        "region-outage on sandbox (simulated, 20 times faster); RTO 84.0 s; RPO 0.5 s; "
        "median of 3 earlier passed drills: RTO 80.0 s, RPO 0.5 s."
    )


@pytest.mark.parametrize(
    ("latest", "limits", "reason"),
    [
        ({"rto": 121.0}, Limits(max_rto_seconds=120), "its RTO was 121.0 s; the limit is 120 s"),
        ({"rpo": 61.0}, Limits(max_rpo_seconds=60), "its RPO was 61.0 s; the limit is 60 s"),
        (
            {"rto": 97.0},
            Limits(worsening=0.2),
            "its RTO was 97.0 s, more than 20% above the median of 2 earlier drills, 80.0 s, "
            "most of it in client_switch",
        ),
        ({"rpo": 6.0}, Limits(worsening=0.2), "its RPO was 6.0 s, more than 20% above the median"),
        (
            {"verdict": "aborted", "reasons": ["No recovery time was measured."], "rto": None},
            Limits(max_rto_seconds=120),
            "its verdict is aborted (No recovery time was measured)",
        ),
    ],
)
def test_a_reason_shuts_the_gate(tmp_path: Path, latest: dict[str, Any], limits: Limits, reason: str) -> None:
    written(tmp_path, 1)
    written(tmp_path, 2)
    written(tmp_path, 3, **latest)
    with pytest.raises(VerdictRed) as red:
        judged(tmp_path, limits).require()
    assert reason in red.value.message
    assert red.value.message.count("its ") == 1, "and no other reason"


@pytest.mark.parametrize(
    "latest",
    [{"rto": 96.0}, {"rto": 84.9}, {"rpo": 5.4}, {"rto": None, "rpo": 0.0}],
    ids=["just the share", "within the grain", "loss within the grain", "no recovery to measure"],
)
def test_what_is_no_worse_is_let_through(tmp_path: Path, latest: dict[str, Any]) -> None:
    written(tmp_path, 1)
    written(tmp_path, 2)
    written(tmp_path, 3, **latest)
    assert judged(tmp_path, Limits(worsening=0.2)).reasons == ()


@pytest.mark.parametrize(
    "before",
    [
        {"rto": 40.0, "scenario": "api-down"},
        {"rto": 40.0, "time_scale": 40.0},
        {"rto": 40.0, "verdict": "failed"},
        {"rto": 40.0, "target": "aws", "origin": "live", "time_scale": 1},
    ],
    ids=["another scenario", "another speed", "not passed", "another target"],
)
def test_a_drill_is_compared_with_passed_ones_of_its_kind_alone(
    tmp_path: Path, before: dict[str, Any]
) -> None:
    written(tmp_path, 1, **before)
    written(tmp_path, 2, rto=80.0)
    found = judged(tmp_path, Limits(worsening=0.0))
    assert found.reasons == ()
    assert "no earlier passed drill of this kind to compare with" in str(found)


def test_the_latest_of_a_scenario_or_a_target_is_judged_when_asked(tmp_path: Path) -> None:
    api = written(tmp_path, 1, scenario="api-down")
    live = written(tmp_path, 2, target="aws", origin="live", time_scale=1)
    newest = written(tmp_path, 3)
    limits = Limits(max_rto_seconds=120)
    assert judged(tmp_path, limits).run.run_id == newest
    assert judged(tmp_path, limits, scenario="api-down").run.run_id == api
    assert judged(tmp_path, limits, target="aws").run.run_id == live
    with pytest.raises(VerdictRed, match="There is no drill of api-down on aws to judge."):
        judged(tmp_path, limits, scenario="api-down", target="aws")
    with pytest.raises(BadParameters, match="--scenario must be one of .*, and is 'meteor'"):
        judged(tmp_path, limits, scenario="meteor")


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["drlib", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["--max-rto", "120", "--max-rpo", "60", "--worsening", "20%"],
            0,
            "median of 1 earlier passed drill",
        ),
        (["--max-rto", "70"], 1, "does not pass the gate: its RTO was 80.0 s; the limit is 70 s."),
        (["--max-rto", "70", "--runs", "{home}/empty"], 1, "There is no drill to judge."),
        ([], 2, "A gate needs --max-rto, --max-rpo or --worsening."),
        (["--max-rto", "-1"], 2, "--max-rto must be a number of seconds, 0 or more, not -1."),
        (["--max-rto", "nan"], 2, "--max-rto must be a number of seconds"),
        (["--max-rto", "soon"], 2, "--max-rto"),
        (["--worsening", "20"], 2, "--worsening must be a share such as 20%, and is '20'."),
        (["--worsening", "much%"], 2, "--worsening must be a share such as 20%"),
        (["--max-rto", "9", "--target", "mars"], 2, "--target must be one of aws, sandbox, and is 'mars'."),
        (["--max-rto", "9", "--runs", "{home}/nowhere"], 2, "There is no folder"),
    ],
)
def test_the_command_ends_with_its_code_and_one_sentence(
    home: Path, call: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    (home / "empty").mkdir()
    written(home / "runs", 1)
    written(home / "runs", 2)
    assert call("gate", *(word.format(home=home) for word in arguments)) == code
    told = capsys.readouterr()
    assert said in (told.err if code else told.out)
    assert len(told.err.splitlines()) == (1 if code else 0)


def test_the_history_is_printed_and_is_json(
    home: Path, call: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = written(home / "runs", 1)
    assert call("history") == 0
    told = capsys.readouterr().out
    assert run_id in told and "1 + 2 + 27 + 1 + 49" in told and "never drilled here: " in told
    assert call("history", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert [run["run_id"] for run in content["runs"]] == [run_id]
    assert content["trends"][0]["median_rto_seconds"] == 80.0
    assert {"scenario", "target", "run_id", "days", "verdict"} == content["last_drills"][0].keys()
