"""The record of a run: what was meant, what was done, what failed, and what was measured.

    run = journal.join(settings, "30-drill-failover", here)
    approval = journal.approve(settings, "drill", here=here, run=run, plan=plan)
    with run.step("inject", mutating=True, resource="us-east-2"):
        ...
    run.save("recovery", {...})

A run is a folder `runs/RUN_ID/` (`drlib.runs`); its lines are written by `drlib.record`, and steps that it
meets again are looked at by `drlib.resume`. What a person allows stands in `drlib.approval`.
"""

from __future__ import annotations

from drlib.approval import Approval, approve, require
from drlib.record import DONE, FAILED, INTENT, RECONCILED, Run, Step
from drlib.runs import (
    DRILLED,
    HERE_RUNNER,
    RUN_ID,
    Here,
    close,
    current,
    find,
    held,
    join,
    open_run,
    reopen,
    runs,
)

__all__ = [
    "DONE",
    "DRILLED",
    "FAILED",
    "HERE_RUNNER",
    "INTENT",
    "RECONCILED",
    "RUN_ID",
    "Approval",
    "Here",
    "Run",
    "Step",
    "approve",
    "close",
    "current",
    "find",
    "held",
    "join",
    "open_run",
    "reopen",
    "require",
    "runs",
]
