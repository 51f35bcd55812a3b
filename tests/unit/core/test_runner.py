"""Runbooks run headless, in real kernels: how they end decides the exit code, and nothing is left behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from drlib import chain, drill, evidence, faults, journal, kernels, proofs, runner, settings, target
from drlib.clock import Clock
from drlib.errors import BadParameters, NotApproved, SandboxError, StepFailed

from . import notebooks
from .conftest import Nowhere

DEADLINE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def _place(here: Nowhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sandbox: these notebooks do not use one."""
    monkeypatch.setattr(target, "open", lambda _, start=True: here)
    monkeypatch.setattr(faults, "pending", lambda _: [])


@pytest.fixture
def said() -> list[str]:
    return []


def kernels_left() -> list[str]:
    """Command lines of kernels that this process has started and that still run."""
    children = psutil.Process().children(recursive=True)
    return [" ".join(child.cmdline()) for child in children if "ipykernel" in " ".join(child.cmdline())]


def drilled(said: list[str], folder: Path, *names: str, **options: Any) -> int:
    sources = [notebooks.write(folder, name) for name in names]
    return drill.drill(None, say=said.append, sources=sources, **options)


def last_run() -> journal.Run:
    return journal.find(sorted(folder.name for folder in journal.runs().glob("2*"))[-1])


def test_a_runbook_runs_with_its_parameters_into_the_run(tmp_path: Path, said: list[str]) -> None:
    source = notebooks.write(tmp_path, "10-passes")
    out = runner.run(str(source), {"seed": 4}, [("decision", "flip")], say=said.append)
    run = journal.current()
    assert run is not None
    assert out == run.folder / "10-passes.ipynb"
    executed = nbformat.read(out, as_version=4)
    assert [o.text for cell in executed.cells for o in cell.get("outputs", [])] == ["5 flip\n"]
    assert run.done("runbook", runbook="10-passes")
    assert said == []
    assert kernels_left() == []


def test_a_runbook_that_joins_writes_to_the_same_run(tmp_path: Path, said: list[str]) -> None:
    runner.run(str(notebooks.write(tmp_path, "20-joins")), {}, say=said.append)
    run = journal.current()
    assert run is not None
    assert run.load("seen") == {"sum": 3}
    assert run.done("look", runbook="20-joins")
    assert chain.broken_link(chain.lines(run.folder)) == ""


