"""The tables of README.md in this folder, written from the cases: `python -m tests.red.table [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.red.first_design import CORRECTIONS, FAILURES
from tests.red.mistakes import Mistake
from tests.red.sabotages import CASES
from tests.red.stage import Told

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- what goes red -->\n", "<!-- end of what goes red -->\n"
NAMED = 2  # checks of a case that are named; the rest are counted
DESIGN = """\
## Mistakes in the program

The first design failed on AWS in these ways, and its first repair failed in some of them. Each test puts
one mistake back into the Pulumi program or the functions."""
RUNNING = """\
## Sabotage of a running stack

Each test breaks one thing in a running stack. Runbook `20-verify` detects it; `00-preflight` detects the
wrong clock."""
HEAD = "| mistake | detected by |\n|---|---|\n"


def render() -> str:
    """Return the tables."""
    design = [_mistake(case) for case in (*FAILURES, *CORRECTIONS)]
    running = [_row(case.mistake, _checks(case)) for case in CASES]
    return f"\n{DESIGN}\n\n{HEAD}{''.join(design)}\n{RUNNING}\n\n{HEAD}{''.join(running)}\n"


def _mistake(case: Mistake) -> str:
    told = [f"rule `{rule}`" for rule in case.rules]
    if case.refused:
        told.append(f"refused: `{case.refused}`")
    return _row(case.what, [*told, *_checks(case)])


def _checks(case: Told) -> Iterator[str]:
    yield from (f"`{name}`" for name in case.red[:NAMED])
    if len(case.red) > NAMED:
        yield f"{len(case.red) - NAMED} more"
    if not case.red and not isinstance(case, Mistake):
        yield "no check: nothing depends on it"


def _row(what: str, told: Iterable[str]) -> str:
    return f"| {what} | {'; '.join(told)} |\n"


def main(arguments: list[str]) -> int:
    """Write the tables into the README, or say in one sentence that they are stale; return the exit code."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}{render()}{END}{after}"
    if "--check" not in arguments:
        README.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        sys.stderr.write("tests/red/README.md is out of date: run `python -m tests.red.table`.\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
