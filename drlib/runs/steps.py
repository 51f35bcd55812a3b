"""The steps that change something: their names, the steps that undo each, and what a repeated run does.

A step whose last phase is `done` is verified and skipped. A step with an intent and no end was cut off: it is
verified, or done again. The cell reports which, in words that do not vary between runs.

| step | verified by | if the step is repeated |
|---|---|---|
| deploy | the plan has no change | the engine creates what is missing |
| inject | - | never: a run has one fault, because its recovery is measured once |
| restore | no fault is in force | it restores again, which is not an error |
| set latch, release latch, arm latch | the latch in the standby's table | it is written again if it differs |
| announce again | a worker drops settled payments | only payments that still wait are announced |
| fence, lift fence | the fence in its region's table | the fence is lifted, and the move starts again |
| destroy | no resource has the stack's name | the engine removes what is left |
"""

from __future__ import annotations

from collections.abc import Mapping

from drlib.runs.run import DONE, FAILED, INTENT, Run
from drlib.show.output import say

CUT = "cut off"

DEPLOY, DESTROY = "deploy", "destroy"
INJECT, RESTORE = "inject", "restore"
SET_LATCH, RELEASE_LATCH, ARM_LATCH = "set latch", "release latch", "arm latch"
ANNOUNCE_AGAIN = "announce again"
FENCE, LIFT_FENCE = "fence", "lift fence"

UNDONE_BY: Mapping[str, frozenset[str]] = {
    DEPLOY: frozenset({DESTROY}),
    DESTROY: frozenset({DEPLOY}),
    INJECT: frozenset(),  # a run has one fault, also after its restore
    RESTORE: frozenset({INJECT}),
    SET_LATCH: frozenset({RELEASE_LATCH}),
    RELEASE_LATCH: frozenset({SET_LATCH, INJECT}),  # a failover sets the latch too
    ARM_LATCH: frozenset({SET_LATCH, RELEASE_LATCH, INJECT}),
    ANNOUNCE_AGAIN: frozenset(),  # a sent message cannot be recalled
    FENCE: frozenset({LIFT_FENCE}),
    LIFT_FENCE: frozenset({FENCE}),
}
"""Every step that changes something -> the steps, of any runbook, that undo it.

A step counts as undone when the intent of one of these is written: from then on its effect is uncertain.
"""


def earlier(run: Run, step: str) -> str:
    """Return how a step ended earlier in this run: done, failed or cut off; "" if it is new or undone.

    Args:
        run: the run, for the runbook of the step.
        step: its name, a key of `UNDONE_BY`.
    """
    found = ""
    for line in run.lines({step, *UNDONE_BY[step]}):
        if line["step"] in UNDONE_BY[step]:
            found = ""
        elif line["runbook"] == run.runbook:
            found = CUT if line["phase"] == INTENT else line["phase"]
    return found


def skipped(run: Run, step: str, *, wrong: str, resource: str = "") -> bool:
    """Report how a repeated step ended earlier; return whether it is already done and can be skipped.

    Args:
        run, step: as in `earlier`.
        wrong: how the present state differs from the result of the step; empty if it does not differ.
        resource: the resource that it acts on.
    """
    before = earlier(run, step)
    if not before:
        return False
    if wrong:
        ended = "done earlier, and no longer so" if before == DONE else f"{_word(before)} earlier"
        say(f"{step}: {ended}: {wrong}. It is done again.")
        return False
    if before == DONE:
        run.note(f"verify {step}", resource=resource)
        say(f"{step}: done earlier, verified.")
    else:
        run.note(step, mutating=True, resource=resource, detail={"found_done_after": before})
        say(f"{step}: {_word(before)} earlier, and found done. It is not done again.")
    return True


def _word(phase: str) -> str:
    return "failed" if phase == FAILED else phase
