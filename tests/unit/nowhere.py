"""What the tests of the core share: a home of their own, and a target that needs no sandbox."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from drlib import parameters, target
from drlib.core.aws_calls import Recorder
from drlib.core.clock import Clock
from drlib.faults import restore
from drlib.runs import folders
from drlib.runs.run import Run


class Nowhere:
    """A target that is in no place: it has a clock, a name and faults, and nothing else."""

    def __init__(self, folder: Path, *, instance_id: str = "one") -> None:
        self.name, self.origin = "sandbox", "simulated"
        self.clock, self.instance_id, self.folder = Clock(20.0, time.time()), instance_id, folder
        self.calls = Recorder()
        self.down: dict[str, Any] = {}
        self.started, self.ended = True, 0

    def faults(self) -> dict[str, Any]:
        return dict(self.down)

    def restore(self, region: str) -> dict[str, Any]:
        self.down.pop(region, None)
        return {"at": self.clock.now()}

    def shut_down(self) -> None:
        self.ended += 1


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
