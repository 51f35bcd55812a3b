"""Availability by region: the share of the payments to each region that were accepted, in each phase.

No region answers a failed payment. It counts for the region of the address that it was sent to, if answers to
other payments show that region.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from drlib.core import samples
from drlib.payments import ledger
from drlib.payments.ledger import Attempt

SLICES = 60
UNKNOWN = "no region known"
FULL, SOME, NONE, IDLE = "full", "some", "none", "idle"


class Share(NamedTuple):
    """The number of payments sent, and the number accepted."""

    sent: int
    accepted: int

    @property
    def percent(self) -> str:
        return f"{100.0 * self.accepted / self.sent:.1f} %" if self.sent else "-"


class Region(NamedTuple):
    """A region: the state of each slice of time, and the share in each phase."""

    name: str
    slices: list[str]
    shares: list[Share]


class Availability(NamedTuple):
    """The names of the phases, the regions, and the length of the whole period."""

    phases: list[str]
    regions: list[Region]
    seconds: float


def availability(folder: Path, evidence: Mapping[str, Any]) -> Availability | None:
    """Return the availability of the regions in a run; None if the run has no payments."""
    file = folder / ledger.FILE
    rows = ledger.table(samples.read(file)) if file.is_file() else []
    if not rows:
        return None
    bounds = _phases(evidence)
    addresses = {row.address: row.region for row in rows if row.region and row.address}
    placed = [(row.region or addresses.get(row.address, UNKNOWN), row) for row in rows]
    start, end = min(row.started_at for row in rows), max(row.finished_at for row in rows)
    names = sorted({name for name, _ in placed}, key=lambda name: (name == UNKNOWN, name))
    regions = []
    for name in ["all payments", *names]:
        own = [row for where, row in placed if name in (where, "all payments")]
        shares = [_share(row for row in own if low <= row.finished_at < high) for _, low, high in bounds]
        regions.append(Region(name, _slices(own, start=start, end=end), shares))
    return Availability([phase for phase, _, _ in bounds], regions, end - start)


def _phases(evidence: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Return the phases of a run: name, start, end."""
    ever = float("inf")
    restore, measured = evidence["restore"], evidence["rto"]["measured_seconds"]
    if restore is None:
        return [("all the time", -ever, ever)]
    fault = restore["injected_at"]
    if measured is None:
        return [("before the fault", -ever, fault), ("after it", fault, ever)]
    back = fault + measured
    return [
        ("before the fault", -ever, fault),
        ("fault to recovery", fault, back),
        ("after recovery", back, ever),
    ]


def _share(rows: Iterable[Attempt]) -> Share:
    outcomes = [row.outcome for row in rows]
    return Share(len(outcomes), outcomes.count("ok"))


def _slices(rows: Sequence[Attempt], *, start: float, end: float) -> list[str]:
    width = max(end - start, 1e-9) / SLICES
    found: list[list[bool]] = [[] for _ in range(SLICES)]
    for row in rows:
        found[min(SLICES - 1, int((row.finished_at - start) / width))].append(row.outcome == "ok")
    return [IDLE if not good else FULL if all(good) else SOME if any(good) else NONE for good in found]
