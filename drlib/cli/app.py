"""What all commands share: the application, common options, and how a line is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from drlib.target.base import Target

app = typer.Typer(
    help="Rehearse, measure and prove the disaster recovery of a two-region payments API.\n\n"
    "Exit codes: 0 passed, 1 the verdict is red, 2 bad parameters, 3 preflight failed, "
    "4 approval missing, 5 a step failed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

File = Annotated[
    Path | None, typer.Option("-f", "--file", metavar="FILE", help="Parameters, such as params/sandbox.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Runs = Annotated[
    Path | None, typer.Option("--runs", metavar="DIR", help="Folder of runs; by default, this machine's.")
]
RunFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN_DIR", help="A run's folder, such as runs/RUN_ID.", resolve_path=True),
]


def values(file: Path | None) -> dict[str, Any]:
    """Return a file's values; without a file, those of the open run, or the defaults."""
    from drlib import parameters
    from drlib.runs import folders

    if file:
        return parameters.read(file)
    run = folders.current()
    return run.settings.values() if run else {}


def here(file: Path | None) -> Target:
    """Return the target that a file, the open run or the defaults name; no sandbox is started for it."""
    from drlib import parameters, target

    return target.open(parameters.make(values(file)), start=False)


def short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def say(line: str) -> None:
    print(line, flush=True)
