"""A runbook as a file: where it is, and which parameters it takes.

The parameters are read from the cell that is tagged `parameters`, by Python's own parser: one line each, of
the form `name: type = value  # help`. A line that is a comment is the heading of the lines below it. Plain
papermill ignores names that it does not know and takes any type; `check` does neither.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from drlib import parameters
from drlib.core.errors import BadParameters
from drlib.parameters import Parameter, Settings

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "notebooks"
TAG = "parameters"
TYPES = {"str": str, "int": int, "float": float, "bool": bool}


def find(name: str, *, folder: Path = FOLDER) -> Path:
    """Return the notebook of a name such as `30-drill-failover`, of its number, or of its path.

    Raises:
        BadParameters: there is none, or more than one.
    """
    path = Path(name)
    if path.suffix == ".ipynb" and path.exists():
        return path.resolve()
    stem = path.name.removesuffix(".ipynb")
    known = sorted(file.stem for file in folder.glob("*.ipynb"))
    found = [one for one in known if one == stem] or [one for one in known if one.startswith(f"{stem}-")]
    if len(found) != 1:
        raise BadParameters(f"There is no runbook {name!r}.", remedy=f"There are: {', '.join(known)}.")
    return folder / f"{found[0]}.ipynb"


def declared(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters that a notebook takes, in its own order.

    Raises:
        BadParameters: it has no parameters cell, or that holds anything but typed constants.
    """
    source = _source(notebook)
    lines = source.splitlines()
    found: dict[str, Parameter] = {}
    for node in ast.parse(source).body:
        line = lines[node.lineno - 1]
        match node:
            case ast.AnnAssign(target=ast.Name(name), annotation=ast.Name(kind), value=ast.Constant(default)):
                if kind in TYPES and type(default) is TYPES[kind]:
                    found[name] = Parameter(
                        TYPES[kind], default, line[node.end_col_offset or 0 :].lstrip(" #")
                    )
                    continue
        raise BadParameters(f"{notebook.name}: its parameters cell may not hold {line!r}.")
    return found


def grouped(notebook: Path) -> dict[str, dict[str, Parameter]]:
    """Return the parameters that a notebook takes, under the headings of its parameters cell.

    Those before the first heading are under the empty one. Raises BadParameters, as `declared` does.
    """
    takes = declared(notebook)
    groups: dict[str, dict[str, Parameter]] = {}
    heading = ""
    for line in _source(notebook).splitlines():
        name = line.partition(":")[0]
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif name in takes:
            groups.setdefault(heading, {})[name] = takes[name]
    return groups


def _source(notebook: Path) -> str:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if TAG in cell.get("metadata", {}).get("tags", [])]
    if not cells:
        raise BadParameters(f"{notebook.name} has no cell with the tag {TAG}.")
    return "".join(cells[0]["source"])


def check(
    notebook: Path, values: Mapping[str, Any], overrides: Iterable[tuple[str, str]] = ()
) -> tuple[Settings, dict[str, Any]]:
    """Check the values for a notebook, and return the settings and all that is to be injected.

    Args:
        notebook: which one.
        values: from a parameter file.
        overrides: names and texts from the command line; they win.

    Raises:
        BadParameters: a name that neither the notebook nor the common parameters have, or an ill-typed value.
    """
    takes = declared(notebook)
    own = {name: parameter for name, parameter in takes.items() if name not in parameters.PARAMETERS}
    given = dict(values) | parameters.parse_overrides(
        overrides, more={name: parameter.type for name, parameter in own.items()}
    )
    mine = {name: given.pop(name) for name in own if name in given}
    for name, value in mine.items():
        kind = own[name].type
        right = type(value) is kind or (kind is float and type(value) is int)
        if not right:
            raise BadParameters(parameters.ill_typed(name, kind, value))
        mine[name] = kind(value)
    settings = parameters.make(given)
    common = {name: value for name, value in settings.values().items() if name in takes}
    return settings, common | mine
