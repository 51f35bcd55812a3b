"""Steps that change something, met a second time: looked at, said aloud, and never silently done twice.

A step whose last line is `done` is verified and skipped. One whose intent stands alone was cut off: it is
found done, or done again. What is said is the same on every run, so that a cell's output can be compared.

| step | proof | met again |
|---|---|---|
| deploy | the plan has no change | the engine makes what is missing |
| inject | - | never: a run has one fault, since its recovery is measured once |
| restore | nothing is in force | restored again: mending twice is no error |
| set latch, release latch, arm latch | the latch, read in the standby | written again, if it is otherwise |
| announce again | a worker drops what is settled | what still waits, and nothing else |
| fence, lift fence | the fence, read in its region | lifted; the move begins again |
| destroy | nothing bears the stack's name | the engine removes what is left |
"""

from __future__ import annotations

from collections.abc import Collection

from drlib.record import DONE, FAILED, INTENT, Run
from drlib.show import say

CUT = "cut off"


def earlier(run: Run, step: str, *, undone_by: Collection[str] = ()) -> str:
    """Return how a step of this runbook ended earlier in this run: done, failed, cut off, or "" if it is new.

    Args:
        run: as the runbook joined it.
        step: its name.
        undone_by: steps, of any runbook, that take it back: what came before the last of them is over.
    """
    found = ""
    for line in run.lines({step, *undone_by}):
        if line["step"] in undone_by:
            found = "" if line["phase"] == DONE else found
        elif line["runbook"] == run.runbook:
            found = CUT if line["phase"] == INTENT else line["phase"]
    return found


def skipped(run: Run, step: str, *, wrong: str, resource: str = "", undone_by: Collection[str] = ()) -> bool:
    """Say what became of a step that this run has met before; return whether it need not be done again.

    Args:
        run, step, undone_by: as in `earlier`.
        wrong: a clause on what is otherwise than the step would leave it; empty if nothing is.
        resource: what it acts on.
    """
    before = earlier(run, step, undone_by=undone_by)
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
