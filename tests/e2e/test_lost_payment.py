"""A payment that is lost between the failover and the failback: by a drill, by one runbook, by papermill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.e2e.commands import ROOT, drlib, run

pytestmark = pytest.mark.timeout(900)
PARAMETERS = ROOT / "params" / "sandbox.yaml"
LOSE = """
from drlib.runs import folders
from drlib import parameters
from drlib.stack import stack
from drlib.payments.ledger import Ledger
from drlib.target import open_target

chosen = parameters.from_cell(globals())
here = open_target(chosen)
run = folders.join(chosen, "35-lose", here)
deployment = stack.current(here)
told = [row for row in Ledger.load(run.folder).attempts() if row.outcome == "ok"]
paid = [row for row in told if row.region == deployment.standby_region]
client = here.client("dynamodb", deployment.standby_region)
for sk in ("PAYMENT", f"SETTLED#{deployment.standby_region}"):
    key = {"pk": {"S": f"PAYMENT#{paid[0].payment_id}"}, "sk": {"S": sk}}
    client.delete_item(TableName=deployment.table, Key=key)
"""
DRILL = """
import sys
from pathlib import Path
from drlib.runner.drill import drill
from drlib.runner import parameters_cell
names = ["10-deploy", "30-drill-failover", "40-failback", "70-report", "80-teardown"]
sources = [parameters_cell.find(name) for name in names]
sources.insert(2, Path(sys.argv[1]))
sys.exit(drill(Path(sys.argv[2]), say=print, sources=sources))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("lost")
    drlib(folder, "sandbox", "up", "-f", str(PARAMETERS))
    yield folder
    drlib(folder, "sandbox", "down")


@pytest.fixture(scope="module")
def lost(home: Path) -> tuple[int, str, Path]:
    """A drill in which somebody deletes a settled payment after the failover: exit code, output, run."""
    template = nbformat.read(ROOT / "notebooks" / "70-report.ipynb", as_version=4)
    parameters = next(cell for cell in template.cells if "parameters" in cell.metadata.get("tags", []))
    template.cells = [parameters, nbformat.v4.new_code_cell(LOSE)]
    nbformat.write(template, home / "35-lose.ipynb")
    done = run(home, "-c", DRILL, str(home / "35-lose.ipynb"), str(PARAMETERS))
    (folder,) = [path for path in (home / "runs").iterdir() if path.is_dir()]
    return done.returncode, done.stdout + done.stderr, folder


def evidence(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    return found


def test_a_drill_records_it_and_its_verdict_is_failed(lost: tuple[int, str, Path]) -> None:
    code, said, folder = lost
    found = evidence(folder)
    assert (found["rpo"]["lost"], len(found["rpo"]["payment_ids"]["lost"])) == (1, 1), said
    assert (found["verdict"], code) == ("failed", 1), said
    assert found["rto"]["measured_seconds"] is not None
    assert "1 payments were acknowledged and never found again" in said
    assert "80-teardown" in said and "left out" in said, "the stack stays, to be looked at"


@pytest.mark.soak
def test_the_runbook_alone_says_the_same(home: Path, lost: tuple[int, str, Path]) -> None:
    (home / "runs" / "current").write_text(f"{lost[2].name}\n")  # the drill has closed it
    done = drlib(home, "run", "40", "-f", str(PARAMETERS))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "acknowledged and never found again" in done.stderr
    assert (evidence(lost[2])["verdict"], evidence(lost[2])["rpo"]["lost"]) == ("failed", 1)


@pytest.mark.soak
def test_papermill_says_the_same(home: Path, lost: tuple[int, str, Path]) -> None:
    notebook = ROOT / "notebooks" / "40-failback.ipynb"
    words = ("-m", "papermill", str(notebook), str(home / "out.ipynb"), "-f", str(PARAMETERS))
    done = run(home, *words)
    assert done.returncode == 1
    assert "VerdictRed" in done.stderr
    assert (evidence(lost[2])["verdict"], evidence(lost[2])["rpo"]["lost"]) == ("failed", 1)
