"""The sandbox stands alone: of drlib it imports errors and the clock, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import drlib

PACKAGE = Path(drlib.__file__).parent
ALLOWED = {"drlib.core.clock", "drlib.core.errors"}


def imported(file: Path) -> Iterator[str]:
    """Yield each module of drlib that a file imports, wherever in the file the import stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file.name}:{node.lineno}: a relative import"
            names = [module(f"{node.module}.{alias.name}") for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "drlib")


def module(name: str) -> str:
    """Return `name` if it is a module of drlib, else the module that it is a definition of."""
    base = PACKAGE.parent / name.replace(".", "/")
    return name if base.is_dir() or base.with_suffix(".py").is_file() else name.rpartition(".")[0]


def test_the_sandbox_imports_errors_and_the_clock_alone() -> None:
    found = {name for file in (PACKAGE / "sandbox").rglob("*.py") for name in imported(file)}
    inside = {name for name in found if name == "drlib.sandbox" or name.startswith("drlib.sandbox.")}
    assert found - inside == ALLOWED
