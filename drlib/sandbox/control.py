"""The sandbox's own controls, below /_drlib/ of the control port: status, faults, the log of what happened.

| request | answer |
|---|---|
| GET status | the fields of `drlib.sandbox.Status` |
| GET faults | region -> mode, latency_seconds, at, deadline |
| PUT faults/REGION | takes mode, latency_seconds, deadline_seconds; answers with the region's fault |
| DELETE faults/REGION | region, at, and healed: whether there was a fault |
| GET events?since=SEQ | events: those numbered above SEQ, each with seq, at, kind, detail |
| GET replication | service -> route -> writes that wait |

Seconds and instants are modelled. A request that cannot be done gets a message. The server itself ends a
fault at its deadline, so that a caller who dies leaves no broken region behind.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from drlib.sandbox.listener import Listener, Receive, Scope, Send
from drlib.sandbox.world import FAULT_MODES, Fault, World

PREFIX = "/_drlib/"
DEADLINE_SECONDS = 900.0
LONGEST_SECONDS = 86_400.0
BODY_BYTES = 65_536

log = logging.getLogger("drlib.sandbox")


class Refused(Exception):
    """A request that cannot be done: the HTTP status, and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Faults:
    """The regions' failures. Used in the server's loop alone.

    Args:
        world: whose `faults` this changes.
        listeners: region -> the listener of its edge.
    """

    def __init__(self, world: World, listeners: Mapping[str, Listener]) -> None:
        self._world = world
        self._listeners = listeners
        self._watchdogs: dict[str, asyncio.TimerHandle] = {}

    def inject(self, region: str, *, mode: str, latency_seconds: float, deadline_seconds: float) -> Fault:
        """Make a region fail until it is healed, or until `deadline_seconds` modelled seconds have passed.

        A region that fails already fails in the new way from now on.
        """
        at = self._world.clock.now()
        fault = Fault(mode=mode, latency_seconds=latency_seconds, at=at, deadline=at + deadline_seconds)
        self._world.faults[region] = fault
        self._listeners[region].fail(mode if mode in ("refuse", "reset", "hang") else "")
        self._forget_watchdog(region)
        self._watchdogs[region] = asyncio.get_running_loop().call_later(
            self._world.clock.wall_seconds(deadline_seconds), self.heal, region, "deadline"
        )
        self._world.events.add("fault", at=at, region=region, **_without_at(fault))
        self._write(region, fault, healed_at=None, healed_by=None)
        log.info("%s fails: %s, for %g modelled seconds at most", region, mode, deadline_seconds)
        return fault

    def heal(self, region: str, by: str = "request") -> tuple[float, bool]:
        """Make a region whole; return when, and whether it was failing. Healing twice does no harm."""
        self._forget_watchdog(region)
        fault = self._world.faults.pop(region, None)
        self._listeners[region].fail("")
        at = self._world.clock.now()
        if fault is None:
            return at, False
        self._world.events.add("healed", at=at, region=region, mode=fault.mode, by=by)
        self._write(region, fault, healed_at=at, healed_by=by)
        log.info("%s is whole again, by %s", region, by)
        return at, True

    def stop(self) -> None:
        """Forget every deadline."""
        for region in list(self._watchdogs):
            self._forget_watchdog(region)

    def _forget_watchdog(self, region: str) -> None:
        watchdog = self._watchdogs.pop(region, None)
        if watchdog is not None:
            watchdog.cancel()

    def _write(self, region: str, fault: Fault, *, healed_at: float | None, healed_by: str | None) -> None:
        path = self._world.folder / "faults" / f"{region}.json"
        content = {"region": region, **fault.as_json(), "healed_at": healed_at, "healed_by": healed_by}
        self._world.write_json(path, content)


class Control:
    """The ASGI application below /_drlib/.

    Args:
        world: what it tells about.
        faults: what it changes.
        state: returns the server's status.
    """

    def __init__(self, world: World, faults: Faults, state: Callable[[], dict[str, Any]]) -> None:
        self._world = world
        self._faults = faults
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            if any(name == b"origin" for name, _ in scope["headers"]):
                # A page in a browser must not break regions.
                raise Refused(403, "requests from web pages are not taken")
            parts = scope["path"].removeprefix(PREFIX).strip("/").split("/")
            status, content = 200, await self._answer(scope, parts, receive)
        except Refused as refused:
            status, content = refused.status, {"message": refused.message}
        body = json.dumps(content).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, parts: list[str], receive: Receive) -> dict[str, Any]:
        match scope["method"], parts:
            case "GET", ["status"]:
                return self._state()
            case "GET", ["faults"]:
                return {region: fault.as_json() for region, fault in self._world.faults.items()}
            case "PUT", ["faults", region]:
                return self._inject(region, await _json_body(receive))
            case "DELETE", ["faults", region]:
                at, was_failing = self._faults.heal(self._known(region))
                return {"region": region, "at": at, "healed": was_failing}
            case "GET", ["events"]:
                return {"events": self._world.events.since(_since(scope))}
            case "GET", ["replication"]:
                return {service: report() for service, report in sorted(self._world.backlog.items())}
        raise Refused(404, f"there is no {scope['method']} {scope['path']}")

    def _inject(self, region: str, order: Mapping[str, Any]) -> dict[str, Any]:
        unknown = order.keys() - {"mode", "latency_seconds", "deadline_seconds"}
        if unknown:
            raise Refused(400, f"unknown: {', '.join(sorted(unknown))}")
        mode = order.get("mode")
        if mode not in FAULT_MODES:
            raise Refused(400, f"mode must be one of {', '.join(FAULT_MODES)}, not {mode!r}")
        latency = _seconds(order, "latency_seconds", 0.0)
        deadline = _seconds(order, "deadline_seconds", DEADLINE_SECONDS)
        if deadline <= 0:
            raise Refused(400, "deadline_seconds must be above 0")
        if mode == "latency" and latency <= 0:
            raise Refused(400, "latency_seconds must be above 0 for mode latency")
        fault = self._faults.inject(
            self._known(region), mode=mode, latency_seconds=latency, deadline_seconds=deadline
        )
        return {"region": region, **fault.as_json()}

    def _known(self, region: str) -> str:
        if region not in self._world.edges:
            raise Refused(404, f"the sandbox has no region {region}")
        return region


def _without_at(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in fault.as_json().items() if name != "at"}


def _seconds(order: Mapping[str, Any], name: str, default: float) -> float:
    value = order.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_SECONDS:
        raise Refused(400, f"{name} must be a number of modelled seconds, 0 to {LONGEST_SECONDS:g}")
    return float(value)


def _since(scope: Scope) -> int:
    text = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("since", ["0"])[0]
    if not text.isdecimal():
        raise Refused(400, "since must be the number of an event")
    return int(text)


async def _json_body(receive: Receive) -> Mapping[str, Any]:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            raise Refused(413, "the body is too long")
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    try:
        order = json.loads(body or b"{}")
    except ValueError:
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(order, dict):
        raise Refused(400, "the body must be a JSON object")
    return order
