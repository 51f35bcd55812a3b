"""The README's table of what goes red, made from the cases: `python -m tests.red.table [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.red.first_design import CORRECTIONS, FAILURES
from tests.red.mistakes import Mistake
from tests.red.sabotages import CASES
from tests.red.stage import Told

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- what goes red -->\n", "<!-- end of what goes red -->\n"
NAMED = 2  # checks of a case that are named; the rest are counted
DESIGN = (
    "The first design failed on AWS in these ways, and so did its repair. Each is put back into the program:"
)
RUNNING = "What somebody could do to a running stack, as `20-verify` tells it (`00-preflight` the clock):"
HEAD = "| what is wrong | what tells it |\n|---|---|\n"


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
        yield "nothing"


def _row(what: str, told: Iterable[str]) -> str:
    return f"| {what} | {'; '.join(told)} |\n"


def main(arguments: list[str]) -> int:
    """Write the table into the README, or say in one sentence that it is stale; return the exit code."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}{render()}{END}{after}"
    if "--check" not in arguments:
        README.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        sys.stderr.write(
            "README.md's table is not what the red suite says: run `python -m tests.red.table`.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
