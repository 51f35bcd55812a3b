"""When each client of a cohort pays, and when it renews its DNS answer.

Real clients are not synchronised. A few clients represent them only if they are spread evenly over the
interval between two attempts and over the TTL. Then the instant when the last client switches is predictable
too, which a predicted RTO needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Beat:
    """One client's pace, in modelled seconds from the prober's start.

    It pays at `offset_seconds` and then every `interval_seconds`. The answer that it begins with ends at
    `first_renewal_seconds`, which is one of those instants.
    """

    offset_seconds: float
    interval_seconds: float
    first_renewal_seconds: float

    def next_after(self, elapsed_seconds: float) -> float:
        """Return this client's next instant after `elapsed_seconds`; it skips missed instants."""
        turns = math.floor((elapsed_seconds - self.offset_seconds) / self.interval_seconds) + 1
        return self.offset_seconds + max(0, turns) * self.interval_seconds

    def shifted(self, seconds: float) -> Beat:
        """Return this beat delayed by `seconds`, so that two cohorts do not pay at the same instants."""
        return replace(
            self,
            offset_seconds=self.offset_seconds + seconds,
            first_renewal_seconds=self.first_renewal_seconds + seconds,
        )


def beats(clients: int, *, interval_seconds: float, ttl_seconds: float) -> list[Beat]:
    """Spread `clients` evenly over the interval between two attempts, and over the TTL.

    Counted in steps of `interval / clients`, client i renews at step `i * turns`, where `turns` is the number
    of attempts between two renewals. Clients whose steps fall on the same place in the interval (as they do
    when `turns` and `clients` have a common divisor) come one step later with each round.
    """
    if not clients:
        return []
    turns = renewal_turns(interval_seconds=interval_seconds, ttl_seconds=ttl_seconds)
    step = interval_seconds / clients
    before_a_collision = clients // math.gcd(turns, clients)
    steps = [number * turns + number // before_a_collision for number in range(clients)]
    period = clients * turns
    return [Beat(count % clients * step, interval_seconds, (count or period) * step) for count in steps]


def renewal_turns(*, interval_seconds: float, ttl_seconds: float) -> int:
    """Return how many attempts lie between two DNS questions of a client.

    It asks again at the attempt that is nearest to the end of its answer.
    """
    return max(1, math.floor(ttl_seconds / interval_seconds + 0.5))
