"""The deliveries that wait on one route between regions, in the order of arrival."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

Deliver = Callable[[float], None]
"""Makes the change in the target region. Its argument is the modelled instant of delivery."""

Delay = Callable[[], float]
"""Draws the duration of a delivery, in modelled seconds."""


@dataclass(frozen=True)
class Route:
    """The service, the source and the target of deliveries. Both regions can be the same."""

    service: str
    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}->{self.target}"


@dataclass(order=True)
class Delivery:
    """One delivery. Instants are modelled epoch seconds. Deliveries with the same key keep their order."""

    due: float
    number: int
    key: Hashable = field(compare=False)
    sent_at: float = field(compare=False)
    deliver: Deliver = field(compare=False)


@dataclass
class BacklogDrain:
    """The deliveries that waited on a route when its regions had healed, and how many remain."""

    count: int
    remaining: int
    last_number: int
    oldest_seconds: float
    held_seconds: float
    healed_at: float


@dataclass
class RouteQueue:
    """A route's waiting deliveries."""

    route: Route
    delay: Delay
    delay_after_outage: Delay
    heap: list[Delivery] = field(default_factory=list)
    handed_over: dict[int, Delivery] = field(default_factory=dict)
    waiting: Counter[Hashable] = field(default_factory=Counter)
    latest_due: dict[Hashable, float] = field(default_factory=dict)
    held_since: float | None = None
    drain: BacklogDrain | None = None

    def add(self, delivery: Delivery) -> None:
        """Queue a delivery behind those with the same key."""
        delivery.due = max(delivery.due, self.latest_due.get(delivery.key, delivery.due))
        self.latest_due[delivery.key] = delivery.due
        self.waiting[delivery.key] += 1
        heapq.heappush(self.heap, delivery)

    def remove(self, delivery: Delivery) -> None:
        """Update the counters after a delivery was made or removed."""
        self.waiting[delivery.key] -= 1
        if not self.waiting[delivery.key]:
            del self.waiting[delivery.key]
            del self.latest_due[delivery.key]

    def redate(self, now: float) -> None:
        """Draw new delays from `now` on, and keep the order."""
        deliveries, self.heap = sorted(self.heap), []
        latest: dict[Hashable, float] = {}
        for delivery in deliveries:
            delivery.due = max(now + self.delay_after_outage(), latest.get(delivery.key, now))
            latest[delivery.key] = delivery.due
        self.latest_due.update(latest)
        self.heap = deliveries
        heapq.heapify(self.heap)

    def everything(self) -> list[Delivery]:
        """Return all deliveries that are not finished."""
        return [*self.handed_over.values(), *self.heap]
