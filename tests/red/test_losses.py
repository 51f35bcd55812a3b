"""A payment that goes wrong on a running stack is in evidence.json, with its id, and the verdict is red."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from drlib.checks import waiting
from drlib.core import clock
from drlib.core.errors import VerdictRed
from drlib.deployed import latch
from drlib.evidence import evidence
from drlib.payments import probing, reconcile
from drlib.payments.ledger import Ledger
from drlib.runs import folders
from drlib.runs.run import Run
from drlib.switch import failback_gates, failover, past_move
from tests.red.payments import WRONGS, is_settled, lose, reds
from tests.red.stage import SHORT_WALL_SECONDS, Stage

MOVE = {"kind": "switchover", "missing": [], "outside": [], "seconds": 1.0}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with every payment settled: what is missing then does not come."""
    monkeypatch.setattr(clock, "PATIENCE_WALL_SECONDS", SHORT_WALL_SECONDS)


@pytest.fixture
def run(stage: Stage) -> Run:
    """A run that is about nothing but its payments: it has no recovery to measure."""
    made = folders.open_run(stage.here.settings, stage.here, runbook="60-switchover")
    made.save("move.60-switchover", MOVE)
    return made


@pytest.fixture
def paid(stage: Stage, run: Run) -> list[str]:
    """Payments of this run, each settled and known to both regions; the takeover is kept after them."""
    with probing.start(stage.here, stage.deployment, run) as prober:
        stage.wait(lambda: len(acknowledged(prober.ledger)) >= 4, "payments")
    ids = acknowledged(prober.ledger)
    for role in ("primary", "standby"):
        stage.wait(lambda role=role: all(is_settled(stage, one, role) for one in ids), "their settlement")
    failover.keep_takeover(stage.here, stage.deployment, run)
    return ids


@pytest.fixture
def latched(stage: Stage) -> Iterator[None]:
    """The standby is the active region by the latch, so that the gates have something to ask."""
    standby = stage.region("standby")
    latch.write(stage.here, stage.deployment, standby, is_set=True, reason="red", hold_seconds=0.0)
    yield
    stage.release_latch()
    stage.forget_messages()  # that of a lost payment would end in a dead-letter queue
    stage.calm(late=True)


def acknowledged(ledger: Any) -> list[str]:
    return [row.payment_id for row in ledger.attempts() if row.outcome == "ok"]


def stored(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.folder / "evidence.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", WRONGS)
def test_a_red_count_is_evidence_first_and_a_red_verdict_then(
    name: str, stage: Stage, run: Run, paid: list[str]
) -> None:
    """As the last cells of 40 and 60 do it."""
    do, listed = WRONGS[name]
    wrong = do(stage, paid[0])
    known = past_move.recall(stage.here, stage.deployment, run)
    ledger = Ledger.load(run.folder)
    losses = reconcile.count(stage.here, stage.deployment, ledger, known.takeover, known.fault)
    assert reds(losses) == {name: (wrong,)}
    evidence.update(run, stage.here, losses=losses)
    with pytest.raises(VerdictRed):
        losses.require()
    content = stored(run)
    assert (content["rpo"][name], content["rpo"]["payment_ids"][name]) == (1, [wrong])
    assert (content["rpo"][listed], content["rpo"]["payment_ids"][listed]) == (1, [wrong])
    assert content["verdict"] == "failed", content["reasons"]


def test_the_gates_keep_what_they_counted_and_a_lost_payment_is_a_red_verdict(
    stage: Stage, run: Run, paid: list[str], latched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As runbook 40 does it before it asks for the approval of the return."""
    monkeypatch.setattr(waiting, "CATCH_UP_SECONDS", 60.0)
    lost = lose(stage, paid[0])
    asked = failback_gates.gates(stage.here, stage.deployment, run)
    evidence.update(run, stage.here, checks=[asked])
    with pytest.raises(VerdictRed, match="acknowledged and never found again"):
        failback_gates.passed(stage.here, run, asked)
    content = stored(run)
    assert (content["rpo"]["lost"], content["rpo"]["payment_ids"]["lost"]) == (1, [lost])
    assert content["verdict"] == "failed", content["reasons"]
    red = [row["id"] for row in content["gates"] if row["status"] == "failed"]
    assert "every-payment-is-accounted-for" in red


def test_without_a_wrong_payment_nothing_is_red(stage: Stage, run: Run, paid: list[str]) -> None:
    known = past_move.recall(stage.here, stage.deployment, run)
    ledger = Ledger.load(run.folder)
    losses = reconcile.count(stage.here, stage.deployment, ledger, known.takeover, known.fault)
    evidence.update(run, stage.here, losses=losses)
    losses.require()
    assert (stored(run)["rpo"]["lost"], stored(run)["verdict"]) == (0, "passed")
