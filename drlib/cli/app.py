"""The application, the options that commands share, and helpers of all commands."""

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
    Path | None,
    typer.Option("-f", "--file", metavar="FILE", help="Parameter file, such as params/sandbox.yaml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Runs = Annotated[
    Path | None,
    typer.Option("--runs", metavar="DIR", help="Folder of runs. Default: the runs of this machine."),
]
RunFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN_DIR", help="Folder of a run, such as runs/RUN_ID.", resolve_path=True),
]


def values(file: Path | None) -> dict[str, Any]:
    """Return the parameters of a file; without a file, of the open run; without a run, none."""
    from drlib import parameters
    from drlib.runs import folders

    if file:
        return parameters.read(file)
    run = folders.current()
    return run.settings.values() if run else {}


def here(file: Path | None) -> Target:
    """Return the target of a file, of the open run or of the defaults. Does not start a sandbox."""
    from drlib import parameters, target

    return target.open(parameters.make(values(file)), start=False)


def short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def say(line: str) -> None:
    print(line, flush=True)
