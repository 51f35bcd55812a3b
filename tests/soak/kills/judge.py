"""What a drill begins with, and what must be true after it: nothing else than after an undisturbed one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from drlib.checks import steady_state
from drlib.evidence import evidence
from drlib.evidence.audit import audit
from drlib.faults import restore
from drlib.runner import resume
from drlib.runs import journal, steps
from drlib.runs.approval import approve
from drlib.runs.run import DONE, Run
from drlib.stack import stack
from drlib.target.base import Target
from tests.soak.kills.plan import BUILD, MOVE

READY_SECONDS = 1200.0  # modelled


def prepare(here: Target, names: tuple[str, ...]) -> None:
    """Have the stack that a drill of these runbooks begins with: one that is ready, or none.

    One that does not become ready, as a kill before this one left it, is torn down and built anew.
    """
    approval = approve(here.settings, "kills")
    if names == BUILD:
        stack.destroy(here, approval)
        return
    if resume.is_deployed(here) and not _unready(here):
        return
    stack.destroy(here, approval)
    made = stack.up(here, approval)
    here.clock.wait_until(lambda: not steady_state.steady_state(here, made).failed, timeout=READY_SECONDS)
    if _unready(here):
        steady_state.drill_ready(here, made).require()


def wrong(here: Target, run: Run, names: tuple[str, ...]) -> list[str]:
    """Return what is not as after an undisturbed run."""
    state = _left(here) if names == BUILD else _unready(here)
    return [*_faults(here), *_twice(run), *_proof(run), *state]


def _faults(here: Target) -> Iterator[str]:
    if here.faults() or restore.pending(here):
        yield f"a fault is left: {', '.join(here.faults())}"


def _twice(run: Run) -> Iterator[str]:
    """A step that was done is done once; one that was cut off may be begun again. Mending may be repeated."""
    done = Counter(
        (line["runbook"], line["step"])
        for line in journal.lines(run.folder)
        if line["mutating"] and line["phase"] == DONE and "found_done_after" not in line["detail"]
    )
    for (name, step), count in done.items():
        if count > 1 and (name, step) != (resume.DRILL, steps.RESTORE):
            yield f"{name}, {step}: done {count} times"


def _proof(run: Run) -> Iterator[str]:
    """The evidence verifies; the verdict of a move is passed, or says that it was cut off in its fault."""
    yield from audit.verify(run.folder).wrong
    found = evidence.load(run.folder)
    moved = MOVE[0] in {line["runbook"] for line in journal.lines(run.folder)}
    cut = any(resume.CUT in reason for reason in found.reasons)
    if moved and found.verdict != "passed" and not cut:
        yield f"the verdict is {found.verdict}: {' '.join(found.reasons)}"


def _left(here: Target) -> Iterator[str]:
    for one in stack.leftovers(here):
        yield f"left: {one.kind} {one.name}"


def _unready(here: Target) -> list[str]:
    """Return what keeps the stack from the next drill; alarms and checkers are given the time they need."""
    deployment = stack.current(here)
    found = steady_state.drill_ready(here, deployment)

    def ready() -> bool:
        nonlocal found
        found = steady_state.drill_ready(here, deployment)
        return not found.failed

    if found.failed:
        here.clock.wait_until(ready, timeout=READY_SECONDS, poll=20)
    return [f"{row.name}: {row.detail}" for row in found.failed]
