"""When clients turn to the standby, played out for faults at every point of a cohort's cycle.

A formula would hide what matters: whose answer ends last, and at which of its attempts a client learns of it.
So the attempts of a cohort are gone through, for each of `FAULT_PHASES` faults that are evenly spread over
the time after which the cohort's pattern repeats. All durations are modelled seconds after the fault.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from drlib.payments.cohorts import resolver_early_seconds
from drlib.payments.pace import Beat, renewal_turns

FAULT_PHASES = 239  # a prime: no rhythm of the clients' is met at the same point each time


@dataclass(frozen=True)
class Outage:
    """What the clients meet.

    DNS answers with the standby `changed_seconds` after the fault, give or take `give_seconds`. An answer is
    used for `ttl_seconds`. An attempt that fails takes `failing_seconds`, one that succeeds `answer_seconds`.
    In a `silent` outage an open connection does not break: a client learns of it by an attempt that hangs.
    """

    changed_seconds: float
    give_seconds: float
    ttl_seconds: float
    failing_seconds: float
    answer_seconds: float
    silent: bool = False


@dataclass(frozen=True)
class Foreseen:
    """How long the clients of a cohort should take: means over all faults, and the extremes of the last."""

    p50_seconds: float
    p95_seconds: float
    max_seconds: float
    earliest_seconds: float
    latest_seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {name: round(seconds, 3) for name, seconds in vars(self).items()}


def percentile(times: Sequence[float], share: float) -> float | None:
    """Return the smallest of `times` that at least `share` of them do not exceed; None if there are none."""
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)] if times else None


def foresee(plays: Iterable[Sequence[float]], *, give_seconds: float) -> Foreseen:
    """Sum up what was played out: for each fault the times of all clients, of which there is one at least."""
    rows = list(plays)
    last = [max(times) for times in rows]

    def mean(share: float) -> float:
        return sum(percentile(times, share) or 0.0 for times in rows) / len(rows)

    return Foreseen(mean(0.5), mean(0.95), mean(1.0), min(last) - give_seconds, max(last) + give_seconds)


def obeying(cohort: Sequence[Beat], outage: Outage) -> Iterator[list[float]]:
    """Play out clients that ask again at the attempt which is nearest to the end of their answer."""
    period = _period(cohort, outage)
    for fault in _faults(period):
        changed = fault + outage.changed_seconds
        yield [_turn(beat, changed=changed, period=period) - fault + outage.answer_seconds for beat in cohort]


def keeping(cohort: Sequence[Beat], outage: Outage) -> Iterator[list[float]]:
    """Play out clients whose connection breaks with the fault. Their answer ended long ago: they ask at the
    next attempt, and then obey what they get."""
    for fault in _faults(cohort[0].interval_seconds):
        yield [_reconnected(beat, fault, outage) - fault + outage.answer_seconds for beat in cohort]


def behind(cohort: Sequence[Beat], outage: Outage, *, kept_seconds: float) -> Iterator[list[float]]:
    """Play out clients of one resolver, which keeps each answer for `kept_seconds`.

    It asks at the first attempt after that (or just before it), and all clients turn with their next attempt.
    """
    step = cohort[0].interval_seconds / len(cohort)
    period = step * max(1, math.ceil((kept_seconds - resolver_early_seconds(list(cohort))) / step - 1e-9))
    for fault in _faults(period):
        renewed = math.ceil((fault + outage.changed_seconds) / period) * period
        yield [renewed + number * step - fault + outage.answer_seconds for number in range(len(cohort))]


def first_of_streak(cohort: Sequence[Beat], outage: Outage, *, length: int) -> Iterator[float]:
    """Yield how long after the fault the first of `length` attempts in a row starts that all succeed."""
    period = _period(cohort, outage)
    for fault in _faults(period):
        changed = fault + outage.changed_seconds
        attempts = sorted(
            (slot, slot >= _turn(beat, changed=changed, period=period) - beat.interval_seconds / 2)
            for beat in cohort
            for slot in _slots(beat, after=fault, until=changed + 2 * period + length * beat.interval_seconds)
        )
        yield _first(attempts, length) - fault


def _period(cohort: Sequence[Beat], outage: Outage) -> float:
    """Return after how long a client asks again, in whole attempts."""
    interval = cohort[0].interval_seconds
    return interval * renewal_turns(interval_seconds=interval, ttl_seconds=outage.ttl_seconds)


def _faults(period: float) -> Iterator[float]:
    return (period * (number + 0.5) / FAULT_PHASES for number in range(FAULT_PHASES))


def _turn(beat: Beat, *, changed: float, period: float) -> float:
    """Return the attempt at which a client first asks after the change."""
    return beat.first_renewal_seconds + math.ceil((changed - beat.first_renewal_seconds) / period) * period


def _slots(beat: Beat, *, after: float, until: float) -> Iterator[float]:
    slot = beat.next_after(after)
    while slot < until:
        yield slot
        slot += beat.interval_seconds


def _reconnected(beat: Beat, fault: float, outage: Outage) -> float:
    """Return the attempt of one client that first reaches the standby."""
    changed = fault + outage.changed_seconds
    slot = beat.next_after(fault)
    if outage.silent:
        slot = beat.next_after(slot + outage.failing_seconds)
    expires_at = -math.inf
    while True:
        if slot >= expires_at - beat.interval_seconds / 2:
            if slot >= changed:
                return slot
            expires_at = slot + outage.ttl_seconds
        slot = beat.next_after(slot + outage.failing_seconds)


def _first(attempts: Sequence[tuple[float, bool]], length: int) -> float:
    row: list[float] = []
    for start, works in attempts:
        row = [*row, start] if works else []
        if len(row) == length:
            return row[0]
    raise AssertionError("every client turns in the end, and pays often enough after that")
