"""Each mistake of the first design, put back into the program, is told by exactly what should tell it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from drlib import parameters
from drlib.checks.steady_state import steady_state
from drlib.core.errors import BadParameters, StepFailed
from drlib.runs import approval
from drlib.stack import engine, stack
from drlib.stack.rules import catalogue
from drlib.target.base import Target
from tests.red.conftest import open_target
from tests.red.first_design import CASES
from tests.red.mistakes import Mistake, Program
from tests.red.stage import Stage, look

PLANNED = [case for case in CASES if case.rules]
RUNNING = [case for case in CASES if case.red]
REFUSED = [case for case in CASES if case.refused]


def deploy(here: Target) -> None:
    """Run the real engine on the program as it is now. Nothing was changed outside: nothing is read again."""
    with engine.open(here, stack._program(here)) as session:
        session.run("up")


@pytest.fixture(scope="module")
def mended(stage: Stage) -> Iterator[Stage]:
    """The running stack; the untouched program mends it in the end."""
    yield stage
    deploy(stage.here)
    stage.forget_messages()
    stage.calm(late=True)
    steady_state(stage.here, stage.deployment).require()


@pytest.fixture(scope="module")
def blank(here: Target) -> Iterator[Target]:
    """Where nothing is deployed. What a refused deployment made before it was refused goes in the end."""
    first = open_target("first")
    yield first
    stack.destroy(first, approval.approve(first.settings, "test"))


def test_the_untouched_program_breaks_no_rule(blank: Target) -> None:
    catalogue.check(stack.plan(blank), blank.settings).require()


@pytest.mark.parametrize("case", PLANNED, ids=[case.name for case in PLANNED])
def test_a_mistake_breaks_its_rules(
    case: Mistake, blank: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = Program(blank, monkeypatch, tmp_path)
    case.put_back(program)
    with program.installed():
        made = catalogue.check(stack.plan(blank), blank.settings)
    assert {row.id: row.detail for row in made.failed}.keys() == set(case.rules)
    assert all(row.detail and row.hint for row in made.failed)


@pytest.mark.soak
@pytest.mark.parametrize("case", RUNNING, ids=[case.name for case in RUNNING])
def test_a_mistake_is_told_in_the_running_stack(
    case: Mistake, mended: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = Program(mended.here, monkeypatch, tmp_path)
    mended.forget_messages()
    case.put_back(program)
    with program.installed():
        deploy(mended.here)
    case.require(look(mended, case, monkeypatch))


# A program that fails leaves coroutines of Pulumi behind, which are collected whenever.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine")
@pytest.mark.parametrize("case", REFUSED, ids=[case.name for case in REFUSED])
def test_a_mistake_is_refused(
    case: Mistake, blank: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = Program(blank, monkeypatch, tmp_path)
    with (
        program.installed(),
        pytest.raises((StepFailed, ClientError), match=re.escape(case.refused)) as caught,
    ):
        case.put_back(program)  # which is refused itself, where it is no deployment
        deploy(blank)
    assert isinstance(caught.value, ClientError) or caught.value.remedy


def test_a_reserved_domain_is_refused_before_anything_is_planned() -> None:
    with pytest.raises(BadParameters, match="ends in the reserved example.com"):
        parameters.make({"domain_name": "payments-dev.example.com"})
