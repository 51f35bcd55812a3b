"""A scenario's hypothesis, judged by what was measured: one clause at a time.

    judged = hypothesis.judge(planned, sightings)

The scenario's file contains the expectation, which is stored before the injection. The observations are
stored after the drill. The result depends on these two alone, so an auditor can repeat it. A clause is open
until its measurements exist: payments are counted in the failback.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from drlib.faults.scenario import Scenario
from drlib.show.output import Table
from drlib.show.shown import Shown

LATER = "counted in the failback"


@dataclass(frozen=True)
class OperatorAct(Shown):
    """What the operator did in a drill. Instants are modelled seconds since the epoch, or None.

    Attributes:
        did: in words.
        noticed_at: when the operator detected the fault.
        acted_at: when the operator moved the traffic.
        refused: why the failover was refused; empty if it was not refused or not tried.
    """

    did: str = "only watches"
    noticed_at: float | None = None
    acted_at: float | None = None
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"The operator {self.did}"

    def html(self) -> str:
        because = f": {'; '.join(self.refused)}" if self.refused else ""
        return f"{self}{because}"


@dataclass(frozen=True)
class Sightings:
    """What was seen after a fault. Durations are modelled seconds from the fault on.

    Attributes:
        primary: the region that served before.
        answers: the region that the public name resolved to, and since when.
        moved_seconds: when the clients that obey the TTL were served by the standby; None if they were not.
        moved_by: `route53` or `operator`, or empty if the traffic stayed.
        detected: when each witness detected the fault; None if it did not.
        both_served: payments that the primary took after the standby had taken its first.
        cold_seconds: duration of the first payment at the standby if it was a cold start, or None.
        refused: why the failover was refused.
        latest_seconds: the latest recovery that the prediction allows, or None.
    """

    primary: str
    answers: Sequence[tuple[float, str]]
    moved_seconds: float | None
    moved_by: str
    detected: Mapping[str, float | None]
    both_served: int
    cold_seconds: float | None
    refused: Sequence[str]
    latest_seconds: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-like data."""
        return asdict(self)


@dataclass(frozen=True)
class Clause:
    """One expectation, its observation, and whether it holds: None if this is not known yet."""

    name: str
    expected: str
    seen: str
    holds: bool | None

    @property
    def word(self) -> str:
        """yes, no or open."""
        return {True: "yes", False: "no", None: "open"}[self.holds]


@dataclass(frozen=True)
class Judged(Shown):
    """A hypothesis, clause by clause."""

    name: str
    clauses: tuple[Clause, ...]

    @property
    def broken(self) -> list[Clause]:
        """The clauses that do not hold."""
        return [clause for clause in self.clauses if clause.holds is False]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the clauses as JSON-like data."""
        return [asdict(clause) for clause in self.clauses]

    def table(self) -> Table:
        """Return a row for each clause; what was seen is in the html alone."""
        rows = [(one.name, one.expected, one.seen, one.word) for one in self.clauses]
        return Table((self.name, "expected", "seen", "holds"), rows, varying=("seen",))

    def __str__(self) -> str:
        return str(self.table())

    def html(self) -> str:
        return self.table().html()


def judge(planned: Scenario, seen: Sightings, rpo: Mapping[str, Any] | None = None) -> Judged:
    """Judge a scenario's hypothesis.

    Args:
        planned: what was broken, and what was expected.
        seen: what followed.
        rpo: the counts of payments, as in evidence.json; None before the count.
    """
    clauses = (*_traffic(planned, seen), *_detection(planned, seen), *_counts(planned, rpo or {}))
    return Judged(planned.name, clauses)


def _traffic(planned: Scenario, seen: Sightings) -> Iterator[Clause]:
    expect = planned.expect
    led = [region for _, region in seen.answers]
    away = next((number for number, region in enumerate(led) if region != seen.primary), len(led))
    if seen.moved_seconds is None:
        traffic = "stayed" if away == len(led) else "the name turned, and the clients did not follow"
    elif seen.primary in led[away:]:
        traffic = "moved, and back again"
    else:
        traffic = f"moved after {seen.moved_seconds:.0f} s"
    if planned.moves:
        moved = seen.moved_seconds is not None and away < len(led) and seen.primary not in led[away:]
        yield Clause("traffic", "moves, once", traffic, moved)
        yield Clause("moved by", expect.moved_by, seen.moved_by or "nobody", seen.moved_by == expect.moved_by)
    else:
        stayed = seen.moved_seconds is None and bool(led) and away == len(led)
        yield Clause("traffic", "stays", traffic, stayed)
    if expect.both_serve:
        yield Clause(
            "both regions serve", "for a while", f"{seen.both_served} payments", seen.both_served > 0
        )
    if expect.cold_start:
        duration = "not met" if seen.cold_seconds is None else f"{seen.cold_seconds:.1f} s"
        yield Clause("a cold start", "is met", duration, seen.cold_seconds is not None)
    if expect.guard:
        yield Clause(
            "failing over", expect.guard, "; ".join(seen.refused) or "not refused", bool(seen.refused)
        )


def _detection(planned: Scenario, seen: Sightings) -> Iterator[Clause]:
    expect = planned.expect
    if expect.detected_by != "nobody":
        at = seen.detected.get(expect.detected_by)
        limit = seen.latest_seconds if expect.within == "predicted" else expect.within
        in_time = at is not None and limit is not None and at <= limit
        within = "the predicted time" if expect.within == "predicted" else f"{expect.within:g} s"
        yield Clause(f"seen by {expect.witness}", f"within {within}", _after(at), in_time)
    for witness in expect.unseen_by:
        at = seen.detected.get(witness)
        yield Clause(f"seen by {witness}", "not at all", _after(at), at is None)


def _counts(planned: Scenario, rpo: Mapping[str, Any]) -> Iterator[Clause]:
    for name in ("lost", "duplicated", "stranded", "rejected"):
        expected, number = str(getattr(planned.expect, name)), rpo.get(name)
        if number is None:
            yield Clause(name, expected, LATER, None)
        elif expected == "explained":
            unexplained = rpo.get("unexplained_duplicates", 0)
            yield Clause(name, expected, f"{number}, {unexplained} of them not", unexplained == 0)
        elif expected == "listed":
            ids = rpo.get("payment_ids", {}).get(name, ())
            yield Clause(name, expected, f"{number}, {len(ids)} named", len(ids) == number)
        else:
            yield Clause(
                name, expected, f"{number}", number <= planned.expect.lost if name == "lost" else not number
            )


def _after(at: float | None) -> str:
    return "not at all" if at is None else f"after {at:.0f} s"
