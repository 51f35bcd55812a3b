"""Each mistake of the first design, put back into the program, is told by exactly what should tell it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drlib import checks, engine, settings, stack, target
from drlib.errors import BadParameters, StepFailed
from tests.red.first_design import CASES
from tests.red.mistakes import Mistake, Program
from tests.red.stage import Stage, look

RUNNING = [case for case in CASES if case.red]
REFUSED = [case for case in CASES if case.refused]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    return Program(monkeypatch, tmp_path)


def deploy(here: target.Target) -> None:
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
    checks.steady_state(stage.here, stage.deployment).require()


@pytest.mark.parametrize("case", RUNNING, ids=[case.name for case in RUNNING])
def test_a_mistake_is_told_in_the_running_stack(
    case: Mistake, mended: Stage, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended.forget_messages()
    case.put_back(program)
    with program.installed():
        deploy(mended.here)
    made = look(mended, case, monkeypatch)
    case.require(made)


# A program that fails leaves coroutines of Pulumi behind, which are collected whenever.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine")
@pytest.mark.parametrize("case", REFUSED, ids=[case.name for case in REFUSED])
def test_a_mistake_is_refused(case: Mistake, mended: Stage, program: Program) -> None:
    case.put_back(program)
    with program.installed(), pytest.raises(StepFailed) as caught:
        deploy(mended.here)
    assert case.refused in caught.value.message
    assert caught.value.remedy


def test_a_reserved_domain_is_refused_before_anything_is_planned() -> None:
    with pytest.raises(BadParameters, match="ends in the reserved example.com"):
        settings.make({"domain_name": "payments-dev.example.com"})
