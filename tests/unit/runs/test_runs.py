"""Runs and their journal: nothing is lost, nothing can be changed unseen, and a run belongs to one stack."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drlib import parameters
from drlib.core.clock import Clock
from drlib.core.errors import BadParameters, NotApproved, StepFailed
from drlib.runs import folders, journal
from drlib.runs.approval import approve
from drlib.runs.run import Run
from tests.fakes import Nowhere


def phases(run: Run, step: str) -> list[str]:
    return [line["phase"] for line in journal.lines(run.folder) if line["step"] == step]


def test_a_run_is_a_folder_that_sorts_by_time(run: Run, home: Path) -> None:
    assert folders.RUN_ID.fullmatch(run.run_id)
    assert "-region-outage-" in run.run_id
    assert (home / "runs" / "current").read_text().strip() == run.run_id
    assert json.loads((run.folder / "parameters.json").read_text()) == parameters.make({}).values()


def test_a_line_has_the_fields_that_others_rely_on(run: Run) -> None:
    line = run.note("probe", detail={"seen": 1}, resource="us-east-2")
    assert list(line) == [
        *("seq", "at", "runbook", "step", "phase", "mutating", "resource", "detail"),
        *("actor", "parameters_sha256", "prev", "hash"),
    ]
    assert (line["seq"], line["phase"], line["mutating"]) == (2, "done", False)
    assert line["prev"] == journal.lines(run.folder)[0]["hash"]


def test_a_step_is_written_before_and_after(run: Run) -> None:
    with run.step("inject", mutating=True, resource="us-east-2", detail={"mode": "refuse"}) as step:
        assert phases(run, "inject") == ["intent"]
        assert not run.done("inject")
        step.detail["at"] = 12.5
    assert phases(run, "inject") == ["intent", "done"]
    assert run.done("inject")
    last = journal.lines(run.folder)[-1]
    assert last["detail"] == {"mode": "refuse", "at": 12.5}
    assert last["mutating"] is True


@pytest.mark.parametrize("error", [StepFailed("The queue of 123456789012 is gone."), KeyboardInterrupt()])
def test_a_failed_step_says_why_and_is_not_done(run: Run, error: BaseException) -> None:
    with pytest.raises(type(error)), run.step("send"):
        raise error
    last = journal.lines(run.folder)[-1]
    assert last["phase"] == "failed"
    assert last["detail"]["error"] == type(error).__name__
    assert "123456789012" not in json.dumps(last)
    assert not run.done("send")
    with run.step("send"):
        pass
    assert run.done("send"), "the last word counts"


def test_done_is_a_matter_of_one_runbook(run: Run) -> None:
    run.as_runbook("10-deploy").note("up")
    assert not run.done("up")
    assert run.done("up", runbook="10-deploy")


def test_instants_are_those_of_the_targets_clock(home: Path) -> None:
    here = Nowhere(home)
    here.clock = Clock(scale=20, anchor=Clock().now() - 1000)
    run = folders.open_run(parameters.make({}), here)
    assert journal.lines(run.folder)[0]["at"] > Clock().now() + 1000
    assert folders.find(run.run_id).clock == here.clock


def test_what_was_saved_comes_back_in_another_process(run: Run) -> None:
    @dataclass
    class Piece:
        def as_dict(self) -> dict[str, Any]:
            return {"measured_seconds": 99.5, "who": "arn:aws:iam::123456789012:role/x"}

    run.save("recovery", Piece())
    again = folders.find(run.run_id)
    assert again.load("recovery") == {"measured_seconds": 99.5, "who": "arn:***:role/x"}
    assert again.has("recovery")
    run.save("recovery", {"measured_seconds": 1})
    assert again.load("recovery") == {"measured_seconds": 1}
    noted = [line for line in journal.lines(run.folder) if line["step"] == "save recovery"]
    assert noted[-1]["detail"]["sha256"] == journal.sha256((run.folder / "saved/recovery.json").read_bytes())


def test_what_was_never_saved_is_said(run: Run) -> None:
    with pytest.raises(StepFailed) as caught:
        run.load("recovery")
    assert caught.value.resource == "recovery"
    with pytest.raises(ValueError, match="not a name"):
        run.save("../x", {})


def test_the_plain_text_of_a_run_does_not_vary(run: Run) -> None:
    bundle = run._repr_mimebundle_()
    assert bundle["text/plain"] == "Run of 30-drill-failover"
    assert run.run_id in bundle["text/html"]


def test_appends_from_several_threads_make_one_chain(run: Run) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: run.note(f"step {n}"), range(60)))
    lines = journal.lines(run.folder)
    assert [line["seq"] for line in lines] == list(range(1, 62))
    assert journal.broken_link(lines) == ""


def test_a_line_that_was_torn_off_is_kept_aside(run: Run) -> None:
    with (run.folder / "journal.jsonl").open("a") as file:
        file.write('{"seq": 2, "at"')
    run.note("next")
    lines = journal.lines(run.folder)
    assert [line["step"] for line in lines] == ["open", "torn line", "next"]
    assert journal.broken_link(lines) == ""
    assert (run.folder / "journal.torn").read_text() == '{"seq": 2, "at"\n'
    assert lines[1]["detail"] == {"bytes": 15, "sha256": journal.sha256('{"seq": 2, "at"')}


def changed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines[1]["detail"] = {"n": 2}
    return lines


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (changed, "Line 2 of the journal was changed"),
        (lambda lines: lines[:1] + lines[2:], "Line 2 of the journal does not follow"),
        (lambda lines: lines[1:], "Line 1 of the journal does not follow"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "Line 1 of the journal does not follow"),
        (lambda lines: [*lines, lines[-1]], "Line 5 of the journal does not follow"),
        (lambda lines: [{**lines[0], "hash": "0" * 64}, *lines[1:]], "Line 1 of the journal was changed"),
    ],
)
def test_every_change_breaks_the_chain(run: Run, tamper: Any, said: str) -> None:
    for step in ("a", "b", "c"):
        run.note(step)
    lines = journal.lines(run.folder)
    assert journal.broken_link(lines) == ""
    assert said in journal.broken_link(tamper(lines))


def test_the_open_run_is_joined(run: Run, here: Nowhere) -> None:
    joined = folders.join(parameters.make({"rto_target_seconds": 60}), "40-failback", here)
    assert joined.run_id == run.run_id
    assert joined.runbook == "40-failback"
    assert joined.settings == run.settings, "the run's own parameters hold"
    assert journal.lines(run.folder)[-1]["detail"] == {"changed": {"rto_target_seconds": 60}}


@pytest.mark.parametrize(
    "other", [{"suffix": "other"}, {"standby_region": "us-west-1"}, {"domain_name": "a.drill.test"}]
)
def test_another_stack_opens_another_run(run: Run, here: Nowhere, other: dict[str, str]) -> None:
    assert folders.join(parameters.make(other), "20-verify", here).run_id != run.run_id


def test_another_sandbox_opens_another_run(run: Run, home: Path) -> None:
    joined = folders.join(parameters.make({}), "20-verify", Nowhere(home, instance_id="two"))
    assert joined.run_id != run.run_id
    assert joined.world == "two"


def test_a_drill_goes_on_in_no_other_sandbox(
    run: Run, here: Nowhere, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(folders.DRILLED, run.run_id)
    assert folders.join(parameters.make({}), "20-verify", here).run_id == run.run_id
    with pytest.raises(StepFailed, match=f"20-verify is part of {run.run_id}"):
        folders.join(parameters.make({}), "20-verify", Nowhere(home, instance_id="two"))
    assert [folder.name for folder in folders.runs().iterdir() if folder.is_dir()] == [run.run_id]


def test_without_a_run_one_is_opened(home: Path) -> None:
    assert folders.current() is None
    run = folders.join(parameters.make({}), "00-preflight")
    assert folders.current() is not None
    folders.close(run)
    folders.close(run)
    assert folders.current() is None
    assert phases(run, "close") == ["done"]


def test_closing_an_older_run_leaves_the_open_one(run: Run, here: Nowhere) -> None:
    newer = folders.open_run(parameters.make({}), here)
    folders.close(run)
    found = folders.current()
    assert found is not None
    assert found.run_id == newer.run_id
    assert folders.reopen(run).run_id == (folders.runs() / "current").read_text().strip()


@pytest.mark.parametrize("run_id", ["", "..", "20260101T000000.000Z-region-outage-abcd", "/etc"])
def test_a_run_that_is_none_is_said(home: Path, run_id: str) -> None:
    with pytest.raises(BadParameters, match="There is no run"):
        folders.find(run_id)


def test_an_approval_names_this_stack_and_target() -> None:
    approval = approve(parameters.make({}), "deploy")
    assert str(approval) == "Approved: deploy (drill@sandbox)"


@pytest.mark.parametrize("given", ["", "drill@aws", "drill", "yes", "DRILL@sandbox", " drill@sandbox"])
def test_anything_else_is_no_approval(given: str) -> None:
    with pytest.raises(NotApproved, match="deploy is not approved") as caught:
        approve(parameters.make({"approval": given}), "deploy")
    assert "'drill@sandbox'" in caught.value.remedy
    assert caught.value.exit_code == 4


def test_an_attached_file_is_named_with_its_hash(run: Run) -> None:
    (run.folder / "ledger.parquet").write_bytes(b"x")
    run.attach(run.folder / "ledger.parquet")
    assert journal.lines(run.folder)[-1]["detail"] == {
        "file": "ledger.parquet",
        "sha256": journal.sha256(b"x"),
    }
