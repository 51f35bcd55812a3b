"""A drill that stopped, gone on with: what is done is verified, and what cannot go on says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from drlib import target
from drlib.core.errors import SandboxError, StepFailed
from drlib.evidence import evidence
from drlib.runner import resume
from drlib.runner.drill import drill
from drlib.runs import folders
from drlib.runs.run import INTENT, Run
from tests.fakes import Nowhere
from tests.unit.runner import notebooks
from tests.unit.runner.drills import drilled, last_run

pytestmark = pytest.mark.usefixtures("no_sandbox")


def test_resume_goes_on_after_the_last_that_was_done(tmp_path: Path, said: list[str], here: Nowhere) -> None:
    values = tmp_path / "p.yaml"
    values.write_text("seed: 9\n")
    bad = notebooks.write(tmp_path, "20-x", body="fails-preflight")
    sources = [notebooks.write(tmp_path, "10-passes"), bad]
    assert drill(values, say=said.append, sources=sources, keep=True) == 3
    run = last_run()
    before = (run.folder / "10-passes.ipynb").stat().st_mtime_ns
    notebooks.write(tmp_path, "20-x", body="passes")
    drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
    assert (run.folder / "10-passes.ipynb").stat().st_mtime_ns == before, "not run again"
    assert "10 stay" in (run.folder / "20-x.ipynb").read_text(), "with the run's own seed"
    assert "20-x: failed" not in " ".join(evidence.load(run.folder).reasons)


def test_a_run_whose_sandbox_is_gone_cannot_be_resumed(
    tmp_path: Path, said: list[str], here: Nowhere
) -> None:
    drilled(said, tmp_path, "10-fails-preflight")
    here.instance_id = "two"
    with pytest.raises(StepFailed, match="is gone, and its stack with it"):
        drilled(said, tmp_path, "10-fails-preflight", resume=last_run().run_id)


def stopped(tmp_path: Path, said: list[str]) -> tuple[Run, list[Path]]:
    """A run that stopped in its second runbook, which would pass now."""
    sources = [
        notebooks.write(tmp_path, "10-passes"),
        notebooks.write(tmp_path, "20-x", body="fails-preflight"),
    ]
    drill(None, say=said.append, sources=sources, keep=True)
    notebooks.write(tmp_path, "20-x", body="passes")
    said.clear()
    return last_run(), sources


def test_a_run_whose_sandbox_does_not_run_any_more_cannot_be_resumed(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sources = stopped(tmp_path, said)

    def gone(_: object, *, start: bool) -> Nowhere:
        assert not start, "a sandbox that is started now is another one"
        raise SandboxError("No sandbox is running.")

    monkeypatch.setattr(target, "open", gone)
    with pytest.raises(StepFailed, match="is gone, and its stack with it") as caught:
        drill(None, resume=run.run_id, say=said.append, sources=sources)
    assert "Start a new drill" in caught.value.remedy


def test_resume_ends_a_fault_and_verifies_what_was_done(
    tmp_path: Path, said: list[str], here: Nowhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sources = stopped(tmp_path, said)
    for step in ("deploy", "inject", "restore"):
        run.as_runbook("10-passes").note(step, mutating=True)
    here.down = {"us-east-2": {}}
    monkeypatch.setitem(resume.PROOFS, "deploy", lambda _: "")
    drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
    assert said[1:5] == [
        "Restored: us-east-2",
        "No fault is in force.",
        "  deploy: done earlier, verified.",
        "  restore: done earlier, verified.",
    ]
    assert not any("10-passes" in line for line in said), "not run again"


def test_a_runbook_whose_step_no_longer_holds_is_run_again(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sources = stopped(tmp_path, said)
    run.as_runbook("10-passes").note("release latch", mutating=True)
    monkeypatch.setitem(resume.PROOFS, "release latch", lambda _: "the latch is set")
    drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
    assert "  release latch: done earlier, and no longer so: the latch is set." in said
    assert any(line.startswith("  10-passes  done") for line in said)


def without_its_stack(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Run, list[Path]]:
    """A run that stopped after its fault, and whose stack is not there any more."""
    run, sources = stopped(tmp_path, said)
    run.as_runbook("10-passes").note("deploy", mutating=True)
    run.as_runbook(resume.DRILL).note("inject", mutating=True)
    monkeypatch.setitem(resume.PROOFS, "deploy", lambda _: "nothing is deployed")
    return run, sources


def test_a_teardown_that_was_cut_off_goes_on_and_nothing_is_made_again_for_it(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sources = without_its_stack(tmp_path, said, monkeypatch)
    run.as_runbook("20-x").note("destroy", INTENT, mutating=True)
    drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
    assert not any("10-passes" in line or "no longer so" in line for line in said)
    assert any(line.startswith("  20-x") and "done" in line for line in said)


def test_a_stack_that_is_gone_ends_the_resumption_of_a_drill_that_had_its_fault(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sources = without_its_stack(tmp_path, said, monkeypatch)
    code = drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
    assert code == 5
    assert any("deployed is no longer there: nothing is deployed" in line for line in said)
    assert not any(line.startswith("  20-x") for line in said)


def test_a_drill_cut_off_after_its_fault_is_not_measured_again(tmp_path: Path, said: list[str]) -> None:
    measured = notebooks.write(tmp_path, resume.DRILL, body="fails-preflight")
    sources = [measured, notebooks.write(tmp_path, "40-passes")]
    drill(None, say=said.append, sources=sources, keep=True)
    run = last_run()
    run.as_runbook(resume.DRILL).note("inject", mutating=True)
    notebooks.write(tmp_path, resume.DRILL, body="passes")
    said.clear()
    assert drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True) == 5
    assert any("cut off after its fault. The recovery time cannot be measured" in line for line in said)
    assert any(line.startswith("  40-passes") for line in said)
    assert not run.done("runbook", runbook=resume.DRILL)
    assert any("cut off after its fault" in reason for reason in evidence.load(run.folder).reasons)


def test_a_run_that_is_going_on_is_not_resumed(tmp_path: Path, said: list[str]) -> None:
    run, sources = stopped(tmp_path, said)
    with folders.held(run), pytest.raises(StepFailed, match="Another process is at work"):
        drill(None, resume=run.run_id, say=said.append, sources=sources)
