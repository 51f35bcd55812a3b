"""The runbooks' parameters cells, written from drlib's settings.

python -m tests.notebooks.parameters [--check]

All runbooks begin their cell with the same block. What a runbook adds of its own comes after it, and stays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from drlib import parameters
from drlib.runner import parameters_cell
from tests.notebooks import normalise, stage


def block() -> str:
    """Return the lines that all runbooks share: one for each parameter, one for the heading of each group."""
    lines: list[str] = []
    for name, (kind, default, help_text) in parameters.PARAMETERS.items():
        if name in parameters.GROUPS:
            lines += ["", f"# {parameters.GROUPS[name]}"]
        value = json.dumps(default) if kind is str else repr(default)
        lines.append(f"{name}: {kind.__name__} = {value}  # {help_text}")
    return "\n".join(lines).lstrip("\n")


def own(source: str) -> str:
    """Return what follows the common block in a parameters cell, whatever the order of that block."""
    common = {f"# {heading}" for heading in parameters.GROUPS.values()}
    lines = source.splitlines()
    shared = [
        at
        for at, line in enumerate(lines)
        if line in common or line.partition(":")[0] in parameters.PARAMETERS or not line
    ]
    return "\n".join(line for at, line in enumerate(lines) if at not in shared)


def disorder(text: str) -> list[str]:
    """Return the names in a parameter file that are out of order, or not under the heading of their group."""
    headings = {f"# {heading}": heading for heading in parameters.GROUPS.values()}
    group, last, wrong = "", -1, []
    for line in text.splitlines():
        group = headings.get(line, group)
        name = line.partition(":")[0]
        if name in parameters.PARAMETERS:
            place = list(parameters.PARAMETERS).index(name)
            if place < last or group != parameters.group_of(name):
                wrong.append(name)
            last = place
    return wrong


def written(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with the common block of its parameters cell made anew."""
    for cell in notebook["cells"]:
        if parameters_cell.TAG in cell["metadata"].get("tags", []):
            rest = own(cell["source"])
            cell["source"] = f"{block()}\n\n{rest}" if rest else block()
    return notebook


def main(arguments: list[str], *, folder: Path = stage.NOTEBOOKS) -> int:
    """Write the notebooks, or name those whose common block is stale; return the exit code."""
    stale = 0
    for file in sorted(folder.glob("*.ipynb")):
        wanted = normalise.dumps(normalise.normalise(written(normalise.load(file))))
        if file.read_text(encoding="utf-8") == wanted:
            continue
        if "--check" in arguments:
            stale += 1
            sys.stderr.write(f"{file.name}: its parameters are not those of drlib's settings.\n")
        else:
            file.write_text(wanted, encoding="utf-8", newline="\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
