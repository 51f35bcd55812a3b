"""What a drill begins with, and what must be true after it: nothing else than after an undisturbed one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from drlib import audit, chain, checks, evidence, faults, journal, proofs, resume, stack
from drlib.target import Target
from tests.soak.kills.plan import BUILD, MOVE

READY_SECONDS = 1200.0  # modelled


def prepare(here: Target, names: tuple[str, ...]) -> None:
    """Have the stack that a drill of these runbooks begins with: one that is ready, or none.

    One that does not become ready, as a kill before this one left it, is torn down and built anew.
    """
    approval = journal.approve(here.settings, "kills")
    if names == BUILD:
        stack.destroy(here, approval)
        return
    if proofs.is_deployed(here) and not _unready(here):
        return
    stack.destroy(here, approval)
    made = stack.up(here, approval)
    here.clock.wait_until(lambda: not checks.steady_state(here, made).failed, timeout=READY_SECONDS)
    if _unready(here):
        checks.drill_ready(here, made).require()


def wrong(here: Target, run: journal.Run, names: tuple[str, ...]) -> list[str]:
    """Return what is not as after an undisturbed run."""
    state = _left(here) if names == BUILD else _unready(here)
    return [*_faults(here), *_twice(run), *_proof(run), *state]


def _faults(here: Target) -> Iterator[str]:
    if here.faults() or faults.pending(here):
        yield f"a fault is left: {', '.join(here.faults())}"


def _twice(run: journal.Run) -> Iterator[str]:
    """A step that was done is done once; one that was cut off may be begun again. Mending may be repeated."""
    done = Counter(
        (line["runbook"], line["step"])
        for line in chain.lines(run.folder)
        if line["mutating"] and line["phase"] == journal.DONE and "found_done_after" not in line["detail"]
    )
    for (name, step), count in done.items():
        if count > 1 and (name, step) != (proofs.DRILL, resume.RESTORE):
            yield f"{name}, {step}: done {count} times"


def _proof(run: journal.Run) -> Iterator[str]:
    """The evidence verifies; the verdict of a move is passed, or says that it was cut off in its fault."""
    yield from audit.verify(run.folder).wrong
    found = evidence.load(run.folder)
    moved = MOVE[0] in {line["runbook"] for line in chain.lines(run.folder)}
    cut = any(proofs.CUT in reason for reason in found.reasons)
    if moved and found.verdict != "passed" and not cut:
        yield f"the verdict is {found.verdict}: {' '.join(found.reasons)}"


def _left(here: Target) -> Iterator[str]:
    for one in stack.leftovers(here):
        yield f"left: {one.kind} {one.name}"


def _unready(here: Target) -> list[str]:
    """Return what keeps the stack from the next drill; alarms and checkers are given the time they need."""
    deployment = stack.current(here)
    found = checks.drill_ready(here, deployment)

    def ready() -> bool:
        nonlocal found
        found = checks.drill_ready(here, deployment)
        return not found.failed

    if found.failed:
        here.clock.wait_until(ready, timeout=READY_SECONDS, poll=20)
    return [f"{row.name}: {row.detail}" for row in found.failed]
