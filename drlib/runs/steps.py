"""The steps that change something: their names, what undoes each, and what a run does that meets one again.

A step whose last line is `done` is verified and skipped. One that has an intent and no end was cut off: it is
verified, or done again. The run says which. The words are the same on every run, so that a cell's output can
be compared.

| step | proof | met again |
|---|---|---|
| deploy | the plan has no change | the engine makes what is missing |
| inject | - | never: a run has one fault, since its recovery is measured once |
| restore | nothing is in force | restored again: mending twice is no error |
| set latch, release latch, arm latch | the latch, read in the standby | written again, if it is otherwise |
| announce again | a worker drops what is settled | announced again: what still waits, and nothing else |
| fence, lift fence | the fence, read in its region | the fence is lifted, and the move begins again |
| destroy | nothing bears the stack's name | the engine removes what is left |
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
    INJECT: frozenset(),  # a run has one fault, and the restore does not make room for a second one
    RESTORE: frozenset({INJECT}),
    SET_LATCH: frozenset({RELEASE_LATCH}),
    RELEASE_LATCH: frozenset({SET_LATCH, INJECT}),  # payments that fail over set the latch as well
    ARM_LATCH: frozenset({SET_LATCH, RELEASE_LATCH, INJECT}),
    ANNOUNCE_AGAIN: frozenset(),  # a message that was sent cannot be taken back
    FENCE: frozenset({LIFT_FENCE}),
    LIFT_FENCE: frozenset({FENCE}),
}
"""Every step that changes something -> the steps, of any runbook, that undo it.

A step is undone as soon as one of these begins, which is when its intent is written: from then on nobody
knows what is left of it.
"""


def earlier(run: Run, step: str) -> str:
    """Return how a step of this runbook ended earlier in this run: done, failed, cut off, or "" if it is new.

    A step that was undone since then is new.

    Args:
        run: as the runbook joined it.
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
    """Say what became of a step that this run has met before; return whether it need not be done again.

    Args:
        run, step: as in `earlier`.
        wrong: a clause on what is otherwise than the step would leave it; empty if nothing is.
        resource: what it acts on.
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
