"""The commands on the sandbox, and on the outputs of the stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from drlib.cli.app import AsJson, File, app, here, say

if TYPE_CHECKING:
    from drlib.sandbox.process.state import Status

sandbox_app = typer.Typer(help="Two AWS regions in one local process.", no_args_is_help=True)
app.add_typer(sandbox_app, name="sandbox")


@sandbox_app.command("up")
def sandbox_up(file: File = None, as_json: AsJson = False) -> None:
    """Start the sandbox, unless it runs. It stops by itself after an idle hour."""
    from drlib import parameters
    from drlib.sandbox.process import life

    chosen = parameters.load(file) if file else parameters.make({})
    status = life.up(
        time_scale=chosen.time_scale,
        seed=chosen.seed,
        replication_lag_seconds=chosen.replication_lag_seconds,
    )
    _show_status(status, as_json=as_json)


@sandbox_app.command("down")
def sandbox_down() -> None:
    """Stop the sandbox. This deletes everything that is deployed in it."""
    from drlib.sandbox.process import life

    say("The sandbox is stopped." if life.down() else "No sandbox was running.")


@sandbox_app.command("status")
def sandbox_status(as_json: AsJson = False) -> None:
    """Print every endpoint of the running sandbox."""
    from drlib.sandbox.process import life

    status = life.status()
    if status is None:
        if as_json:
            say("{}")
        else:
            say("No sandbox is running. `drlib sandbox up` starts one.")
        return
    _show_status(status, as_json=as_json)


@app.command()
def outputs(file: File = None, as_json: AsJson = False) -> None:
    """Print the outputs of the deployed stack: its public name, and the resources of each region."""
    from drlib.stack import stack

    deployment = stack.current(here(file))
    say(json.dumps(deployment.as_json(), indent=1) if as_json else str(deployment))


def _show_status(status: Status, *, as_json: bool) -> None:
    facts = status.as_json()
    if as_json:
        say(json.dumps(facts, indent=1))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            for key, item in value.items():
                say(f"{name + ' ' + key:<24}  {item}")
        else:
            say(f"{name:<24}  {value}")
