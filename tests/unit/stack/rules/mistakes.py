"""Mistakes, as small edits of a plan: what tests of the rules are written with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.unit.stack.rules.conftest import Judged

Break = Callable[[Judged], Judged]


def put(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set an input; dots lead into it."""

    def change(inputs: dict[str, Any]) -> None:
        *path, last = key.split(".")
        at: Any = inputs
        for part in path:
            at = at[int(part)] if part.isdecimal() else at.setdefault(part, {})
        at[int(last) if last.isdecimal() else last] = value

    return change


def policy(
    edit: Callable[[list[dict[str, Any]]], Any], key: str = "policy"
) -> Callable[[dict[str, Any]], None]:
    """Edit the statements of a policy document."""

    def change(inputs: dict[str, Any]) -> None:
        text = json.loads(inputs[key])
        edit(text["Statement"])
        inputs[key] = json.dumps(text)

    return change


def resource(action: str, arn: Any) -> Callable[[list[dict[str, Any]]], None]:
    """Let the statement that allows an action name another resource."""

    def edit(found: list[dict[str, Any]]) -> None:
        next(one for one in found if action in one["Action"])["Resource"] = arn

    return edit


def body(edit: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    """Edit the first row of the dashboard's first widget."""

    def change(inputs: dict[str, Any]) -> None:
        text = json.loads(inputs["dashboardBody"])
        edit(text["widgets"][0]["properties"])
        inputs["dashboardBody"] = json.dumps(text)

    return change


def both(*names: str, change: Callable[[dict[str, Any]], None]) -> Break:
    def apply(judged: Judged) -> Judged:
        for name in names:
            judged = judged.changed(name, change)
        return judged

    return apply


def one(name: str, change: Callable[[dict[str, Any]], None]) -> Break:
    return lambda judged: judged.changed(name, change)


def without(*names: str) -> Break:
    """Leave resources out."""
    return lambda judged: judged.without(*names)


def unrelated(name: str, *inputs: str) -> Break:
    """Cut what a resource's inputs come from."""
    return lambda judged: judged.unrelated(name, *inputs)


def related(name: str, key: str, other: str) -> Break:
    """Let an input come from another resource than it does."""
    return lambda judged: judged.related(name, key, other)


def twice(name: str) -> Break:
    """Have a resource twice."""
    return lambda judged: judged.twice(name)


def only(judged: Judged, id: str, said: str, mistake: Break) -> None:
    """Require that a mistake turns one rule red, and no other, with a finding that says so."""
    red = mistake(judged).red()
    assert list(red) == [id]
    assert said in red[id]
