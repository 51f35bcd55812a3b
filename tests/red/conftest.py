"""One sandbox and one stack for every sabotage: each case leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drlib import checks, journal, settings, stack, target
from tests.conftest import PACE
from tests.red.stage import Stage


def open_target(suffix: str) -> target.Target:
    """Return the sandbox as the place of a stack of its own."""
    values = {"suffix": suffix, "domain_name": f"{suffix}.test", "approval": f"{suffix}@sandbox", **PACE}
    return target.open(settings.make(values))


@pytest.fixture(scope="session")
def here(sandbox: Any) -> target.Target:
    return open_target("red")


@pytest.fixture(scope="session")
def stage(here: target.Target) -> Iterator[Stage]:
    deployment = stack.up(here, journal.approve(here.settings, "test"))
    found = Stage(here, deployment)
    # A cold start on a busy machine may cost a checker its patience: a payment that comes to the standby by
    # the public name then would set the latch.
    found.calm(late=False)
    checks.steady_state(here, deployment)
    found.calm(late=False)
    checks.steady_state(here, deployment).require()
    yield found
    stack.destroy(here, journal.approve(here.settings, "test"))


@pytest.fixture
def approval(here: target.Target) -> journal.Approval:
    return journal.approve(here.settings, "test")


@pytest.fixture
def run(here: target.Target) -> journal.Run:
    return journal.open_run(here.settings, here, runbook="test")
