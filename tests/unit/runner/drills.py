"""Drills of tiny runbooks, and what they left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from drlib.runner.drill import drill
from drlib.runs import folders
from drlib.runs.run import Run
from tests.unit.runner import notebooks


def kernels_left() -> list[str]:
    """Command lines of kernels that this process has started and that still run."""
    children = psutil.Process().children(recursive=True)
    return [" ".join(child.cmdline()) for child in children if "ipykernel" in " ".join(child.cmdline())]


def drilled(said: list[str], folder: Path, *names: str, **options: Any) -> int:
    sources = [notebooks.write(folder, name) for name in names]
    return drill(None, say=said.append, sources=sources, **options)


def last_run() -> Run:
    return folders.find(sorted(folder.name for folder in folders.runs().glob("2*"))[-1])
