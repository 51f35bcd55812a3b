"""The shape of the tree: entries of `drlib/`, folders of tests, and which modules import from which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DRLIB, UNIT = ROOT / "drlib", ROOT / "tests" / "unit"
UNCOUNTED = {"README.md", "__pycache__", "py.typed"}


def imported(path: Path) -> Iterator[str]:
    """Yield the name of each module, or member of one, that `path` imports while it is loaded."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def test_drlib_has_few_entries() -> None:
    assert len([path for path in DRLIB.iterdir() if path.name not in UNCOUNTED]) <= 17


def test_each_folder_of_unit_tests_is_a_package_of_drlib() -> None:
    folders = [path for path in UNIT.rglob("*") if path.is_dir() and path.name != "__pycache__"]
    packages = [path.relative_to(UNIT) for path in folders if any(path.glob("test_*.py"))]
    unknown = [path for path in packages if not (DRLIB / path).is_dir() and not (ROOT / path).is_dir()]
    assert unknown == []


def test_no_package_re_exports() -> None:
    modules = [path for path in DRLIB.rglob("__init__.py") if path != DRLIB / "target" / "__init__.py"]
    found = {
        str(path): [name for name in imported(path) if name.startswith((".", "drlib"))] for path in modules
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_no_module_imports_from_a_test_module() -> None:
    found = {
        str(path): [
            name for name in imported(path) if any(part.startswith("test_") for part in name.split("."))
        ]
        for path in (ROOT / "tests").rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == {}
