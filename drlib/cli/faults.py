"""Break something from outside the runbooks, and mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from drlib.cli.app import File, app, here, say, values


@app.command()
def inject(
    scenario: Annotated[str, typer.Argument(help="What breaks; `drlib scenarios` lists them.")],
    file: File = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=86_400.0,
            metavar="SECONDS",
            help="Heal after so long, instead of the scenario's own.",
        ),
    ] = None,
) -> None:
    """Break something from outside the runbooks, for a game day. `drlib restore` mends it.

    It heals by itself at its deadline (modelled seconds), whatever becomes of this terminal.
    """
    from drlib import parameters, target
    from drlib.faults import inject
    from drlib.faults.scenario import load
    from drlib.runs import folders
    from drlib.runs.approval import approve
    from drlib.stack import stack

    planned = load(scenario)
    chosen = parameters.make(values(file) | {"scenario": planned.name})
    planned.require_target(chosen.target)
    here = target.open(chosen, start=False)
    entry = folders.join(chosen, "game-day", here, unfinished=True)
    if inject.spent(entry):
        entry = folders.open_run(chosen, here, runbook="game-day")
    what = f"the fault {scenario}"
    approval = approve(chosen, what, here=here, run=entry, plan=planned)
    say(str(inject.inject(here, stack.current(here), entry, approval, deadline_seconds=deadline)))


@app.command()
def restore(file: File = None) -> None:
    """End every fault that is in force. Works whatever became of the runbook that injected it.

    A fault's own file says where it is and how it is undone; FILE is for what no such file names.
    """
    from drlib.core.errors import SandboxError
    from drlib.faults import restore
    from drlib.runner import notebook
    from drlib.runs import folders

    for fault in restore.restore_all(folders.current()):
        say(f"Restored: {fault.region} ({fault.scenario})")
    try:
        found = here(file)
    except SandboxError as error:
        say(f"{error.message} No fault is in force.")
        return
    for line in notebook.restore(found, folders.current()):
        say(line)
