"""When clients switch to the standby: a simulation of faults at every point of a cohort's cycle.

The result depends on which client's answer expires last, and on the attempt at which the client resolves the
name again. So the attempts of a cohort are simulated for `FAULT_PHASES` faults, evenly spread over the period
of the cohort's pattern. All durations are modelled seconds after the fault.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from drlib.payments.cohorts import resolver_early_seconds
from drlib.payments.pace import Beat, renewal_turns

FAULT_PHASES = 239  # a prime number, so that no client rhythm coincides with it


@dataclass(frozen=True)
class Outage:
    """An outage as clients experience it. Durations in modelled seconds.

    Attributes:
        changed_seconds: from the fault until DNS answers with the standby.
        give_seconds: the possible error of `changed_seconds`, in both directions.
        ttl_seconds: how long a client uses an answer.
        failing_seconds: duration of a failed attempt.
        answer_seconds: duration of a successful attempt.
        silent: open connections do not break, so a client detects the outage by an attempt that times out.
    """

    changed_seconds: float
    give_seconds: float
    ttl_seconds: float
    failing_seconds: float
    answer_seconds: float
    silent: bool = False


@dataclass(frozen=True)
class Foreseen:
    """The predicted durations of a cohort: means over all faults, and the range of the last client."""

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
    """Summarise a simulation: `plays` has, for each fault, the times of all clients (at least one)."""
    rows = list(plays)
    last = [max(times) for times in rows]

    def mean(share: float) -> float:
        return sum(percentile(times, share) or 0.0 for times in rows) / len(rows)

    return Foreseen(mean(0.5), mean(0.95), mean(1.0), min(last) - give_seconds, max(last) + give_seconds)


def obeying(cohort: Sequence[Beat], outage: Outage) -> Iterator[list[float]]:
    """Simulate clients that resolve the name again at the attempt nearest to the end of their answer."""
    period = _period(cohort, outage)
    for fault in _faults(period):
        changed = fault + outage.changed_seconds
        yield [_turn(beat, changed=changed, period=period) - fault + outage.answer_seconds for beat in cohort]


def keeping(cohort: Sequence[Beat], outage: Outage) -> Iterator[list[float]]:
    """Simulate clients that keep their connection until the fault breaks it.

    Their DNS answer has expired, so they resolve the name at the next attempt and then obey its TTL.
    """
    for fault in _faults(cohort[0].interval_seconds):
        yield [_reconnected(beat, fault, outage) - fault + outage.answer_seconds for beat in cohort]


def behind(cohort: Sequence[Beat], outage: Outage, *, kept_seconds: float) -> Iterator[list[float]]:
    """Simulate clients of one resolver, which caches each answer for `kept_seconds`.

    It resolves the name at the first attempt at the end of that time, and all clients switch with their next
    attempt.
    """
    step = cohort[0].interval_seconds / len(cohort)
    period = step * max(1, math.ceil((kept_seconds - resolver_early_seconds(list(cohort))) / step - 1e-9))
    for fault in _faults(period):
        renewed = math.ceil((fault + outage.changed_seconds) / period) * period
        yield [renewed + number * step - fault + outage.answer_seconds for number in range(len(cohort))]


def first_of_streak(cohort: Sequence[Beat], outage: Outage, *, length: int) -> Iterator[float]:
    """Yield, for each fault, the seconds until the start of the first of `length` successes in a row."""
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
    """Return the seconds between two DNS requests of a client, a multiple of its attempt interval."""
    interval = cohort[0].interval_seconds
    return interval * renewal_turns(interval_seconds=interval, ttl_seconds=outage.ttl_seconds)


def _faults(period: float) -> Iterator[float]:
    return (period * (number + 0.5) / FAULT_PHASES for number in range(FAULT_PHASES))


def _turn(beat: Beat, *, changed: float, period: float) -> float:
    """Return the start of the attempt at which a client first resolves the name after the change."""
    return beat.first_renewal_seconds + math.ceil((changed - beat.first_renewal_seconds) / period) * period


def _slots(beat: Beat, *, after: float, until: float) -> Iterator[float]:
    slot = beat.next_after(after)
    while slot < until:
        yield slot
        slot += beat.interval_seconds


def _reconnected(beat: Beat, fault: float, outage: Outage) -> float:
    """Return the start of the first attempt of a client that reaches the standby."""
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
    raise AssertionError("every client switches in the end, and makes enough attempts after that")
