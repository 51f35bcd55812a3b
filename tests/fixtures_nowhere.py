"""Fixtures: an empty home, a target without regions, a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from drlib import parameters, target
from drlib.faults import restore
from drlib.runs import folders
from drlib.runs.run import Run
from tests.fakes import Nowhere


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: no run, no sandbox."""
    monkeypatch.setenv("DRLIB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def here(home: Path) -> Nowhere:
    return Nowhere(home / ".drlib" / "instances" / "one")


@pytest.fixture
def run(here: Nowhere) -> Run:
    """An open run with the default parameters."""
    return folders.open_run(parameters.make({}), here, runbook="30-drill-failover")


@pytest.fixture
def no_sandbox(here: Nowhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drill finds `here` in place of a sandbox, and no fault's file."""
    monkeypatch.setattr(target, "open", lambda _, start=True: here)
    monkeypatch.setattr(restore, "pending", lambda _: [])


@pytest.fixture
def said() -> list[str]:
    """The lines that a drill said."""
    return []
