"""How long clients waited without a fault: whether the machine keeps up with the clock.

The sandbox computes in real time, and each second counts as `time_scale` modelled seconds. On a machine that
is busy or too slow, clients wait for the machine, and the run measures the machine instead of the design.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drlib.core import samples
from drlib.payments import ledger
from drlib.payments.ledger import Attempt

LONGEST_SECONDS = 3.0
"""A median above this, in modelled seconds, comes from the machine. If the sandbox keeps up, it is 0.5 to
1.2 s; from some 4 s on, a recovery time could be more than 10 % off its prediction (150 seeded drills)."""


@dataclass(frozen=True)
class Waits:
    """How long payments took, answered or timed out, without a fault.

    Attributes:
        median_seconds: modelled seconds, from the start of an attempt to its end.
        payments: number of payments.
        scale: the `time_scale` of the clock.
    """

    median_seconds: float
    payments: int
    scale: float

    @property
    def too_long(self) -> bool:
        """Whether the machine did not keep up; always False at scale 1, where time is not modelled."""
        return self.scale > 1.0 and self.median_seconds > LONGEST_SECONDS

    @property
    def figures(self) -> str:
        """The median in words."""
        return f"half of {self.payments} payments took {self.median_seconds:.1f} s or longer"

    @property
    def warning(self) -> str:
        """A warning with its remedy if the machine did not keep up, or an empty text."""
        if not self.too_long:
            return ""
        return (
            f"This machine did not keep up: while nothing was broken, {self.figures}. The times of this run "
            f"are the machine's as much as the design's; take a time_scale below {self.scale:g}, such as "
            f"{max(1.0, self.scale / 2):g}, or a longer attempt_interval_seconds, or leave the machine "
            "to the drill alone."
        )


def of(attempts: Iterable[Attempt], *, scale: float) -> Waits | None:
    """Return how long attempts took, those apart that failed or were refused; None if no other is there."""
    took = [row.finished_at - row.started_at for row in attempts if row.outcome in ("ok", "indeterminate")]
    return Waits(statistics.median(took), len(took), scale) if took else None


def of_run(folder: Path, evidence: Mapping[str, Any]) -> Waits | None:
    """Return how long a run's payments took, before its fault and after the restore; None without any.

    Args:
        folder: the run's.
        evidence: its `restore` and its `time_scale`, as they stand in evidence.json.
    """
    file = folder / ledger.FILE
    rows = ledger.table(samples.read(file)) if file.is_file() else []
    restore = evidence["restore"]
    if restore is not None:
        healed = restore["restored_at"] or float("inf")
        rows = [row for row in rows if row.finished_at < restore["injected_at"] or row.started_at > healed]
    return of(rows, scale=evidence["time_scale"])
