"""The deletion of a health check while a checker runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drlib.sandbox.services.route53.health_checks import HealthCheckers
from tests.unit.sandbox.worlds import standing, world


def test_an_answer_that_outruns_the_end_of_its_check_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = HealthCheckers(world(tmp_path, standing()))
    health._checks["one"], health._slots["one"] = {"FailureThreshold": 3}, asyncio.Semaphore()

    async def ended_meanwhile(*_: object) -> tuple[bool, str]:
        health._checks.clear()
        health._slots.clear()
        return True, "Success"

    monkeypatch.setattr(health, "_check", ended_meanwhile)

    async def watch() -> None:
        interval = 0.01
        await health._check_repeatedly("one", "us-east-1", interval, 0.0, asyncio.Event(), first=True)

    asyncio.run(asyncio.wait_for(watch(), 20))
    assert health._board.observations("one") == []
