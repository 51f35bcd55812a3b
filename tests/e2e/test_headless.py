"""The command line as continuous integration uses it: a drill, one runbook by papermill, bad parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands import ROOT, drlib, run

PARAMETERS = ROOT / "params" / "sandbox.yaml"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("headless")
    yield folder
    drlib(folder, "sandbox", "down")


def test_a_whole_drill_passes_and_leaves_its_evidence(home: Path) -> None:
    done = drlib(home, "drill", "-f", str(PARAMETERS))
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = [path for path in (home / "runs").iterdir() if path.is_dir()]
    evidence = json.loads((folder / "evidence.json").read_text())
    assert (evidence["verdict"], evidence["origin"], evidence["reasons"]) == ("passed", "simulated", [])
    assert evidence["planes"]["control_plane_calls_in_failover"] == 0
    assert sum(evidence["rto"]["stages"].values()) == pytest.approx(
        evidence["rto"]["measured_seconds"], abs=0.01
    )
    assert evidence["rpo"]["lost"] == 0
    assert (folder / "report.html").stat().st_size > 0
    assert len(list(folder.glob("*.ipynb"))) == 7
    assert not (home / ".drlib" / "sandbox.json").exists(), "who starts the sandbox stops it"
    assert drlib(home, "verify", str(folder)).returncode == 0


def test_plain_papermill_runs_a_runbook(home: Path) -> None:
    notebook = ROOT / "notebooks" / "00-preflight.ipynb"
    done = run(home, "-m", "papermill", str(notebook), str(home / "out.ipynb"), "-f", str(PARAMETERS))
    assert done.returncode == 0, done.stderr
    assert "passed" in (home / "out.ipynb").read_text()


def test_a_runbook_that_plans_shows_it_and_changes_nothing(home: Path) -> None:
    """By plain papermill, in the sandbox of the test before: it ends well where it would ask."""
    (home / "plan.yaml").write_text("mode: plan\nlambda_in_vpc: false\n")
    notebook = ROOT / "notebooks" / "10-deploy.ipynb"
    words = ("-m", "papermill", str(notebook), str(home / "plan.ipynb"), "-f", str(home / "plan.yaml"))
    done = run(home, *words)
    assert done.returncode == 0, done.stderr
    assert "Planned: deploy. Nothing was changed" in (home / "plan.ipynb").read_text()
    saved = max((home / "runs").glob("*/saved/checks.10-deploy.json"))  # beside it, that of the drill before
    proof = {row["id"]: row["status"] for row in json.loads(saved.read_text())["rows"]}
    assert proof["no-call-changed-anything"] == "passed"
    assert "Nothing is deployed" in drlib(home, "outputs").stderr


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("domain_name: pay.example.com", "example.com"),
        ("domain_name: pay.drill.invalid", "domain_name"),
        ("standby_region: us-east-2", "standby_region"),
        ("check_interval_seconds: 15", "check_interval_seconds"),
        ("lambda_in_vpc: 'yes'", "lambda_in_vpc"),
        ("domain: pay.drill.test", "domain_name"),
    ],
)
def test_a_bad_parameter_stops_before_anything_is_made(tmp_path: Path, line: str, named: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(f"{line}\n")
    done = drlib(tmp_path, "drill", "-f", str(file))
    assert done.returncode == 2, done.stdout + done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".drlib").exists()
    assert not (tmp_path / "runs").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = drlib(tmp_path, "drill", "-f", "none.yaml")
    assert done.returncode == 2
    assert "none.yaml does not exist" in done.stderr
