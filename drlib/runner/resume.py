"""Verifies the steps of an interrupted run before it continues. Changes nothing.

A step that a later step undid is not verified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from drlib import target
from drlib.core import aws_calls
from drlib.core.errors import DrError, SandboxError, StepFailed
from drlib.deployed import latch
from drlib.evidence.verdict import RUNBOOK
from drlib.faults import inject
from drlib.runs import steps
from drlib.runs.run import DONE, FAILED
from drlib.stack import stack

if TYPE_CHECKING:
    from drlib.runs.run import Run
    from drlib.target.base import Target

DRILL = "30-drill-failover"  # whose fault is measured
CUT = (
    "was cut off after its fault. The recovery time cannot be measured any more, and a run has one fault. "
    "What remains is the way back, the payments and the report; to measure, start a new drill."
)


@dataclass(frozen=True)
class Proof:
    """A step that was done earlier; `wrong` says what has changed since, or is empty."""

    runbook: str
    step: str
    wrong: str

    def __str__(self) -> str:
        return (
            f"{self.step}: done earlier, {f'and no longer so: {self.wrong}' if self.wrong else 'verified'}."
        )


def verify(here: Target, run: Run) -> list[Proof]:
    """Verify the steps of this run that no later step undid."""
    with aws_calls.purpose("verify"):
        return [Proof(runbook, step, _wrong(here, step)) for step, runbook in standing(run).items()]


def standing(run: Run) -> dict[str, str]:
    """Return the steps that can be proved and that stand: step -> runbook, in the order of their ends.

    A step stands until one that undoes it begins (`steps.UNDONE_BY`): a teardown that was cut off goes on,
    and what it deleted is not made again for it.
    """
    found: dict[str, str] = {}
    for line in run.lines():
        if not line["mutating"]:
            continue
        for step in PROOFS:
            if line["step"] in steps.UNDONE_BY[step]:
                found.pop(step, None)
        if line["step"] in PROOFS and line["phase"] == DONE:
            found[line["step"]] = line["runbook"]
    return found


def _wrong(here: Target, step: str) -> str:
    """Return a clause on what has changed since a step, or ""."""
    try:
        return PROOFS[step](here)
    except DrError as error:
        return error.message.rstrip(".")
    except (BotoCoreError, ClientError) as error:
        return f"it cannot be seen: {type(error).__name__}"


def _deployed(here: Target) -> str:
    """The stack's state is complete, and its table answers."""
    latch.read(here, stack.current(here))
    return ""


def _destroyed(here: Target) -> str:
    left = len(stack.leftovers(here))
    return f"{left} things bear the stack's name" if left else ""


def _restored(here: Target) -> str:
    down = ", ".join(sorted(here.faults()))
    return f"{down} is broken" if down else ""


def _latched(here: Target) -> str:
    return "" if latch.read(here, stack.current(here)).is_set else "the latch is released"


def _released(here: Target) -> str:
    return "the latch is set" if latch.read(here, stack.current(here)).is_set else ""


def _armed(here: Target) -> str:
    held = latch.read(here, stack.current(here)).hold_until is not None
    return _released(here) or ("a release holds the latch open" if held else "")


PROOFS: dict[str, Callable[[Target], str]] = {
    steps.DEPLOY: _deployed,
    steps.DESTROY: _destroyed,
    steps.RESTORE: _restored,
    steps.SET_LATCH: _latched,
    steps.RELEASE_LATCH: _released,
    steps.ARM_LATCH: _armed,
}


def require_stack(run: Run, proofs: list[Proof]) -> None:
    """Check that the stack still exists if the run must reconcile payments.

    Raises:
        StepFailed: the stack is gone.
    """
    gone = [proof for proof in proofs if proof.step == steps.DEPLOY and proof.wrong]
    if gone and run.done(steps.INJECT, runbook=DRILL):
        raise StepFailed(
            f"What {run.run_id} deployed is no longer there: {gone[0].wrong}. Its payments are gone with it.",
            remedy="Start a new drill.",
        )


def find_target(run: Run) -> Target:
    """Return the target of a stored run.

    Raises:
        StepFailed: the sandbox of the run is gone.
    """
    gone = StepFailed(
        f"The sandbox that {run.run_id} ran in is gone, and its stack with it.",
        remedy="Start a new drill. What the run measured before stays in its folder.",
    )
    try:
        here = target.open(run.settings, start=False)
    except SandboxError:
        raise gone from None
    if run.world != here.instance_id:
        raise gone
    return here


def is_deployed(here: Target) -> bool:
    """Return whether the complete stack is deployed."""
    try:
        stack.current(here)
    except StepFailed:
        return False
    return True


def cut_short(run: Run) -> str:
    """Return a sentence, and note it in the journal, if the drill was cut off after its fault; else ""."""
    mine = run.as_runbook(DRILL)
    if mine.done(RUNBOOK) or not inject.spent(mine):
        return ""
    mine.note(RUNBOOK, FAILED, detail={"error": StepFailed.__name__, "message": f"It {CUT}"})
    return f"{DRILL} {CUT}"
