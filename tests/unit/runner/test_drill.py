"""A drill of tiny runbooks, in real kernels: how it ends decides the exit code, and nothing is left."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from drlib import parameters
from drlib.core.clock import Clock
from drlib.core.errors import BadParameters, StepFailed
from drlib.evidence import evidence
from drlib.faults.scenario import every
from drlib.runner import drill, kernels, notebook, resume
from drlib.runs import folders
from drlib.runs.run import Run
from tests.fakes import Nowhere
from tests.unit.runner import notebooks
from tests.unit.runner.drills import drilled, kernels_left, last_run

pytestmark = pytest.mark.usefixtures("no_sandbox")

DEADLINE_SECONDS = 60.0


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
    assert folders.current() is None
    assert here.ended == 1
    assert kernels_left() == []


@pytest.mark.parametrize(
    ("judged", "code"), [("passed", 0), ("failed", 1), ("pending-approval", 4), ("aborted", 5)]
)
def test_the_verdict_is_the_exit_code(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, judged: str, code: int
) -> None:
    monkeypatch.setattr("drlib.evidence.verdict.judge", lambda *_: (judged, []))
    red = notebook.Failure("VerdictRed", "red", 1)
    monkeypatch.setattr(notebook, "execute", lambda *_, **__: red)
    monkeypatch.setattr(notebook, "pool", lambda _, **__: contextlib.nullcontext())
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


def test_a_missing_approval_is_exit_code_4_and_pending(
    tmp_path: Path, said: list[str], here: Nowhere
) -> None:
    assert drilled(said, tmp_path, "fails-unapproved") == 4
    assert evidence.load(last_run().folder).verdict == "pending-approval"
    assert said[-1].endswith(f"drlib drill --resume {last_run().run_id}, once it is approved")
    assert here.ended == 0, "what is approved is to be done there"


def test_keep_leaves_out_the_teardown(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "TEARDOWN", "80-passes")
    drilled(said, tmp_path, "10-passes", "80-passes", keep=True)
    run = last_run()
    assert not (run.folder / "80-passes.ipynb").exists()
    found = folders.current()
    assert found is not None, "kept open, for the teardown"
    assert found.run_id == run.run_id


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


def test_evidence_that_cannot_be_written_is_told_with_the_way_to_go_on(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any) -> None:
        raise StepFailed(
            "evidence.json cannot be written: No space left on device.", remedy="Free some space."
        )

    monkeypatch.setattr(evidence, "refresh", full)
    monkeypatch.setattr(notebook, "execute", lambda *_, **__: None)
    monkeypatch.setattr(notebook, "pool", lambda _, **__: contextlib.nullcontext())
    assert drilled(said, tmp_path, "10-passes") == 5
    assert said[-1].startswith("Over       what it ran in ends with it; with --keep it stays up")
    assert drilled(said, tmp_path, "10-passes", keep=True) == 5
    assert said[-2].startswith("The evidence is not up to date: evidence.json cannot be written")
    assert said[-1] == f"Resume     drlib drill --resume {last_run().run_id}"


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
    monkeypatch.setattr(resume, "is_deployed", lambda _: False)
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


def test_the_summary_gives_all_figures(run: Run, here: Nowhere) -> None:
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


def test_settings_of_the_repository_fit_a_drill() -> None:
    assert parameters.make({}).scenario in {scenario.name for scenario in every()}
