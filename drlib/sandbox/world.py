"""The state that all parts of the sandbox's server share: clock, regions, faults, and the event log.

A server process has one `World`. The server creates it before it imports the emulator, and passes it to each
component by `start(world)`. Threads and coroutines use it at the same time: each change is atomic or under a
lock.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from drlib.core.clock import Clock
from drlib.sandbox.faults.impairments import Impairments

ACCOUNT_ID = "000000000000"
"""The sandbox's only account, which owns the root key."""

FAULT_MODES = ("refuse", "reset", "hang", "503", "latency")
"""How a region can fail. The first four modes take the region down; `latency` only slows it."""

EVENTS_KEPT = 20_000
LATENCIES_KEPT = 10_000


class Component(Protocol):
    """A running part of the server."""

    def stop(self) -> None:
        """End the component's threads and tasks. Called once, in the loop: it must not block."""


@dataclass(frozen=True)
class Fault:
    """A region's failure. Instants are modelled epoch seconds; `latency_seconds` is modelled too."""

    mode: str
    latency_seconds: float
    at: float
    deadline: float

    def as_json(self) -> dict[str, Any]:
        """Return the fault as a JSON object."""
        return asdict(self)


class EventLog:
    """All events, numbered from 1 without gaps. Thread-safe; it drops the oldest events when it is full."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._events: list[dict[str, Any]] = []
        self._last = 0

    def add(self, kind: str, /, *, at: float | None = None, **detail: Any) -> int:
        """Record an event and return its number.

        Args:
            kind: `fault`, `healed`, `impaired`, `mended`, `health_check`, `dns_answer`, `alarm`, ...
            at: when it happened, modelled epoch seconds; default: now.
            detail: JSON-ready facts.
        """
        with self._lock:
            self._last += 1
            instant = self._clock.now() if at is None else at
            self._events.append({"seq": self._last, "at": instant, "kind": kind, "detail": detail})
            if len(self._events) > EVENTS_KEPT:
                del self._events[: EVENTS_KEPT // 10]
            return self._last

    def since(self, seq: int = 0) -> list[dict[str, Any]]:
        """Return the events numbered above `seq`, oldest first: {"seq", "at", "kind", "detail"} each."""
        with self._lock:
            newer = self._last - seq
            return list(self._events[-newer:]) if newer > 0 else []


@dataclass
class ApiCounts:
    """Requests that one stage of one API answered. Latencies are modelled milliseconds."""

    requests: int = 0
    client_errors: int = 0
    server_errors: int = 0
    latencies_ms: list[float] = field(default_factory=list)


class ApiRequests:
    """Counts what the edges answer until `drain` takes it, for the AWS/ApiGateway metrics. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], ApiCounts] = {}

    def add(self, *, region: str, api_id: str, stage: str, status: int, latency_ms: float) -> None:
        """Count one answered request; `latency_ms` in modelled milliseconds."""
        with self._lock:
            counts = self._counts.setdefault((region, api_id, stage), ApiCounts())
            counts.requests += 1
            counts.client_errors += 400 <= status < 500
            counts.server_errors += status >= 500
            if len(counts.latencies_ms) < LATENCIES_KEPT:
                counts.latencies_ms.append(latency_ms)

    def drain(self) -> dict[tuple[str, str, str], ApiCounts]:
        """Return what was counted since the last call, by (region, api_id, stage), and reset the counters."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts


@dataclass
class World:
    """The state that the server's components share.

    Args:
        clock: modelled time, anchored at the server's start.
        instance_id: identifies this run of the sandbox; a new server has a new id.
        folder: the instance's folder, `<home>/.drlib/instances/<instance_id>`.
        seed: seed of every stream of `random`.
        replication_lag_seconds: typical modelled delay of cross-region replication.
        edges: region -> the loopback address that DNS returns for it, e.g. {"us-east-2": "127.0.0.12"}.
        edge_ports: region -> TCP port of its edge.
        edge_hosts: region -> the address that its edge is bound to; differs from `edges` only on machines
            with a single loopback address. Use `connect_to` to connect to an edge.
        aws_port: TCP port of the control endpoint on 127.0.0.1 (plain HTTP).
        dns_port: UDP and TCP port on 127.0.0.1 reserved for the DNS server.
        faults: region -> its fault; a healthy region has no entry. Only drlib.sandbox.faults.injection
            changes it.
        impairments: the impairments in force.
        end_idle_functions: ends the idle processes of a region's functions and returns how many it ended;
            drlib.sandbox.faults.background_work sets it.
        backlog: service -> a function that returns {route: writes that wait for replication}.
    """

    clock: Clock
    instance_id: str
    folder: Path
    seed: int
    replication_lag_seconds: float
    edges: dict[str, str]
    edge_ports: dict[str, int]
    edge_hosts: dict[str, str]
    aws_port: int
    dns_port: int
    faults: dict[str, Fault] = field(default_factory=dict)
    impairments: Impairments = field(default_factory=Impairments)
    end_idle_functions: Callable[[str], int] = field(default=lambda region: 0)
    events: EventLog = field(init=False)
    api_requests: ApiRequests = field(default_factory=ApiRequests)
    backlog: dict[str, BacklogReporter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.events = EventLog(self.clock)

    def is_down(self, region: str) -> bool:
        """Return whether `region` is down. A region that is only slow is not down."""
        fault = self.faults.get(region)
        return fault is not None and fault.mode != "latency"

    def is_held(self, service: str, source: str, target: str) -> bool:
        """Return whether a service's deliveries from `source` to `target` must wait now."""
        return (
            self.is_down(source) or self.is_down(target) or self.impairments.is_cut(service, source, target)
        )

    def connect_to(self, region: str) -> tuple[str, int]:
        """Return the (host, port) at which a client reaches the region's edge."""
        return self.edge_hosts[region], self.edge_ports[region]

    def region_of_address(self, address: str) -> str | None:
        """Return the region whose edge has this `address` in DNS."""
        return next((region for region, mine in self.edges.items() if mine == address), None)

    def random(self, name: str) -> random.Random:
        """Return a new stream of random numbers, the same for the same seed and name."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 - repeatable, not secret

    def write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write a JSON file atomically, so that a reader never sees a partial file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)


class BacklogReporter(Protocol):
    """Reports the writes that wait for replication."""

    def __call__(self) -> dict[str, int]:
        """Return "source->target" -> number of writes that have not arrived yet."""
