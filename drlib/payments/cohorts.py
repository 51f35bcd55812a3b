"""Who pays: cohorts of clients, which differ in how long they stay with an address.

| cohort | asks for the address again |
|---|---|
| `obeys-ttl` | when its answer's TTL is over, for each payment a connection of its own |
| `keeps-connection` | when its one connection has broken |
| `pins-dns` | never: it resolved the name at its start, as a process does that caches for ever |
| `behind-caching-resolver` | for each payment, of a resolver that keeps answers longer than their TTL |

Such resolvers exist: BIND's `min-cache-ttl` takes up to 90 s (BIND 9 Administrator Reference Manual,
"Tuning"), which is the default of `resolver_floor_seconds`; others go further. How often the clients of each
cohort pay is in `limits.INTERVALS_A_PAYMENT`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drlib.core import limits
from drlib.core.errors import DrError
from drlib.payments.ledger import BEHIND_RESOLVER, KEEPS_CONNECTION, OBEYS_TTL, PINS_DNS
from drlib.payments.pace import Beat, beats
from drlib.target.https import Connection, NotSent

if TYPE_CHECKING:
    from drlib.parameters import Settings
    from drlib.target.base import Answer, Target

SETTING = {
    OBEYS_TTL: "ttl_clients",
    KEEPS_CONNECTION: "keepalive_clients",
    PINS_DNS: "pinned_clients",
    BEHIND_RESOLVER: "cached_clients",
}
# By how much of an interval each cohort's payments come later, so that the cohorts do not pay in step.
SHIFTS = {OBEYS_TTL: 0.0, KEEPS_CONNECTION: 0.25, PINS_DNS: 7 / 12, BEHIND_RESOLVER: 11 / 12}


class Cache:
    """A DNS answer and for how long it is used: a client's own, or that of a resolver which many ask.

    Args:
        ask: asks the name's own servers.
        scale: modelled seconds in a wall second; a DNS packet carries wall seconds.
        floor_seconds: how long an answer is kept at least, whatever its TTL; infinite for ever. Modelled.
        early_seconds: so much before its end an answer is renewed, so that this happens at the attempt which
            is nearest to it: the period of renewal is then a known whole number of attempts.
    """

    def __init__(
        self, ask: Callable[[], Answer], *, scale: float, floor_seconds: float, early_seconds: float
    ) -> None:
        self.expires_at = math.inf
        self._ask = ask
        self._scale = scale
        self._floor_seconds = floor_seconds
        self._early_seconds = early_seconds
        self._address = ""
        self._lock = threading.Lock()

    def prime(self, answer: Answer, *, expires_at: float) -> Cache:
        """Hold an answer that came earlier, until the instant `expires_at`; return itself."""
        self._address, self.expires_at = answer.address, expires_at
        return self

    def address(self, slot: float) -> str:
        """Return the address to use at the instant `slot`. Raises NotSent when there is no answer."""
        with self._lock:
            if not self._address or slot >= self.expires_at - self._early_seconds:
                try:
                    answer = self._ask()
                except DrError as error:
                    raise NotSent("no DNS answer") from error
                self._address = answer.address
                # Counted from when the attempt was due: never too long, and the same on a slow machine.
                self.expires_at = slot + self.keeps_seconds(answer)
            return self._address

    def keeps_seconds(self, answer: Answer) -> float:
        """Return for how long an answer is used, in modelled seconds."""
        return max(answer.ttl_wall_seconds * self._scale, self._floor_seconds)


@dataclass
class Client:
    """One paying client: its pace, where it gets addresses from and, if it keeps one, its connection."""

    cohort: str
    number: int
    beat: Beat
    cache: Cache
    address: str = ""
    connection: Connection | None = None

    @property
    def keeps_connection(self) -> bool:
        return self.cohort == KEEPS_CONNECTION

    @property
    def follows(self) -> bool:
        """Whether it can be expected to follow the public name to another region."""
        return self.cohort != PINS_DNS


def beats_of(cohort: str, settings: Settings, *, ttl_seconds: float) -> list[Beat]:
    """Return the beats of a cohort's clients: as many as the settings ask for, out of other cohorts' step."""
    count = getattr(settings, SETTING[cohort])
    interval = settings.attempt_interval_seconds * limits.INTERVALS_A_PAYMENT[SETTING[cohort]]
    later = settings.attempt_interval_seconds * SHIFTS[cohort]
    return [beat.shifted(later) for beat in beats(count, interval_seconds=interval, ttl_seconds=ttl_seconds)]


def make(here: Target, public_name: str, *, at: float) -> list[Client]:
    """Make the clients that the settings ask for, their caches primed by one answer; they begin at `at`.

    Each obeying client's answer ends where its beat says. A kept connection is older than its answer was
    good for. The resolver has other customers: the age of what it holds is whatever the clock says.

    Raises StepFailed when the public name has no answer.
    """
    settings, scale = here.settings, here.clock.scale
    answer = here.resolve(public_name)
    ttl = answer.ttl_wall_seconds * scale

    def cache(early_seconds: float, *, floor_seconds: float = 0.0) -> Cache:
        return Cache(
            lambda: here.resolve(public_name),
            scale=scale,
            floor_seconds=floor_seconds,
            early_seconds=early_seconds,
        )

    def cohort(name: str, primed: Callable[[Beat], Cache]) -> list[Client]:
        paces = beats_of(name, settings, ttl_seconds=ttl)
        return [Client(name, number, beat, primed(beat)) for number, beat in enumerate(paces)]

    def own(beat: Beat, expires_at: float) -> Cache:
        return cache(beat.interval_seconds / 2).prime(answer, expires_at=expires_at)

    behind = beats_of(BEHIND_RESOLVER, settings, ttl_seconds=ttl)
    resolver = cache(
        resolver_early_seconds(behind) if behind else 0.0, floor_seconds=settings.resolver_floor_seconds
    )
    kept = resolver.keeps_seconds(answer)
    resolver.prime(answer, expires_at=(math.floor(at / kept) + 1) * kept)
    return [
        *cohort(OBEYS_TTL, lambda beat: own(beat, at + beat.first_renewal_seconds)),
        *cohort(KEEPS_CONNECTION, lambda beat: own(beat, at)),
        *cohort(PINS_DNS, lambda beat: own(beat, math.inf)),
        *cohort(BEHIND_RESOLVER, lambda beat: resolver),
    ]


def resolver_early_seconds(behind: list[Beat]) -> float:
    """Return half the time between two questions to the shared resolver."""
    return behind[0].interval_seconds / len(behind) / 2
