"""One runbook headless, in a real kernel: what it writes, how it fails, and that no kernel is left."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from drlib.core.errors import BadParameters, NotApproved, PreflightFailed, StepFailed
from drlib.evidence import evidence
from drlib.runner import notebook
from drlib.runner.kernels import Pool
from drlib.runs import folders, journal
from tests.unit.runner import notebooks
from tests.unit.runner.drills import kernels_left

pytestmark = pytest.mark.usefixtures("no_sandbox")


def test_a_runbook_runs_with_its_parameters_into_the_run(tmp_path: Path, said: list[str]) -> None:
    source = notebooks.write(tmp_path, "10-passes")
    out = notebook.run(str(source), {"seed": 4}, [("decision", "flip")], say=said.append)
    run = folders.current()
    assert run is not None
    assert out == run.folder / "10-passes.ipynb"
    executed = nbformat.read(out, as_version=4)
    assert [o.text for cell in executed.cells for o in cell.get("outputs", [])] == ["5 flip\n"]
    assert run.done("runbook", runbook="10-passes")
    assert said == []
    assert kernels_left() == []


def test_a_runbook_that_joins_writes_to_the_same_run(tmp_path: Path, said: list[str]) -> None:
    notebook.run(str(notebooks.write(tmp_path, "20-joins")), {}, say=said.append)
    run = folders.current()
    assert run is not None
    assert run.load("seen") == {"sum": 3}
    assert run.done("look", runbook="20-joins")
    assert journal.broken_link(journal.lines(run.folder)) == ""


def test_what_a_cell_shows_is_stored_once_with_constant_text(tmp_path: Path, said: list[str]) -> None:
    out = notebook.run(str(notebooks.write(tmp_path, "shows")), {}, say=said.append)
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
        notebook.run(str(notebooks.write(tmp_path, name)), {}, say=said.append)
    assert message in str(caught.value)
    assert said == ["No fault is in force."]
    run = folders.current()
    assert run is not None
    assert not run.done("runbook", runbook=name)
    assert kernels_left() == []


def test_a_runbook_that_was_done_and_is_tried_again_in_vain_stays_done(
    tmp_path: Path, said: list[str]
) -> None:
    source = str(notebooks.write(tmp_path, "30-acts-once"))
    first = notebook.run(source, {}, say=said.append)
    before = first.read_bytes()
    with pytest.raises(PreflightFailed, match="It leads to the standby"):
        notebook.run(source, {}, say=said.append)
    run = folders.current()
    assert run is not None
    assert run.done("runbook", runbook="30-acts-once")
    assert said[-1] == "30-acts-once was done earlier, and stays so: this time nothing was changed."
    assert first.read_bytes() == before
    assert "It leads to the standby" in (run.folder / "30-acts-once.2.ipynb").read_text()
    assert not any("failed" in reason for reason in evidence.load(run.folder).reasons)


def test_a_runbook_that_only_looks_is_judged_by_its_last_look(tmp_path: Path, said: list[str]) -> None:
    notebook.run(str(notebooks.write(tmp_path, "20-looks", body="passes")), {}, say=said.append)
    with pytest.raises(PreflightFailed):
        notebook.run(str(notebooks.write(tmp_path, "20-looks", body="fails-preflight")), {}, say=said.append)
    run = folders.current()
    assert run is not None
    assert "20-looks: failed. No Pulumi." in evidence.load(run.folder).reasons


def test_bad_parameters_start_nothing(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(BadParameters, match="sed is not a parameter"):
        notebook.run(str(notebooks.write(tmp_path, "passes")), {"sed": 1}, say=said.append)
    assert folders.current() is None


def test_the_next_kernel_is_started_ahead_and_killed(tmp_path: Path) -> None:
    with Pool(folder=tmp_path, log=tmp_path / "log") as pool:
        first = pool.take()
        assert len(kernels_left()) == 1
        pool.start()
        pool.start()
        assert len(kernels_left()) == 2, "one spare, not more"
        files = {json.loads(Path(m.connection_file).read_text())["ip"] for m in (first, pool.take())}
        assert len(files) == 2, "two kernels never share a socket"
    assert kernels_left() == []


def test_papermill_takes_the_end_of_a_plan_for_a_good_end(tmp_path: Path) -> None:
    from papermill import execute_notebook

    source = notebooks.write(tmp_path, "10-plans")
    done = execute_notebook(
        str(source), str(tmp_path / "out.ipynb"), kernel_name="python3", progress_bar=False
    )
    last = done.cells[-1]
    assert last.source == "print('never')"
    assert last.outputs == [], "the runbook ended before its last cell"
