"""The commands that list and explain: scenarios, rules, errors, parameters."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from drlib.cli.app import AsJson, app, say


@app.command()
def scenarios(as_json: AsJson = False) -> None:
    """List the scenarios: targets, expectations, and what the verdict judges."""
    from drlib.faults.scenario import every

    found = every()
    if as_json:
        say(json.dumps([scenario.as_dict() for scenario in found], indent=1))
        return
    for scenario in found:
        say(f"{scenario}\n{scenario.judged_by()}\n")


@app.command()
def rules(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Name of a rule.")] = "",
) -> None:
    """List the rules that a plan must satisfy, or print one rule with its fix."""
    from drlib.stack.rules.catalogue import catalogue, named

    say(str(named(name)) if name else catalogue())


@app.command()
def explain(
    name: Annotated[
        list[str] | None, typer.Argument(help="Name of an error, a check or a rule; or words of it.")
    ] = None,
) -> None:
    """Explain an error, a red check or a rule: symptom, cause, test, cure. Without NAME, list all."""
    from drlib.checks import troubleshoot
    from drlib.stack.rules.catalogue import CATALOGUE

    if not name:
        for group in troubleshoot.groups():
            say(f"{group.name}: {', '.join(entry.name for entry in group.entries)}")
        say(f"single rules: {', '.join(CATALOGUE)}")
        return
    say("\n\n".join(map(str, troubleshoot.explain(" ".join(name)))))


@app.command()
def params(notebook: Annotated[str, typer.Argument(help="Name, number or path of a runbook.")]) -> None:
    """List the parameters of a runbook, in the groups of its parameters cell."""
    from drlib.runner import parameters_cell
    from drlib.show.output import Table

    groups = parameters_cell.grouped(parameters_cell.find(notebook))
    rows = [
        (name, parameter.type.__name__, json.dumps(parameter.default), parameter.help)
        for parameters in groups.values()
        for name, parameter in parameters.items()
    ]
    header, *lines = str(Table(("name", "type", "default", "meaning"), rows)).splitlines()
    say(header)
    for heading, parameters in groups.items():
        if heading:
            say(f"\n# {heading}")
        for _ in parameters:
            say(lines.pop(0))
