"""The comparison itself is tested: a stored output that is wrong must turn nbval red, and only that."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks import normalise, stage

Compare = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]

SHOW = (
    "from IPython.display import display\n"
    "import time\n"
    "display({'text/plain': 'within target', 'text/html': str(time.time_ns())}, raw=True)"
)


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Run nbval on a notebook, with the conftest of the runbooks beside it."""

    def run(notebook: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "canary.ipynb"
        file.write_text(normalise.dumps(normalise.normalise(notebook)), encoding="utf-8")
        shutil.copy(stage.NOTEBOOKS / "conftest.py", tmp_path)
        options = [
            "--nbval",
            "--nbval-current-env",
            "--nbval-cell-timeout",
            "60",
            "-x",
            "-p",
            "no:cacheprovider",
        ]
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-c", str(stage.ROOT / "pyproject.toml"), *options, str(file)],
            cwd=stage.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def small(plain: str) -> dict[str, Any]:
    """A notebook whose one cell promises `plain`, beside an html that differs each time."""
    cell = nbformat.v4.new_code_cell(SHOW)
    data = {"text/plain": plain, "text/html": "<b>0</b>"}
    cell["outputs"] = [nbformat.v4.new_output("display_data", data=data)]
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_promise_that_is_kept_passes_though_its_html_differs(compare: Compare) -> None:
    done = compare(small("within target"))
    assert done.returncode == 0, done.stdout


def test_a_promise_that_is_broken_fails(compare: Compare) -> None:
    done = compare(small("missed target"))
    assert done.returncode == 1, done.stdout
    assert "missed target" in done.stdout


def test_a_runbook_with_a_corrupted_output_fails(compare: Compare) -> None:
    honest = normalise.load(stage.NOTEBOOKS / f"{stage.RUNBOOKS[0]}.ipynb")
    first = next(n for n, cell in enumerate(honest["cells"]) if _promises(cell))
    honest["cells"] = honest["cells"][: first + 1]
    corrupted = copy.deepcopy(honest)
    _corrupt(_promises(corrupted["cells"][first])[0])
    passed, failed = compare(honest), compare(corrupted)
    assert passed.returncode == 0, passed.stdout
    assert failed.returncode == 1, failed.stdout
    assert "corrupted on purpose" in failed.stdout


def _promises(cell: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        output for output in cell.get("outputs", []) if "text" in output or "text/plain" in output["data"]
    ]


def _corrupt(output: dict[str, Any]) -> None:
    if "text" in output:
        output["text"] = "corrupted on purpose\n"
    else:
        output["data"]["text/plain"] = "corrupted on purpose"
