"""What is killed, and when: every boundary of a step that changes something, and instants drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

MOVE = ("30-drill-failover", "40-failback", "70-report")  # on a stack that is there before and after
BUILD = ("10-deploy", "80-teardown")
STEPS = {
    MOVE: (
        ("30-drill-failover", "inject"),
        ("30-drill-failover", "restore"),
        ("40-failback", "release latch"),
        ("40-failback", "arm latch"),
        *((name, "runbook") for name in MOVE),
    ),
    BUILD: (("10-deploy", "deploy"), ("80-teardown", "destroy")),
}
PHASES = ("intent", "done")
VICTIMS = ("all", "runner", "kernel")
ON_ONE_STACK = 12  # kills that are sorted by their kind: between two kinds, a stack is built or torn down


@dataclass(frozen=True)
class Kill:
    """When a drill of some runbooks is killed, and what of it.

    Attributes:
        names: the drill's runbooks.
        victim: one of `VICTIMS`.
        boundary: just after this line of the journal: runbook, step, phase. If None, at an instant.
        share: the instant, as a share of the time that an undisturbed drill takes.
    """

    names: tuple[str, ...]
    victim: str
    boundary: tuple[str, str, str] | None = None
    share: float = 0.0

    def __str__(self) -> str:
        when = " ".join(self.boundary) if self.boundary else f"{self.names[0]} at {self.share:.4f}"
        return f"{when}, {self.victim}"


def boundaries() -> Iterator[Kill]:
    """Every boundary of a step that changes something, and of every runbook of a move."""
    found = [(names, (*step, phase)) for names, steps in STEPS.items() for step in steps for phase in PHASES]
    for number, (names, boundary) in enumerate(found):
        yield Kill(names, VICTIMS[number % len(VICTIMS)], boundary=boundary)


def drawn(count: int, seed: int) -> Iterator[Kill]:
    """Draw instants, three of four in a move, and who is killed."""
    rng = random.Random(seed)
    for number in range(count):
        names = BUILD if number % 4 == 3 else MOVE
        yield Kill(names, rng.choice(VICTIMS), share=rng.uniform(0.02, 0.95))


def plan(count: int, seed: int, *, part: tuple[int, int] = (1, 1), only: str = "") -> list[Kill]:
    """Return what is to be killed, mixed, so that those who stop early have seen some of each.

    Args:
        count: of instants.
        seed: draws them, and mixes.
        part: which part of how many; the parts together are the whole.
        only: of all kills, those whose line holds this.
    """
    found = [*boundaries(), *drawn(count, seed)]
    random.Random(seed).shuffle(found)
    mine = [kill for kill in found[part[0] - 1 :: part[1]] if only in str(kill)]
    batches = (mine[start : start + ON_ONE_STACK] for start in range(0, len(mine), ON_ONE_STACK))
    return [kill for batch in batches for kill in sorted(batch, key=lambda one: one.names, reverse=True)]
