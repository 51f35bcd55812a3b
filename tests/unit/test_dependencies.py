"""The packages that pyproject.toml declares are those that the code imports, and each has its pin."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"drlib", "tests", "drill"}  # tests/unit/drill imports its helpers by that name
PROVIDERS = metadata.packages_distributions()  # top-level module -> the distributions that bring it

USED_WITHOUT_IMPORT = {
    "ipykernel": "papermill starts it as the kernel of each notebook",
    "httptools": "uvicorn's HTTP protocol, chosen in drlib/sandbox/front/listener.py, parses with it",
}
TOOLS = {
    "pytest-timeout": "a plug-in of pytest: `timeout` in pyproject.toml",
    "pytest-xdist": "a plug-in of pytest: `-n` in the Makefile",
    "nbval": "a plug-in of pytest: `--nbval`",
    "ruff": "a program: `make lint`",
    "mypy": "a program: `make lint`",
    "import-linter": "a program: `lint-imports`",
    "boto3-stubs": "types for mypy",
    "pandas-stubs": "types for mypy",
    "types-pyyaml": "types for mypy",
    "types-psutil": "types for mypy",
    "grpc-stubs": "types for mypy",
}


def plain(name: str) -> str:
    """Return a distribution's name as packaging tools compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(table: str) -> set[str]:
    """Return what pyproject.toml declares: `dependencies`, or an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = project["dependencies"] if table == "dependencies" else project["optional-dependencies"][table]
    return {plain(name) for name in found}


def modules(*folders: str) -> set[str]:
    """Return the third-party modules that the code in some folders imports, wherever in a file it does."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert files
    return {
        module
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for module in named(node)
        if module.split(".")[0] not in OURS | sys.stdlib_module_names
    }


def named(node: ast.AST) -> Iterator[str]:
    """Yield the modules that a statement imports, as it names them."""
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module


def provider(module: str) -> str:
    """Return the distribution that a module comes from."""
    found = set(PROVIDERS.get(module.split(".")[0], ()))
    if len(found) > 1:  # a namespace that several share, such as `google`
        folder = module.replace(".", "/")
        found = {name for name in found if has(name, folder)}
    assert len(found) == 1, f"{module} comes from {sorted(found) or 'no installed distribution'}"
    return plain(found.pop())


def has(distribution: str, folder: str) -> bool:
    """Tell whether a distribution has a package or a module at a path."""
    return any(
        file.as_posix().startswith((f"{folder}/", f"{folder}."))
        for file in metadata.files(distribution) or ()
    )


def imported(*folders: str) -> set[str]:
    return {provider(module) for module in modules(*folders)}


def test_what_runs_declares_what_it_imports() -> None:
    assert sorted(imported("drlib", "lambda") - declared("dependencies")) == []


def test_what_is_declared_to_run_is_imported_or_has_its_reason() -> None:
    used = imported("drlib", "lambda")
    assert declared("dependencies") - used == USED_WITHOUT_IMPORT.keys()


def test_the_tests_declare_what_they_import() -> None:
    both = declared("dependencies") | declared("test")
    assert sorted(imported("tests", "notebooks") - both) == []


def test_what_is_declared_for_tests_is_imported_by_them_or_is_a_tool() -> None:
    assert declared("test") - imported("tests", "notebooks") == TOOLS.keys()
    assert declared("test") & declared("dependencies") == set(), "declared twice"


@pytest.mark.parametrize("table", ["dependencies", "lab", "test"])
def test_what_is_declared_is_pinned(table: str) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {plain(line.partition("==")[0]) for line in lines if "==" in line}
    assert sorted(declared(table) - pins) == []


def test_a_namespace_is_told_apart_by_its_files() -> None:
    assert provider("google.protobuf.struct_pb2") == "protobuf"
    assert provider("yaml") == "pyyaml"
