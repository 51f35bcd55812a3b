"""Every type, on the sandbox: what a provider owes the engine."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.sandbox.provider import resource_types
from drlib.sandbox.provider.clients import Clients

from .engine import Engine, Inputs
from .examples import EXAMPLES, Example

CASES = [pytest.param(name, example, id=name.rsplit(":", 1)[-1]) for name, example in EXAMPLES.items()]


def _only(condition: Any) -> list[Any]:
    return [case for case in CASES if condition(case.values[1])]


def _read(engine: Engine, name: str, id: str, state: Inputs, inputs: Inputs) -> tuple[Inputs, Inputs]:
    found = engine.read(name, id, state, inputs)
    assert found is not None, f"{name} {id} is not there"
    return found


def test_every_type_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(resource_types.TYPES)


@pytest.mark.parametrize(("name", "example"), CASES)
def test_what_was_created_reads_the_same(engine: Engine, name: str, example: Example) -> None:
    inputs = example.inputs(engine)
    assert engine.check(name, inputs) == []
    id, state = engine.create(name, inputs)
    fresh, again = _read(engine, name, id, state, inputs)
    assert engine.diff(name, fresh, inputs).is_same, fresh
    assert again == state


@pytest.mark.parametrize(("name", "example"), CASES)
def test_what_aws_adds_by_default_is_no_drift(engine: Engine, name: str, example: Example) -> None:
    needed = {*resource_types.find(name).required, *example.also, "region"}
    inputs = {key: value for key, value in example.inputs(engine).items() if key in needed}
    id, state = engine.create(name, inputs)
    fresh, again = _read(engine, name, id, state, inputs)
    assert engine.diff(name, fresh, inputs).is_same, fresh
    assert again == state


@pytest.mark.parametrize(("name", "example"), CASES)
def test_deleted_is_gone_and_a_second_delete_succeeds(engine: Engine, name: str, example: Example) -> None:
    inputs = example.inputs(engine)
    id, state = engine.create(name, inputs)
    engine.delete(name, id, state)
    if not example.survives:
        assert engine.read(name, id, state, inputs) is None
    engine.delete(name, id, state)


@pytest.mark.parametrize(("name", "example"), _only(lambda example: example.change))
def test_a_change_is_made_in_place(engine: Engine, name: str, example: Example) -> None:
    inputs = example.inputs(engine)
    id, state = engine.create(name, inputs)
    news = {**inputs, **(example.change or {})}
    diff = engine.diff(name, inputs, news)
    assert not diff.is_same
    assert diff.replaces == []
    state = engine.update(name, id, state, inputs, news)
    fresh, again = _read(engine, name, id, state, news)
    assert engine.diff(name, fresh, news).is_same, fresh
    assert again == state


@pytest.mark.parametrize(("name", "example"), _only(lambda example: example.change))
def test_taking_a_change_back_restores_the_first_state(engine: Engine, name: str, example: Example) -> None:
    inputs = example.inputs(engine)
    news = {**inputs, **(example.change or {})}
    id, state = engine.create(name, news)
    state = engine.update(name, id, state, news, inputs)
    fresh, again = _read(engine, name, id, state, inputs)
    assert engine.diff(name, fresh, inputs).is_same, fresh
    assert again == state


@pytest.mark.parametrize(("name", "example"), _only(lambda example: example.drift))
def test_drift_is_seen_and_undone(engine: Engine, clients: Clients, name: str, example: Example) -> None:
    inputs = example.inputs(engine)
    id, state = engine.create(name, inputs)
    assert example.drift is not None
    example.drift(clients.get, id, state)
    fresh, state = _read(engine, name, id, state, inputs)
    diff = engine.diff(name, fresh, inputs)
    assert {path.split(".")[0].split("[")[0] for path in diff.paths} == {example.drifted}, fresh
    assert diff.replaces == []
    state = engine.update(name, id, state, fresh, inputs)
    fresh, _ = _read(engine, name, id, state, inputs)
    assert engine.diff(name, fresh, inputs).is_same, fresh


@pytest.mark.parametrize(("name", "example"), CASES)
def test_what_aws_replaces_is_planned_as_a_replacement(engine: Engine, name: str, example: Example) -> None:
    assert example.replacement
    inputs = example.inputs(engine)
    diff = engine.diff(name, inputs, {**inputs, **example.replacement})
    assert diff.replaces == sorted(example.replacement)
    assert diff.delete_first == example.delete_first
    assert all(kind.endswith("_REPLACE") for kind in diff.paths.values())


@pytest.mark.parametrize(("name", "example"), CASES)
def test_an_update_without_a_difference_converges(engine: Engine, name: str, example: Example) -> None:
    """The engine asks for one after a half-made creation."""
    inputs = example.inputs(engine)
    id, state = engine.create(name, inputs)
    assert {**engine.update(name, id, state, inputs, inputs), **_clock(state)} == state


def _clock(state: Inputs) -> Inputs:
    """The outputs that say when something was last written."""
    return {key: value for key, value in state.items() if key == "lastModified"}
