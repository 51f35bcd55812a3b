"""What a pool of kernels leaves behind when its process is killed, the next one takes away."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from drlib.runner import kernels


def test_folders_of_killed_processes_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(20)
    for name in (f"drlib-{ended.pid}-left", f"drlib-{os.getpid()}-used", "drlib-day-other", "somebody-1-x"):
        (tmp_path / name).mkdir()
    (tmp_path / f"drlib-{ended.pid}-left" / "1.json").touch()
    kernels._sweep()
    assert {folder.name for folder in tmp_path.iterdir()} == {
        f"drlib-{os.getpid()}-used",
        "drlib-day-other",
        "somebody-1-x",
    }
