"""Deliveries between regions: they take time, keep their order, and wait while a region is down or cut off.

One thread keeps a lane for each route and sleeps until something is due. What is due is delivered in the
emulator's loop, because the emulator's stores belong to that thread.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Hashable
from math import inf, isinf

from drlib.sandbox.faults.in_transit import Delay, Deliver, Lane, Parcel, Recovery, Route
from drlib.sandbox.ministack import emulator
from drlib.sandbox.world import World

BATCH = 100
"""Deliveries in one go; between two goes the loop serves requests."""

WATCH_SECONDS = 1.0
"""Modelled seconds between two looks whether a region that holds deliveries has healed."""

_WATCH_WALL_SECONDS = (0.02, 0.25)

Post = Callable[..., None]
"""Calls the function that it gets, with the arguments after it, in another thread."""

log = logging.getLogger("drlib.sandbox")


class Courier:
    """Carries parcels. Thread-safe.

    Args:
        world: whose clock it goes by, and whose faults stop it.
        name: of its thread.
        post: calls a function in the thread that owns the stores; the emulator's loop if left out.
    """

    def __init__(self, world: World, *, name: str, post: Post | None = None) -> None:
        self._world = world
        self._post = post or emulator.in_loop
        self._lanes: dict[Route, Lane] = {}
        self._delays: dict[str, tuple[Delay, Delay]] = {}
        self._number = 0
        self._wakes_at = 0.0
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what has not been delivered never is."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def serve(self, service: str, *, delay: Delay, delay_after_outage: Delay) -> None:
        """Take on a service, and report what waits for it as `world.backlog[service]`.

        Args:
            service: names its routes.
            delay: how long a delivery takes, modelled seconds.
            delay_after_outage: the same for one that waited for a region, from the region's healing on.
        """
        self._delays[service] = (delay, delay_after_outage)
        self._world.backlog[service] = lambda: self.pending(service)
        self._world.backlog[f"{service}_oldest_seconds"] = lambda: self.oldest_seconds(service)

    def send(self, route: Route, key: Hashable, deliver: Deliver) -> None:
        """Send a parcel. `deliver` runs in the emulator's loop, when due, and nothing holds its route."""
        now = self._world.clock.now()
        with self._changed:
            lane = self._lane(route)
            self._number += 1
            parcel = Parcel(now + lane.delay(), self._number, key, now, deliver)
            lane.add(parcel)
            if parcel.due < self._wakes_at:
                self._changed.notify()

    def waits(self, route: Route, key: Hashable) -> bool:
        """Say whether a parcel with this key is under way, so that a new one has to queue behind it."""
        with self._changed:
            lane = self._lanes.get(route)
            return lane is not None and key in lane.waiting

    def discard(self, unwanted: Callable[[Route, Hashable], bool]) -> int:
        """Throw away what is not wanted any more; return how much that was."""
        count = 0
        with self._changed:
            for lane in self._lanes.values():
                gone = [parcel for parcel in lane.heap if unwanted(lane.route, parcel.key)]
                if gone:
                    lane.heap = [parcel for parcel in lane.heap if not unwanted(lane.route, parcel.key)]
                    heapq.heapify(lane.heap)
                    if not lane.heap:
                        lane.held_since = None
                    for parcel in gone:
                        self._finish(lane, parcel)
                count += len(gone)
        return count

    def pending(self, service: str) -> dict[str, int]:
        """Return how many parcels wait on each route of a service, by "source->target"."""
        with self._changed:
            return {
                str(route): len(lane.heap) + len(lane.handed_over)
                for route, lane in self._lanes.items()
                if route.service == service
            }

    def oldest_seconds(self, service: str) -> dict[str, int]:
        """Return how many whole modelled seconds each route's oldest parcel has waited; 0 if none does."""
        now = self._world.clock.now()
        with self._changed:
            return {
                str(route): int(max((now - parcel.sent_at for parcel in lane.everything()), default=0.0))
                for route, lane in self._lanes.items()
                if route.service == service
            }

    def _lane(self, route: Route) -> Lane:
        lane = self._lanes.get(route)
        if lane is None:
            delay, delay_after_outage = self._delays[route.service]
            lane = self._lanes[route] = Lane(route, delay, delay_after_outage)
        return lane

    def _run(self) -> None:
        with self._changed:
            while not self._stopping:
                self._wakes_at = self.turn()
                pause = self._world.clock.wall_seconds(self._wakes_at - self._world.clock.now())
                self._changed.wait(None if isinf(pause) else max(pause, 0.0))

    def turn(self) -> float:
        """Hand over what is due; return the instant at which to look again, infinite if nothing waits."""
        with self._changed:
            now = self._world.clock.now()
            return min((self._turn(lane, now) for lane in self._lanes.values() if lane.heap), default=inf)

    def _turn(self, lane: Lane, now: float) -> float:
        if self._is_held(lane.route):
            if lane.held_since is None:
                lane.held_since = now
            return now + self._watch_seconds()
        if lane.held_since is not None:
            self._recover(lane, now)
        ready = []
        while lane.heap and lane.heap[0].due <= now:
            parcel = heapq.heappop(lane.heap)
            lane.handed_over[parcel.number] = parcel
            ready.append(parcel)
        if ready:
            self._post(self._deliver, lane, ready)
        return lane.heap[0].due if lane.heap else inf

    def _recover(self, lane: Lane, now: float) -> None:
        assert lane.held_since is not None
        count = len(lane.heap) + len(lane.handed_over)
        lane.recovery = Recovery(
            count=count,
            remaining=count,
            last_number=self._number,
            oldest_seconds=max(now - parcel.sent_at for parcel in lane.everything()),
            held_seconds=now - lane.held_since,
            healed_at=now,
        )
        lane.held_since = None
        lane.redate(now)

    def _deliver(self, lane: Lane, parcels: list[Parcel]) -> None:
        """Deliver, in the loop. A region can have failed since the hand-over: then everything goes back."""
        batch, rest = parcels[:BATCH], parcels[BATCH:]
        for parcel in batch:
            if self._is_held(lane.route):
                self._take_back(lane, parcel)
                continue
            try:
                parcel.deliver(self._world.clock.now())
            except Exception:
                log.exception("a delivery of %s %s failed and is dropped", lane.route.service, lane.route)
            with self._changed:
                del lane.handed_over[parcel.number]
                self._finish(lane, parcel)
        if rest:
            self._post(self._deliver, lane, rest)

    def _take_back(self, lane: Lane, parcel: Parcel) -> None:
        with self._changed:
            del lane.handed_over[parcel.number]
            heapq.heappush(lane.heap, parcel)
            self._changed.notify()

    def _finish(self, lane: Lane, parcel: Parcel) -> None:
        lane.remove(parcel)
        recovery = lane.recovery
        if recovery is None or parcel.number > recovery.last_number:
            return
        recovery.remaining -= 1
        if recovery.remaining == 0:
            lane.recovery = None
            route, now = lane.route, self._world.clock.now()
            self._world.events.add(
                "replication_backlog",
                at=now,
                service=route.service,
                source=route.source,
                target=route.target,
                count=recovery.count,
                oldest_seconds=recovery.oldest_seconds,
                held_seconds=recovery.held_seconds,
                drained_seconds=now - recovery.healed_at,
            )

    def _is_held(self, route: Route) -> bool:
        return self._world.is_held(route.service, route.source, route.target)

    def _watch_seconds(self) -> float:
        clock = self._world.clock
        shortest, longest = _WATCH_WALL_SECONDS
        wall = min(max(clock.wall_seconds(WATCH_SECONDS), shortest), longest)
        return wall * clock.scale
