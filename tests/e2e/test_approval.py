"""An approval by the command line: the run waits, prints a command, and goes on once that was run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from drlib.runs import approval, journal
from tests.e2e.commands import drlib

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    drlib(tmp_path, "sandbox", "down")


def test_an_act_waits_for_the_command_that_approves_its_plan(home: Path) -> None:
    """The cheapest of them: tear down where nothing is. What is asked and refused is the same for all."""
    (home / "confirmed.yaml").write_text("confirm: drill/us-east-2\n")
    teardown = ("run", "80-teardown", "-f", "confirmed.yaml")
    waits = drlib(home, *teardown)
    assert waits.returncode == 4, waits.stdout + waits.stderr
    assert "tear down is not approved: nobody has approved this plan." in waits.stderr
    (folder,) = [path for path in (home / "runs").iterdir() if path.is_dir()]
    assert json.loads((folder / "evidence.json").read_text())["verdict"] == "pending-approval"
    assert not [line for line in journal.lines(folder) if line["mutating"]]

    (printed,) = re.findall(r"`drlib (approve [^`]+)`", waits.stderr)
    other = drlib(home, *printed.split()[:-1], "0123456789abcdef")
    assert other.returncode == 2
    assert "has shown no plan '0123456789abcdef'" in other.stderr
    assert drlib(home, *printed.split()).returncode == 0
    goes_on = drlib(home, *teardown)
    assert goes_on.returncode == 0, goes_on.stdout + goes_on.stderr
    steps = [line["step"] for line in journal.lines(folder) if line["phase"] == "done"]
    assert [steps.count(step) for step in (approval.ASKED, approval.GIVEN, "destroy")] == [1, 1, 1]
