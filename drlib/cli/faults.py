"""The commands that inject and restore faults outside of the runbooks."""

from __future__ import annotations

from typing import Annotated

import typer

from drlib.cli.app import File, app, here, say, values


@app.command()
def inject(
    scenario: Annotated[str, typer.Argument(help="Scenario; `drlib scenarios` lists them.")],
    file: File = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=86_400.0,
            metavar="SECONDS",
            help="Restore the fault after this time. Default: the deadline of the scenario.",
        ),
    ] = None,
) -> None:
    """Inject a fault outside of the runbooks, for a game day. `drlib restore` ends it.

    At its deadline (modelled seconds) the fault ends by itself, even if this terminal is closed.
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
    """End every fault in force, even if the runbook that injected it is gone.

    The file of each fault says where it is and how to undo it. FILE names the target of other faults.
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
