"""The commands that run runbooks, and the approval of a plan."""

from __future__ import annotations

from typing import Annotated

import typer

from drlib.cli.app import File, app, say, short
from drlib.core.errors import BadParameters


@app.command()
def drill(
    file: File = None,
    scenario: Annotated[
        str | None, typer.Option(help="Scenario of the drill; `drlib scenarios` lists them.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN_ID", help="Resume a stopped run with its own parameters.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the stack and the sandbox after the drill.")
    ] = False,
) -> None:
    """Run all runbooks of a drill in order: deploy, verify, fail over, fail back, report, tear down."""
    from drlib.runner import drill

    if (file is None) == (resume is None):
        raise BadParameters("A drill needs either -f FILE or --resume RUN_ID.")
    if resume and scenario:
        raise BadParameters("--scenario cannot change a run that is resumed.")
    raise typer.Exit(drill.drill(file, scenario=scenario, resume=resume, keep=keep, say=say))


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="Name, number or path of a runbook.")],
    file: File = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUE", help="One parameter; overrides the file."),
    ] = None,
) -> None:
    """Run one runbook headless in the open run, or in a new run. Unknown parameters are errors."""
    from drlib import parameters
    from drlib.runner.notebook import run

    values = parameters.read(file) if file else {}
    say(f"Executed: {short(run(notebook, values, pairs(parameter or []), say=say))}")


@app.command()
def approve(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run whose runbook printed the plan.")],
    plan: Annotated[str, typer.Option(metavar="HASH", help="Hash of the plan, as the runbook printed it.")],
    minutes: Annotated[int, typer.Option(help="Validity of the approval, in minutes.")] = 60,
) -> None:
    """Approve a plan that a runbook printed. The journal of the run records the approval."""
    from drlib import target
    from drlib.runs import approval, folders

    run = folders.find(run_id, runbook="approval")
    here = target.open(run.settings, start=False)
    say(approval.give(here, run, plan, minutes=minutes))


def pairs(texts: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, separator, value = text.partition("\0")
        if not separator:
            raise BadParameters("-p needs a name and a value.")
        pairs.append((name, value))
    return pairs
