"""Deliveries between regions: they take time, keep their order, and wait while a region is down or cut off.

One thread has a queue for each route and sleeps until a delivery is due. Deliveries run in the emulator's
loop, because only that thread may change the emulator's stores.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Hashable
from math import inf, isinf

from drlib.sandbox.faults.in_transit import BacklogDrain, Delay, Deliver, Delivery, Route, RouteQueue
from drlib.sandbox.ministack import emulator
from drlib.sandbox.world import World

BATCH = 100
"""Deliveries in one batch; the loop serves requests between two batches."""

WATCH_SECONDS = 1.0
"""Modelled seconds between two checks whether a region has healed."""

_WATCH_WALL_SECONDS = (0.02, 0.25)

Post = Callable[..., None]
"""Calls a function with its arguments in another thread."""

log = logging.getLogger("drlib.sandbox")


class DeliveryQueue:
    """Makes deliveries when they are due. Thread-safe.

    Args:
        world: its clock and its faults apply.
        name: the name of its thread.
        post: calls a function in the thread that owns the stores; default: the emulator's loop.
    """

    def __init__(self, world: World, *, name: str, post: Post | None = None) -> None:
        self._world = world
        self._post = post or emulator.in_loop
        self._queues: dict[Route, RouteQueue] = {}
        self._delays: dict[str, tuple[Delay, Delay]] = {}
        self._number = 0
        self._wakes_at = 0.0
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread. Deliveries that still wait are lost."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def serve(self, service: str, *, delay: Delay, delay_after_outage: Delay) -> None:
        """Add a service, and report its waiting deliveries in `world.backlog[service]`.

        Args:
            service: names its routes.
            delay: draws the duration of a delivery, modelled seconds.
            delay_after_outage: the same after an outage, from the region's recovery on.
        """
        self._delays[service] = (delay, delay_after_outage)
        self._world.backlog[service] = lambda: self.pending(service)
        self._world.backlog[f"{service}_oldest_seconds"] = lambda: self.oldest_seconds(service)

    def send(self, route: Route, key: Hashable, deliver: Deliver) -> None:
        """Queue a delivery. `deliver` runs in the emulator's loop, when due and the route is not held."""
        now = self._world.clock.now()
        with self._changed:
            queue = self._queue(route)
            self._number += 1
            delivery = Delivery(now + queue.delay(), self._number, key, now, deliver)
            queue.add(delivery)
            if delivery.due < self._wakes_at:
                self._changed.notify()

    def waits(self, route: Route, key: Hashable) -> bool:
        """Return whether a delivery with this key waits, so that a new one must wait behind it."""
        with self._changed:
            queue = self._queues.get(route)
            return queue is not None and key in queue.waiting

    def discard(self, unwanted: Callable[[Route, Hashable], bool]) -> int:
        """Remove the waiting deliveries for which `unwanted` is true; return how many."""
        count = 0
        with self._changed:
            for queue in self._queues.values():
                gone = [delivery for delivery in queue.heap if unwanted(queue.route, delivery.key)]
                if gone:
                    queue.heap = [
                        delivery for delivery in queue.heap if not unwanted(queue.route, delivery.key)
                    ]
                    heapq.heapify(queue.heap)
                    if not queue.heap:
                        queue.held_since = None
                    for delivery in gone:
                        self._finish(queue, delivery)
                count += len(gone)
        return count

    def pending(self, service: str) -> dict[str, int]:
        """Return the number of waiting deliveries on each route of a service, by "source->target"."""
        with self._changed:
            return {
                str(route): len(queue.heap) + len(queue.handed_over)
                for route, queue in self._queues.items()
                if route.service == service
            }

    def oldest_seconds(self, service: str) -> dict[str, int]:
        """Return how many whole modelled seconds each route's oldest delivery has waited; 0 if none does."""
        now = self._world.clock.now()
        with self._changed:
            return {
                str(route): int(max((now - delivery.sent_at for delivery in queue.everything()), default=0.0))
                for route, queue in self._queues.items()
                if route.service == service
            }

    def _queue(self, route: Route) -> RouteQueue:
        queue = self._queues.get(route)
        if queue is None:
            delay, delay_after_outage = self._delays[route.service]
            queue = self._queues[route] = RouteQueue(route, delay, delay_after_outage)
        return queue

    def _run(self) -> None:
        with self._changed:
            while not self._stopping:
                self._wakes_at = self.turn()
                pause = self._world.clock.wall_seconds(self._wakes_at - self._world.clock.now())
                self._changed.wait(None if isinf(pause) else max(pause, 0.0))

    def turn(self) -> float:
        """Hand over the due deliveries; return the instant of the next turn, infinite if none waits."""
        with self._changed:
            now = self._world.clock.now()
            return min((self._turn(queue, now) for queue in self._queues.values() if queue.heap), default=inf)

    def _turn(self, queue: RouteQueue, now: float) -> float:
        if self._is_held(queue.route):
            if queue.held_since is None:
                queue.held_since = now
            return now + self._watch_seconds()
        if queue.held_since is not None:
            self._begin_drain(queue, now)
        ready = []
        while queue.heap and queue.heap[0].due <= now:
            delivery = heapq.heappop(queue.heap)
            queue.handed_over[delivery.number] = delivery
            ready.append(delivery)
        if ready:
            self._post(self._deliver, queue, ready)
        return queue.heap[0].due if queue.heap else inf

    def _begin_drain(self, queue: RouteQueue, now: float) -> None:
        assert queue.held_since is not None
        count = len(queue.heap) + len(queue.handed_over)
        queue.drain = BacklogDrain(
            count=count,
            remaining=count,
            last_number=self._number,
            oldest_seconds=max(now - delivery.sent_at for delivery in queue.everything()),
            held_seconds=now - queue.held_since,
            healed_at=now,
        )
        queue.held_since = None
        queue.redate(now)

    def _deliver(self, queue: RouteQueue, deliveries: list[Delivery]) -> None:
        """Deliver, in the loop. If a region has failed since the hand-over, requeue the deliveries."""
        batch, rest = deliveries[:BATCH], deliveries[BATCH:]
        for delivery in batch:
            if self._is_held(queue.route):
                self._take_back(queue, delivery)
                continue
            try:
                delivery.deliver(self._world.clock.now())
            except Exception:
                log.exception("a delivery of %s %s failed and is dropped", queue.route.service, queue.route)
            with self._changed:
                del queue.handed_over[delivery.number]
                self._finish(queue, delivery)
        if rest:
            self._post(self._deliver, queue, rest)

    def _take_back(self, queue: RouteQueue, delivery: Delivery) -> None:
        with self._changed:
            del queue.handed_over[delivery.number]
            heapq.heappush(queue.heap, delivery)
            self._changed.notify()

    def _finish(self, queue: RouteQueue, delivery: Delivery) -> None:
        queue.remove(delivery)
        drain = queue.drain
        if drain is None or delivery.number > drain.last_number:
            return
        drain.remaining -= 1
        if drain.remaining == 0:
            queue.drain = None
            route, now = queue.route, self._world.clock.now()
            self._world.events.add(
                "replication_backlog",
                at=now,
                service=route.service,
                source=route.source,
                target=route.target,
                count=drain.count,
                oldest_seconds=drain.oldest_seconds,
                held_seconds=drain.held_seconds,
                drained_seconds=now - drain.healed_at,
            )

    def _is_held(self, route: Route) -> bool:
        return self._world.is_held(route.service, route.source, route.target)

    def _watch_seconds(self) -> float:
        clock = self._world.clock
        shortest, longest = _WATCH_WALL_SECONDS
        wall = min(max(clock.wall_seconds(WATCH_SECONDS), shortest), longest)
        return wall * clock.scale
