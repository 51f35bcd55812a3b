"""The evidence of a good drill, from figures alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drlib.evidence import evidence
from drlib.payments.ledger import Ledger, Outcome
from drlib.runs.run import Run
from tests.fakes import ChecksTable, Counts, Nowhere
from tests.unit.evidence.bundles import attempts

STAGES = {
    "client_error": 1.0,
    "check_failing": 5.0,
    "unhealthy": 22.5,
    "dns_answer": 1.0,
    "client_switch": 50.0,
}
RECOVERY = {
    "measured_seconds": 79.5,
    "stable_seconds": 9.0,
    "stages": STAGES,
    "cohorts": {"keeps-connection": {"rto_seconds": 81.0}},
}
LOSSES = {
    "rpo_seconds": 0.8,
    "acknowledged": 4,
    "indeterminate": 1,
    "lost": [],
    "stranded": ["p1", "p2"],
    "duplicated": ["p3"],
    "late": [],
    "recovered": ["p9"],
    "unexpected": [],
    "rejected": 0,
}


def ledger(run: Run, *outcomes: Outcome) -> None:
    rows = attempts(1_800_000_000.0, origin="simulated", count=len(outcomes))
    ended = [replace(row, outcome=outcome) for row, outcome in zip(rows, outcomes, strict=True)]
    Ledger(ended).save(run.folder)


def full(run: Run, here: Nowhere, **more: Any) -> evidence.Evidence:
    """Evidence of a good drill, but for what `more` says."""
    ledger(run, *["ok"] * 4, "indeterminate", "fail")
    pieces = {
        "checks": [ChecksTable("passed", "passed")],
        "recovery": RECOVERY,
        "prediction": {"predicted_seconds": 80.0},
        "losses": LOSSES,
    }
    made = pieces | more
    return evidence.update(run, here, **(made | {"losses": Counts(made["losses"])}))
