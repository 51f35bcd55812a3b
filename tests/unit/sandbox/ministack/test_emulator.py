"""The contract with the emulator's insides: what the sandbox replaces or relies on is there, and as it was.

A new version of the emulator that changes any of it fails here, and by name.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drlib.core.clock import Clock
from drlib.core.errors import SandboxError
from drlib.sandbox.faults import background_work
from drlib.sandbox.ministack import emulator, internals, patches
from drlib.sandbox.ministack.patches import LimitedWait, ModelledTime
from drlib.sandbox.services.dynamodb import global_tables
from drlib.sandbox.world import World
from tests.unit.sandbox.worlds import world

LEAST_INTERNALS = 50


@pytest.fixture
def around(tmp_path: Path) -> Iterator[World]:
    yield world(tmp_path, Clock(scale=20.0, anchor=0.0))
    emulator.undo()


def install(around: World) -> None:
    """Replace everything that the server replaces, without starting a thread."""
    try:
        patches.apply(around)
        global_tables.Replication(around)
        background_work.Background(around)
    finally:
        emulator.undo()


def touched(around: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, str]]:
    """Return every (owner, name) of the emulator that is checked on the way."""
    seen: list[tuple[Any, str]] = []

    def noting(check: Callable[..., Any]) -> Callable[..., Any]:
        def noted(owner: Any, name: str, *rest: Any) -> Any:
            if (owner, name) not in seen:
                seen.append((owner, name))
            return check(owner, name, *rest)

        return noted

    with monkeypatch.context() as patch:
        patch.setattr(internals, "function", noting(internals.function))
        patch.setattr(emulator, "value", noting(emulator.value))
        install(around)
    return seen


def test_the_installed_version_is_the_one_the_patches_are_for(around: World) -> None:
    install(around)


@pytest.mark.parametrize("version", ["1.5.32", "1.5.34", "2.0.0"])
def test_another_version_is_refused(version: str, monkeypatch: pytest.MonkeyPatch, around: World) -> None:
    monkeypatch.setattr("drlib.sandbox.ministack.emulator.metadata.version", lambda name: version)
    with pytest.raises(SandboxError, match=version) as refusal:
        patches.apply(around)
    assert "constraints.txt" in refusal.value.remedy


def test_whatever_is_gone_or_changed_is_refused_by_name(
    around: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    internals_used = touched(around, monkeypatch)
    assert len(internals_used) >= LEAST_INTERNALS
    for owner, name in internals_used:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda something, quite, different: None)
            with pytest.raises(SandboxError, match=name):
                install(around)
        with monkeypatch.context() as patch:
            patch.delattr(owner, name)
            with pytest.raises(SandboxError, match=name):
                install(around)


def test_undo_leaves_the_emulator_as_it_was(around: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [(owner, name, getattr(owner, name)) for owner, name in touched(around, monkeypatch)]
    install(around)
    assert [name for owner, name, value in before if getattr(owner, name) is not value] == []


def test_nothing_reaches_the_loop_of_an_emulator_that_did_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator.module("app"), "_MAIN_LOOP", None)
    with pytest.raises(SandboxError, match="_MAIN_LOOP"):
        emulator.in_loop(lambda: None)


def test_what_does_not_exist_cannot_be_replaced() -> None:
    with pytest.raises(SandboxError, match="_no_such_thing is gone"):
        emulator.replace(emulator.module("services.sqs"), "_no_such_thing", 1)


def uses(source: str, name: str) -> set[str]:
    """Return the attributes that Python source takes of the plain name `name`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(textwrap.dedent(source)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


@pytest.mark.parametrize("name", patches.MODELLED)
def test_the_modelled_clock_has_all_that_a_service_asks_of_time(name: str) -> None:
    used = uses(inspect.getsource(emulator.module(name)), "time")
    assert "time" in used
    assert used <= {attribute for attribute in dir(ModelledTime(Clock())) if not attribute.startswith("_")}


def test_the_poller_asks_no_more_of_its_event_than_we_give() -> None:
    used = uses(inspect.getsource(emulator.module("services.lambda_svc")), "_esm_wake")
    assert used == {"clear", "wait", "set"}
    assert used <= set(dir(LimitedWait(patches.threading.Event(), 1.0)))


def test_the_environment_of_functions_is_taken_from_os_in_one_place() -> None:
    runtime = emulator.module("core.lambda_runtime")
    spawn = inspect.getsource(runtime.Worker._spawn)
    assert "spawn_env = {**os.environ, **env_vars}" in spawn
    assert "env=spawn_env" in spawn
