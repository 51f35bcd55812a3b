"""Each sabotage of a running stack turns exactly the checks red that name it, and mended all are green."""

from __future__ import annotations

import pytest

from drlib.checks.steady_state import steady_state
from tests.red.sabotages import CASES
from tests.red.stage import Sabotage, Stage, look


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_sabotage_is_told(case: Sabotage, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with case.act(stage):
        made = look(stage, case, monkeypatch, case.ask)
    stage.calm(late=bool(case.echo))
    case.require(made)


def test_mended_all_is_green(stage: Stage) -> None:
    steady_state(stage.here, stage.deployment).require()
