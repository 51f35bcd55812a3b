"""What waits on the way from one region to another, in the order in which it will arrive."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

Deliver = Callable[[float], None]
"""Makes the change in the target region; gets the instant of delivery, modelled."""

Delay = Callable[[], float]
"""Draws how long a delivery takes, in modelled seconds."""


@dataclass(frozen=True)
class Route:
    """Where deliveries of one kind go from and to. Regions may be the same."""

    service: str
    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}->{self.target}"


@dataclass(order=True)
class Parcel:
    """One delivery. Instants are modelled epoch seconds. Parcels of one key arrive in the order sent."""

    due: float
    number: int
    key: Hashable = field(compare=False)
    sent_at: float = field(compare=False)
    deliver: Deliver = field(compare=False)


@dataclass
class Recovery:
    """What waited on a route when its regions were whole again."""

    count: int
    remaining: int
    last_number: int
    oldest_seconds: float
    held_seconds: float
    healed_at: float


@dataclass
class Lane:
    """A route's waiting parcels."""

    route: Route
    delay: Delay
    delay_after_outage: Delay
    heap: list[Parcel] = field(default_factory=list)
    handed_over: dict[int, Parcel] = field(default_factory=dict)
    waiting: Counter[Hashable] = field(default_factory=Counter)
    latest_due: dict[Hashable, float] = field(default_factory=dict)
    held_since: float | None = None
    recovery: Recovery | None = None

    def add(self, parcel: Parcel) -> None:
        """Queue a parcel behind those of the same key."""
        parcel.due = max(parcel.due, self.latest_due.get(parcel.key, parcel.due))
        self.latest_due[parcel.key] = parcel.due
        self.waiting[parcel.key] += 1
        heapq.heappush(self.heap, parcel)

    def remove(self, parcel: Parcel) -> None:
        """Forget a parcel that was delivered or thrown away."""
        self.waiting[parcel.key] -= 1
        if not self.waiting[parcel.key]:
            del self.waiting[parcel.key]
            del self.latest_due[parcel.key]

    def redate(self, now: float) -> None:
        """Draw new delays, as from now on, in the old order."""
        parcels, self.heap = sorted(self.heap), []
        latest: dict[Hashable, float] = {}
        for parcel in parcels:
            parcel.due = max(now + self.delay_after_outage(), latest.get(parcel.key, now))
            latest[parcel.key] = parcel.due
        self.latest_due.update(latest)
        self.heap = parcels
        heapq.heapify(self.heap)

    def everything(self) -> list[Parcel]:
        """Return all that has not been delivered."""
        return [*self.handed_over.values(), *self.heap]
