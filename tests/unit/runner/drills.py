"""Drills of tiny runbooks, and what they left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from drlib import drill, journal

from . import notebooks


def kernels_left() -> list[str]:
    """Command lines of kernels that this process has started and that still run."""
    children = psutil.Process().children(recursive=True)
    return [" ".join(child.cmdline()) for child in children if "ipykernel" in " ".join(child.cmdline())]


def drilled(said: list[str], folder: Path, *names: str, **options: Any) -> int:
    sources = [notebooks.write(folder, name) for name in names]
    return drill.drill(None, say=said.append, sources=sources, **options)


def last_run() -> journal.Run:
    return journal.find(sorted(folder.name for folder in journal.runs().glob("2*"))[-1])
