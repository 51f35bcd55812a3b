"""Run runbooks: a whole drill, one of them, and the approval that some wait for."""

from __future__ import annotations

from typing import Annotated

import typer

from drlib.cli.app import File, app, say, short
from drlib.core.errors import BadParameters


@app.command()
def drill(
    file: File = None,
    scenario: Annotated[str | None, typer.Option(help="What happens; `drlib scenarios` lists them.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN_ID", help="Go on with a run that stopped, with its parameters.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack and the sandbox up.")] = False,
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
    notebook: Annotated[str, typer.Argument(help="A runbook's name, number or path.")],
    file: File = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUE", help="One parameter; wins over the file."),
    ] = None,
) -> None:
    """Run one runbook headless, with strict parameters, in the open run or a new one."""
    from drlib import parameters
    from drlib.runner.notebook import run

    values = parameters.read(file) if file else {}
    say(f"Executed: {short(run(notebook, values, pairs(parameter or []), say=say))}")


@app.command()
def approve(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run that has shown the plan.")],
    plan: Annotated[str, typer.Option(metavar="HASH", help="The plan, as the runbook printed it.")],
    minutes: Annotated[int, typer.Option(help="For how long the approval is good.")] = 60,
) -> None:
    """Approve the plan that a runbook has shown, for a while. It stands in the run's journal."""
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
