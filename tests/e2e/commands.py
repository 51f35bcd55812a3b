"""The command line as a process of its own, with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def drlib(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(home, "-c", "from drlib.cli.main import main; main()", *words)


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DRLIB_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
