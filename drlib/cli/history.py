"""The commands on all runs: their history, and the gate of a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from drlib.cli.app import AsJson, Runs, app, say
from drlib.core.errors import BadParameters


@app.command()
def history(runs: Runs = None, as_json: AsJson = False) -> None:
    """List all runs, and the age in days of the last drill of each scenario and target."""
    from drlib.evidence import history

    past = history.read(folder_of_runs(runs))
    if as_json:
        say(json.dumps(past.as_dict(), indent=1))
        return
    for table in (past.listing(), past.last().whole()):
        say(f"{table}\n")
    say(f"{past.never().text}: {past.never().detail}")
    for name in past.unreadable:
        say(f"{name} holds evidence that cannot be read.")


@app.command()
def gate(
    max_rto: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Longest allowed recovery time.")
    ] = None,
    max_rpo: Annotated[float | None, typer.Option(metavar="SECONDS", help="Longest allowed loss.")] = None,
    worsening: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE", help="Allowed increase over the median of earlier drills, such as 20%."
        ),
    ] = None,
    runs: Runs = None,
    scenario: Annotated[str, typer.Option(help="Judge the latest drill of this scenario.")] = "",
    target: Annotated[str, typer.Option(help="Judge the latest drill on this target.")] = "",
) -> None:
    """Judge the latest drill. Exit code 1, with the reasons, if it exceeds a limit."""
    from drlib.evidence import history, pipeline

    limits = pipeline.limits(max_rto, max_rpo, worsening)
    judged = pipeline.judge(history.read(folder_of_runs(runs)), limits, scenario=scenario, target=target)
    say(str(judged))
    judged.require()


def folder_of_runs(runs: Path | None) -> Path | None:
    """Return the given folder of runs. Raises BadParameters if it does not exist."""
    if runs is not None and not runs.is_dir():
        raise BadParameters(f"There is no folder {runs}.")
    return runs
