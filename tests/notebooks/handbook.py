"""90-troubleshoot's entries, written from drlib's: `python -m tests.notebooks.handbook [--check]`.

A heading's text is its anchor, whichever way a reader makes anchors of headings.
"""

from __future__ import annotations

import sys
from typing import Any

import nbformat

from drlib.checks import troubleshoot
from drlib.checks.troubleshoot import Entry, Group
from drlib.core.errors import HANDBOOK
from tests.notebooks import normalise, stage

FILE = stage.NOTEBOOKS / f"{HANDBOOK}.ipynb"
PREFIX = "entries-"  # of the ids of cells that are made


def cells() -> list[dict[str, Any]]:
    """Return one cell of words for each group, behind one that lists them."""
    groups = troubleshoot.groups()
    lists = [f"- [{group.name}](#{group.name}): {_names(group)}" for group in groups]
    contents = "\n".join(["### contents", *lists])
    return [_cell("contents", contents), *(_cell(group.name, _words(group)) for group in groups)]


def written(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with its entries made anew, before its last cell."""
    own = [cell for cell in notebook["cells"] if not cell["id"].startswith(PREFIX)]
    return {**notebook, "cells": [*own[:-1], *cells(), own[-1]]}


def _names(group: Group) -> str:
    return ", ".join(f"[{entry.name}](#{entry.name})" for entry in group.entries)


def _words(group: Group) -> str:
    return "\n\n".join([f"### {group.name}\n{group.about.strip()}", *map(_entry, group.entries)])


def _entry(entry: Entry) -> str:
    parts = (("Symptom", entry.symptom), ("Cause", entry.cause), ("Test", entry.test), ("Cure", entry.cure))
    return "\n".join([f"#### {entry.name}", *(f"- *{title}*: {text}" for title, text in parts)])


def _cell(name: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = nbformat.v4.new_markdown_cell(source, id=f"{PREFIX}{name}")
    return cell


def main(arguments: list[str]) -> int:
    """Write the notebook, or say in one sentence that it is stale; return the exit code."""
    wanted = normalise.dumps(normalise.normalise(written(normalise.load(FILE))))
    if "--check" not in arguments:
        FILE.write_text(wanted, encoding="utf-8", newline="\n")
    elif FILE.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(
            f"{FILE.name} is not what drlib/checks/troubleshoot.yaml and the rules say: "
            "run `python -m tests.notebooks.handbook`.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
