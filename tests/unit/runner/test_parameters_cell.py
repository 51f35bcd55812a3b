"""A runbook's parameters: read by Python's parser, and checked as plain papermill does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drlib.core.errors import BadParameters
from drlib.runner import parameters_cell
from tests.unit.runner import notebooks


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return notebooks.write(tmp_path, "10-passes")


def test_parameters_are_read_with_type_default_and_help(notebook: Path) -> None:
    found = parameters_cell.declared(notebook)
    assert list(found) == ["target", "seed", "time_scale", "decision"]
    assert found["seed"] == (int, 1, "start of the random numbers")
    assert found["decision"] == (str, "stay", "flip or stay")


def test_parameters_are_grouped_by_the_headings_of_the_cell(tmp_path: Path) -> None:
    first, *rest = notebooks.PARAMETERS.splitlines()
    cell = "\n".join([first, "# the sandbox", *rest[:2], "", "# its own", *rest[2:]])
    found = parameters_cell.grouped(notebooks.write(tmp_path, "10-passes", parameters=cell))
    assert {heading: list(group) for heading, group in found.items()} == {
        "": ["target"],
        "the sandbox": ["seed", "time_scale"],
        "its own": ["decision"],
    }


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "seed = 1",
        "seed: int",
        "seed: int | None = None",
        "a: list[str] = []",
        "x: str = open('y')",
    ],
)
def test_anything_but_typed_constants_is_refused(tmp_path: Path, line: str) -> None:
    notebook = notebooks.write(tmp_path, "10-passes", parameters=f"{notebooks.PARAMETERS}\n{line}")
    with pytest.raises(BadParameters, match="parameters cell may not hold"):
        parameters_cell.declared(notebook)


def test_a_notebook_without_the_cell_is_refused(notebook: Path) -> None:
    notebook.write_text(notebook.read_text().replace('"parameters"', '"other"'))
    with pytest.raises(BadParameters, match="has no cell with the tag parameters"):
        parameters_cell.declared(notebook)


def test_what_is_injected_is_what_the_notebook_takes(notebook: Path) -> None:
    settings, injected = parameters_cell.check(notebook, {"time_scale": 5, "rto_target_seconds": 60})
    assert injected == {"target": "sandbox", "seed": 1, "time_scale": 5.0}
    assert settings.rto_target_seconds == 60, "a common name that this notebook does not take is no error"


def test_the_command_line_wins_and_is_typed(notebook: Path) -> None:
    settings, injected = parameters_cell.check(notebook, {"seed": 2}, [("seed", "3"), ("decision", "flip")])
    assert (settings.seed, injected["seed"], injected["decision"]) == (3, 3, "flip")


@pytest.mark.parametrize(
    ("values", "pairs", "said"),
    [
        ({"decison": "flip"}, [], "decison is not a parameter"),
        ({"decision": True}, [], "decision must be text, and is True"),
        ({"decision": 5}, [], 'decision must be text, and is 5; in YAML, put it in quotes: "5"'),
        ({"seed": "1"}, [], "seed must be a whole number"),
        ({}, [("decison", "flip")], "decison is not a parameter: did you mean decision"),
        ({}, [("lambda_in_vpc", "yes")], "lambda_in_vpc must be true or false"),
    ],
)
def test_strictness(notebook: Path, values: dict[str, Any], pairs: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(BadParameters) as caught:
        parameters_cell.check(notebook, values, pairs)
    assert said in caught.value.message


@pytest.mark.parametrize("name", ["10-passes", "10", "10-passes.ipynb", "notebooks/10-passes.ipynb"])
def test_a_runbook_is_found_by_name_and_number(notebook: Path, name: str) -> None:
    assert parameters_cell.find(name, folder=notebook.parent) == notebook
    assert parameters_cell.find(str(notebook)) == notebook.resolve()


@pytest.mark.parametrize("name", ["11", "1", "passes", "10-pass", ""])
def test_a_runbook_that_is_none_is_said(notebook: Path, name: str) -> None:
    with pytest.raises(BadParameters, match=r"There is no runbook") as caught:
        parameters_cell.find(name, folder=notebook.parent)
    assert caught.value.remedy == "There are: 10-passes."