def test_what_a_cell_shows_is_stored_once_with_constant_text(tmp_path: Path, said: list[str]) -> None:
    out = runner.run(str(notebooks.write(tmp_path, "shows")), {}, say=said.append)
    outputs = [o for cell in nbformat.read(out, as_version=4).cells for o in cell.get("outputs", [])]
    texts = [output["data"]["text/plain"] for output in outputs]
    assert texts == ["Deploy: progress", "Recovery: figure", "RTO: within target (passed)"]
    assert "2 of 2, done" in outputs[0]["data"]["text/html"]
    assert "image/png" in outputs[1]["data"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("fails-unapproved", NotApproved, "deploy is not approved. Set approval."),
        ("fails-unexpectedly", StepFailed, "KeyError: 'x'"),
        ("kernel-dies", StepFailed, "DeadKernelError: Kernel died"),
    ],
)
def test_a_failure_is_raised_as_it_was(
    tmp_path: Path, said: list[str], name: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        runner.run(str(notebooks.write(tmp_path, name)), {}, say=said.append)
    assert message in str(caught.value)
    assert said == ["No fault is in force."]
    run = journal.current()
    assert run is not None
    assert not run.done("runbook", runbook=name)
    assert kernels_left() == []


def test_bad_parameters_start_nothing(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(BadParameters, match="sed is not a parameter"):
        runner.run(str(notebooks.write(tmp_path, "passes")), {"sed": 1}, say=said.append)
    assert journal.current() is None


def test_a_drill_runs_all_in_one_run_and_ends_what_it_started(
    tmp_path: Path, said: list[str], here: Nowhere
) -> None:
    code = drilled(said, tmp_path, "10-passes", "20-joins", "80-passes")
    run = last_run()
    assert [run.done("runbook", runbook=name) for name in ("10-passes", "20-joins")] == [True, True]
    assert {file.name for file in run.folder.glob("*.ipynb")} == {
        *("10-passes.ipynb", "20-joins.ipynb", "80-passes.ipynb")
    }
    assert code == 5, "nothing was measured, so this is no pass"
    text = "\n".join(said)
    assert "ABORTED, simulated" in text
    assert "No recovery time was measured." in text
    assert (run.folder / "report.html").exists()
    assert journal.current() is None
    assert here.ended == 1
    assert kernels_left() == []


@pytest.mark.parametrize(
    ("judged", "code"), [("passed", 0), ("failed", 1), ("pending-approval", 4), ("aborted", 5)]
)
def test_the_verdict_is_the_exit_code(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, judged: str, code: int
) -> None:
    monkeypatch.setattr("drlib.verdict.judge", lambda *_: (judged, []))
    red = runner.Failure("VerdictRed", "red", 1)
    monkeypatch.setattr(runner, "execute", lambda *_, **__: red)
    monkeypatch.setattr(runner, "pool", lambda _, **__: contextlib.nullcontext())
    assert drilled(said, tmp_path, "10-passes", "is-red") == code
    assert sum("stopped, VerdictRed" in line for line in said) == 2, "a red verdict ends no drill"


def test_a_failure_stops_the_drill_restores_and_still_reports(
    tmp_path: Path, said: list[str], here: Nowhere
) -> None:
    here.down = {"us-east-2": {}}
    code = drilled(said, tmp_path, "10-fails-preflight", "20-passes", keep=True)
    assert code == 3
    text = "\n".join(said)
    assert "Stopped: No Pulumi." in text
    assert "Restored: us-east-2" in text
    assert "No fault is in force." in text
    run = last_run()
    assert not (run.folder / "20-passes.ipynb").exists()
    assert evidence.load(run.folder).verdict == "aborted"
    assert (run.folder / "report.html").exists()
    assert f"drlib drill --resume {run.run_id}" in text
    assert here.ended == 0, "kept"
    assert kernels_left() == []


def test_a_missing_approval_is_exit_code_4_and_pending(tmp_path: Path, said: list[str]) -> None:
    assert drilled(said, tmp_path, "fails-unapproved") == 4
    assert evidence.load(last_run().folder).verdict == "pending-approval"


def test_keep_leaves_out_the_teardown(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "TEARDOWN", "80-passes")
    drilled(said, tmp_path, "10-passes", "80-passes", keep=True)
    run = last_run()
    assert not (run.folder / "80-passes.ipynb").exists()
    found = journal.current()
    assert found is not None, "kept open, for the teardown"
    assert found.run_id == run.run_id


def test_resume_goes_on_after_the_last_that_was_done(tmp_path: Path, said: list[str], here: Nowhere) -> None:
    values = tmp_path / "p.yaml"
    values.write_text("seed: 9\n")
    bad = notebooks.write(tmp_path, "20-x", body="fails-preflight")
    sources = [notebooks.write(tmp_path, "10-passes"), bad]
    assert drill.drill(values, say=said.append, sources=sources, keep=True) == 3
    run = last_run()
    before = (run.folder / "10-passes.ipynb").stat().st_mtime_ns
    notebooks.write(tmp_path, "20-x", body="passes")
    drill.drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
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


def stopped(tmp_path: Path, said: list[str]) -> tuple[journal.Run, list[Path]]:
    """A run that stopped in its second runbook, which would pass now."""
    sources = [
        notebooks.write(tmp_path, "10-passes"),
        notebooks.write(tmp_path, "20-x", body="fails-preflight"),
    ]
    drill.drill(None, say=said.append, sources=sources, keep=True)
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
        drill.drill(None, resume=run.run_id, say=said.append, sources=sources)
    assert "Start a new drill" in caught.value.remedy


def test_resume_ends_a_fault_and_verifies_what_was_done(
    tmp_path: Path, said: list[str], here: Nowhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sources = stopped(tmp_path, said)
    for step in ("deploy", "inject", "restore"):
        run.as_runbook("10-passes").note(step, mutating=True)
    here.down = {"us-east-2": {}}
    monkeypatch.setitem(proofs.PROOFS, "deploy", lambda _: "")
    drill.drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
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
    monkeypatch.setitem(proofs.PROOFS, "release latch", lambda _: "the latch is set")
    drill.drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
    assert "  release latch: done earlier, and no longer so: the latch is set." in said
    assert any(line.startswith("  10-passes  done") for line in said)


def test_a_stack_that_is_gone_ends_the_resumption_of_a_drill_that_had_its_fault(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sources = stopped(tmp_path, said)
    run.as_runbook("10-passes").note("deploy", mutating=True)
    run.as_runbook(proofs.DRILL).note("inject", mutating=True)
    monkeypatch.setitem(proofs.PROOFS, "deploy", lambda _: "nothing is deployed")
    code = drill.drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True)
    assert code == 5
    assert any("deployed is no longer there: nothing is deployed" in line for line in said)
    assert not any(line.startswith("  20-x") for line in said)


def test_a_drill_cut_off_after_its_fault_is_not_measured_again(tmp_path: Path, said: list[str]) -> None:
    measured = notebooks.write(tmp_path, proofs.DRILL, body="fails-preflight")
    sources = [measured, notebooks.write(tmp_path, "40-passes")]
    drill.drill(None, say=said.append, sources=sources, keep=True)
    run = last_run()
    run.as_runbook(proofs.DRILL).note("inject", mutating=True)
    notebooks.write(tmp_path, proofs.DRILL, body="passes")
    said.clear()
    assert drill.drill(None, resume=run.run_id, say=said.append, sources=sources, keep=True) == 5
    assert any("cut off after its fault. The recovery time cannot be measured" in line for line in said)
    assert any(line.startswith("  40-passes") for line in said)
    assert not run.done("runbook", runbook=proofs.DRILL)
    assert any("cut off after its fault" in reason for reason in evidence.load(run.folder).reasons)


def test_a_run_that_is_going_on_is_not_resumed(tmp_path: Path, said: list[str]) -> None:
    run, sources = stopped(tmp_path, said)
    with journal.held(run), pytest.raises(StepFailed, match="Another process is at work"):
        drill.drill(None, resume=run.run_id, say=said.append, sources=sources)


def test_a_disk_that_is_full_restores_all_the_same(
    tmp_path: Path, said: list[str], here: Nowhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.down = {"us-east-2": {}}
    module = kernels.papermill()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "10-passes.ipynb")

    monkeypatch.setattr(module, "execute_notebook", full)
    assert drilled(said, tmp_path, "10-passes") == 5
    text = "\n".join(said)
    assert "Stopped: 10-passes.ipynb cannot be written: No space left on device. Free some space" in text
    assert "Restored: us-east-2" in text


def test_a_sandbox_that_died_is_told_and_the_report_is_written(
    tmp_path: Path, said: list[str], here: Nowhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead() -> dict[str, Any]:
        raise StepFailed("The sandbox does not answer: ConnectionRefusedError.")

    monkeypatch.setattr(here, "faults", dead)
    assert drilled(said, tmp_path, "10-fails-preflight") == 3
    assert any("The faults could not be ended: The sandbox does not answer" in line for line in said)
    assert (last_run().folder / "report.html").exists()


def test_a_drill_that_only_plans_stops_where_nothing_is_deployed(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "is_deployed", lambda _: False)
    file = tmp_path / "p.yaml"
    file.write_text("mode: plan\n")
    plans = notebooks.write(tmp_path, "10-deploy", body="plans")
    sources = [plans, notebooks.write(tmp_path, "20-passes")]
    assert drill.drill(file, say=said.append, sources=sources) == 0
    text = "\n".join(said)
    assert "what follows 10-deploy can be planned once that is done" in text
    assert "Planned: nothing was changed." in text
    assert "20-passes" not in text
    run = last_run()
    assert run.done("runbook", runbook="10-deploy")
    cells = nbformat.read(run.folder / "10-deploy.ipynb", as_version=4).cells
    assert cells[-1].execution_count is None, "the runbook ended before it"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal: a job in the background starts with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_restores_and_says_how_to_check(tmp_path: Path, said: list[str], here: Nowhere) -> None:
    here.down = {"us-east-2": {}}
    marker = tmp_path / "waiting"
    parameters = f'{notebooks.PARAMETERS}\nmarker: str = "{marker}"'
    source = notebooks.write(tmp_path, "waits", parameters=parameters)

    def interrupt() -> None:
        if Clock().wait_until(marker.exists, timeout=DEADLINE_SECONDS, poll=0.05):
            os.kill(os.getpid(), 2)

    thread = threading.Thread(target=interrupt)
    thread.start()
    code = drill.drill(None, say=said.append, sources=[source])
    thread.join()
    assert marker.exists()
    assert code == 5
    text = "\n".join(said)
    assert "Stopped: The drill was interrupted." in text
    assert "Restored: us-east-2" in text
    assert here.ended == 1
    assert kernels_left() == []
    assert "waits: failed. Interrupted." in evidence.load(last_run().folder).reasons


def test_an_unknown_scenario_starts_nothing(said: list[str], home: Path) -> None:
    with pytest.raises(BadParameters, match="scenario must be one of"):
        drill.drill(None, scenario="meteor", say=said.append, sources=[])
    assert not (home / "runs").exists()


def test_the_summary_gives_all_figures(run: journal.Run, here: Nowhere) -> None:
    content = evidence.update(run, here).content
    content |= {"verdict": "failed", "reasons": ["one.", "two."]}
    content["rto"] |= {"measured_seconds": 100.04, "predicted_seconds": 99.0}
    content["rpo"] |= {"seconds": 1.0, "acknowledged": 12, "lost": 0}
    text = "\n".join(drill.summary(evidence.Evidence(run.folder, content), seal="0" * 64))
    for part in ("FAILED, simulated", "one.", "two.", "100.0 s measured, 99.0 s predicted, target 180 s"):
        assert part in text
    assert "12 acknowledged, 0 lost" in text
    assert "20 times faster" in text
    assert "Seal       0000000000000000: keep it elsewhere" in text


def test_the_next_kernel_is_started_ahead_and_killed(tmp_path: Path) -> None:
    with kernels.Pool(folder=tmp_path, log=tmp_path / "log") as pool:
        first = pool.take()
        assert len(kernels_left()) == 1
        pool.start()
        pool.start()
        assert len(kernels_left()) == 2, "one spare, not more"
        files = {json.loads(Path(m.connection_file).read_text())["ip"] for m in (first, pool.take())}
        assert len(files) == 2, "two kernels never share a socket"
    assert kernels_left() == []


def test_settings_of_the_repository_fit_a_drill() -> None:
    assert settings.make({}).scenario in {scenario.name for scenario in faults.scenarios()}
