"""One sandbox and one stack for every sabotage: each case leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drlib import parameters, target
from drlib.checks.steady_state import steady_state
from drlib.runs import folders
from drlib.runs.approval import Approval, approve
from drlib.runs.run import Run
from drlib.stack import stack
from drlib.target.base import Target
from tests.conftest import PACE
from tests.red.stage import Stage


def open_target(suffix: str) -> Target:
    """Return the sandbox as the place of a stack of its own."""
    values = {"suffix": suffix, "domain_name": f"{suffix}.test", "approval": f"{suffix}@sandbox", **PACE}
    return target.open(parameters.make(values))


@pytest.fixture(scope="session")
def here(sandbox: Any) -> Target:
    return open_target("red")


@pytest.fixture(scope="session")
def stage(here: Target) -> Iterator[Stage]:
    deployment = stack.up(here, approve(here.settings, "test"))
    found = Stage(here, deployment)
    # A cold start on a busy machine may cost a checker its patience: a payment that comes to the standby by
    # the public name then would set the latch.
    found.calm(late=False)
    steady_state(here, deployment)
    found.calm(late=False)
    steady_state(here, deployment).require()
    yield found
    stack.destroy(here, approve(here.settings, "test"))


@pytest.fixture
def approval(here: Target) -> Approval:
    return approve(here.settings, "test")


@pytest.fixture
def run(here: Target) -> Run:
    return folders.open_run(here.settings, here, runbook="test")
