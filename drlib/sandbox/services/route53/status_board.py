"""The status board: statuses of health checks, checkers' observations, data streams of alarms.

Checkers write observations and the alarm evaluator writes data streams. The status of health checks is
computed from both. DNS answers, metrics and the Route 53 API read it. Components subscribe to topics of the
board. Thread-safe. Callbacks run in the thread that notifies.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drlib.sandbox.world import World

HEALTH = "health"
"""Topic: the status of health checks changed. Callbacks have no arguments; they read the board."""
STREAMS = "streams"
"""Topic: the evaluated data of alarms changed."""
CHECKS = "checks"
"""Topic: health checks were created, changed or deleted through the API."""

OK = "OK"
ALARM = "ALARM"
INSUFFICIENT = "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class CheckerObservation:
    """The last result of one checker.

    Args:
        region: the checker's AWS region.
        address: the checker's address, from 192.0.2.0/24 (reserved for examples by RFC 5737).
        ok: whether the check passed.
        text: the status text of GetHealthCheckStatus, "Success: ..." or "Failure: ...".
        at: when the check ended, modelled epoch seconds.
    """

    region: str
    address: str
    ok: bool
    text: str
    at: float


class StatusBoard:
    """Stores the shared state and calls the subscribers."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._healthy: dict[str, bool] = {}
        self._share: dict[str, float] = {}
        self._children: dict[str, int] = {}
        self._last: dict[str, dict[str, CheckerObservation]] = {}
        self._failed: dict[str, dict[str, CheckerObservation]] = {}
        self._streams: dict[tuple[str, str], str] = {}
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    def subscribe(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at each notification of `topic`; return a function that unsubscribes."""
        with self._lock:
            self._listeners.setdefault(topic, []).append(callback)

        def stop() -> None:
            with self._lock:
                if callback in self._listeners[topic]:
                    self._listeners[topic].remove(callback)

        return stop

    def notify(self, topic: str) -> None:
        """Call the subscribers of `topic`."""
        with self._lock:
            listeners = list(self._listeners.get(topic, ()))
        for callback in listeners:
            callback()

    def healthy(self, check_id: str) -> bool:
        """Return whether Route 53 considers a check healthy. An unknown check is healthy."""
        return self._healthy.get(check_id, True)

    def set_healthy(self, statuses: dict[str, bool]) -> dict[str, bool]:
        """Store the current statuses of all checks; return those that changed, without new checks."""
        with self._lock:
            changed = {
                check_id: status
                for check_id, status in statuses.items()
                if self._healthy.get(check_id, status) is not status
            }
            self._healthy = dict(statuses)
            for stale in (self._share, self._children, self._last, self._failed):
                for check_id in set(stale) - set(statuses):
                    stale.pop(check_id)
        return changed

    def statuses(self) -> dict[str, bool]:
        """Return check id -> healthy, for every check."""
        return dict(self._healthy)

    def set_share(self, check_id: str, share: float) -> None:
        """Store the share of checkers, 0 to 1, that report an endpoint healthy."""
        self._share[check_id] = share

    def shares(self) -> dict[str, float]:
        """Return check id -> share of checkers, 0 to 1, that report it healthy; only for endpoint checks."""
        return dict(self._share)

    def set_children(self, check_id: str, healthy: int) -> None:
        """Store the number of healthy children of a calculated check."""
        self._children[check_id] = healthy

    def children(self) -> dict[str, int]:
        """Return check id -> number of healthy children; only for calculated checks."""
        return dict(self._children)

    def observe(self, check_id: str, seen: CheckerObservation) -> None:
        """Store a checker's result."""
        with self._lock:
            self._last.setdefault(check_id, {})[seen.region] = seen
            if not seen.ok:
                self._failed.setdefault(check_id, {})[seen.region] = seen

    def forget(self, check_id: str) -> None:
        """Delete the results of a check whose checkers have stopped."""
        with self._lock:
            for seen in (self._last, self._failed, self._share):
                seen.pop(check_id, None)

    def observations(self, check_id: str, *, failures: bool = False) -> list[CheckerObservation]:
        """Return each checker's last result, or its last failure, ordered by region."""
        with self._lock:
            seen = (self._failed if failures else self._last).get(check_id, {})
            return [seen[region] for region in sorted(seen)]

    def stream(self, region: str, alarm: str) -> str:
        """Return the state of an alarm's data: `OK`, `ALARM` or `INSUFFICIENT_DATA`."""
        return self._streams.get((region, alarm), INSUFFICIENT)

    def set_streams(self, streams: dict[tuple[str, str], str]) -> bool:
        """Store the current streams of all alarms, by (region, name); return whether any changed."""
        with self._lock:
            changed = streams != self._streams
            self._streams = dict(streams)
        return changed


_boards: dict[str, StatusBoard] = {}
_boards_lock = threading.Lock()


def board_of(world: World) -> StatusBoard:
    """Return the board of a world, the same one at each call."""
    with _boards_lock:
        return _boards.setdefault(world.instance_id, StatusBoard())


def known_facts(**facts: Any) -> dict[str, Any]:
    """Return the facts of an event without those that are None."""
    return {name: value for name, value in facts.items() if value is not None}
