"""The sandbox's control API, below /_drlib/ of the control port: status, faults, impairments, events.

| request | answer |
|---|---|
| GET status | the fields of `process.state.Status` |
| GET faults | region -> mode, latency_seconds, at, deadline |
| PUT faults/REGION | takes mode, latency_seconds, deadline_seconds; answers with the region's fault |
| DELETE faults/REGION | region, at, and healed: whether there was a fault |
| GET impairments | name -> kind, what the kind took, at, deadline |
| PUT impairments/NAME | takes kind, what the kind takes, deadline_seconds; answers with the impairment |
| DELETE impairments/NAME | name, at, and healed: whether it was in force |
| GET events?since=SEQ | events: those numbered above SEQ, each with seq, at, kind, detail |
| GET replication | service -> route -> writes that wait |
| GET provider | port: of the Pulumi provider, which is started if need be |

Seconds and instants are modelled. A refused request gets a message. The server ends a fault or an
impairment at its deadline (`drlib.sandbox.faults.injection`). The kinds of impairments are those
of `drlib.sandbox.faults.impairments`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from drlib.sandbox.faults import impairments
from drlib.sandbox.faults.injection import Faults, Injection
from drlib.sandbox.front.listener import Receive, Scope, Send
from drlib.sandbox.process.provider_process import ProviderProcess
from drlib.sandbox.world import FAULT_MODES, World

PREFIX = "/_drlib/"
DEADLINE_SECONDS = 900.0
LONGEST_SECONDS = 86_400.0
BODY_BYTES = 65_536
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")


class Refused(Exception):
    """The request is refused: HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Control:
    """The ASGI application below /_drlib/.

    Args:
        world: the state that it reports.
        faults: starts and ends regions' failures.
        injection: starts and ends impairments.
        provider: the process of the Pulumi provider, started on request.
        state: returns the server's status.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        injection: Injection,
        provider: ProviderProcess,
        state: Callable[[], dict[str, Any]],
    ) -> None:
        self._world = world
        self._faults = faults
        self._injection = injection
        self._provider_process = provider
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            if any(name == b"origin" for name, _ in scope["headers"]):
                # A web page in a browser must not inject faults.
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
            case "GET", ["impairments"]:
                return self._injection.in_force()
            case "PUT", ["impairments", name]:
                return self._impair(name, await _json_body(receive))
            case "DELETE", ["impairments", name]:
                at, was_in_force = self._injection.end(name)
                return {"name": name, "at": at, "healed": was_in_force}
            case "GET", ["events"]:
                return {"events": self._world.events.since(_since(scope))}
            case "GET", ["replication"]:
                return {service: report() for service, report in sorted(self._world.backlog.items())}
            case "GET", ["provider"]:
                return {"port": await self._provider_port()}
        raise Refused(404, f"there is no {scope['method']} {scope['path']}")

    def _inject(self, region: str, order: Mapping[str, Any]) -> dict[str, Any]:
        unknown = order.keys() - {"mode", "latency_seconds", "deadline_seconds"}
        if unknown:
            raise Refused(400, f"unknown: {', '.join(sorted(unknown))}")
        mode = order.get("mode")
        if mode not in FAULT_MODES:
            raise Refused(400, f"mode must be one of {', '.join(FAULT_MODES)}, not {mode!r}")
        latency = _seconds(order, "latency_seconds", 0.0)
        deadline = _deadline(order)
        if mode == "latency" and latency <= 0:
            raise Refused(400, "latency_seconds must be above 0 for mode latency")
        fault = self._faults.inject(
            self._known(region), mode=mode, latency_seconds=latency, deadline_seconds=deadline
        )
        return {"region": region, **fault.as_json()}

    def _impair(self, name: str, order: Mapping[str, Any]) -> dict[str, Any]:
        if not NAME.fullmatch(name):
            raise Refused(400, "a name is 1 to 100 small letters, digits, dots and hyphens")
        deadline = _deadline(order)
        try:
            made = impairments.make({key: one for key, one in order.items() if key != "deadline_seconds"})
        except impairments.InvalidImpairment as invalid:
            raise Refused(400, str(invalid)) from None
        for region in made.regions:
            self._known(region)
        return self._injection.begin(name, made, deadline_seconds=deadline)

    async def _provider_port(self) -> int:
        try:
            return await asyncio.to_thread(self._provider_process.port)
        except (OSError, ValueError) as error:
            raise Refused(500, f"the Pulumi provider did not start: {type(error).__name__} {error}") from None

    def _known(self, region: str) -> str:
        if region not in self._world.edges:
            raise Refused(404, f"the sandbox has no region {region}")
        return region


def _seconds(order: Mapping[str, Any], name: str, default: float) -> float:
    value = order.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_SECONDS:
        raise Refused(400, f"{name} must be a number of modelled seconds, 0 to {LONGEST_SECONDS:g}")
    return float(value)


def _deadline(order: Mapping[str, Any]) -> float:
    deadline = _seconds(order, "deadline_seconds", DEADLINE_SECONDS)
    if deadline <= 0:
        raise Refused(400, "deadline_seconds must be above 0")
    return deadline


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
