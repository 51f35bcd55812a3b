"""The endpoint of the AWS APIs: it applies faults and VPC rules to a request, then calls the emulator.

The APIs of all regions share the control port; a request's signature names its region and its service. The
endpoint blocks the emulator's administration paths and the paths that bypass the edges, so that no request
reaches a region that is down. While only the control planes are down, requests to data planes pass.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from drlib.sandbox.faults.impairments import GLOBAL_REGION
from drlib.sandbox.front import disconnects
from drlib.sandbox.front.control import PREFIX
from drlib.sandbox.front.listener import App, Receive, Scope, Send
from drlib.sandbox.front.operations import ApiRequest, is_data_plane
from drlib.sandbox.services.vpc import endpoint_policies
from drlib.sandbox.services.vpc.egress import CONFIGURATION_SERVICES, SESSION_PREFIX, VpcEgress
from drlib.sandbox.world import Fault, World

GLOBAL_SERVICES = frozenset({"iam", "sts", "route53", "route53domains", "cloudfront", "globalaccelerator"})
"""Global services: a region's failure does not affect them."""

CONTROLLED_GLOBALLY = GLOBAL_SERVICES - {"sts"}
"""Services whose control planes are in `GLOBAL_REGION` for callers in all regions."""

POLL_WALL_SECONDS = 0.1
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_SCOPE = re.compile(r"(?:Credential=)?([^/\s=]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_ROUND_THE_EDGES = ("/_aws/execute-api/", "/restapis/", "/_alb/")
_ADMINISTRATION = ("/_ministack/reset", "/_ministack/config", "/_localstack/")
_XML = "application/x-www-form-urlencoded"


class AwsEndpoint:
    """The ASGI application of the control port.

    Args:
        world: its faults and impairments apply.
        emulator: answers AWS requests.
        control: answers what is below /_drlib/.
        reach: knows which calls of functions can leave their VPC.
        touch: called for each request from outside the sandbox.
    """

    def __init__(
        self, world: World, *, emulator: App, control: App, reach: VpcEgress, touch: Callable[[], None]
    ) -> None:
        self._world = world
        self._emulator = emulator
        self._control = control
        self._reach = reach
        self._touch = touch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it to the emulator."""
        if scope["type"] != "http":
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if not _LOOPBACK.fullmatch(headers.get(b"host", "")):
            await respond(send, 403, "application/json", b'{"message":"only for this machine"}')
            return
        path = scope["path"]
        if path.startswith(PREFIX):
            self._touch()
            await self._control(scope, receive, send)
        elif path.startswith(_ROUND_THE_EDGES + _ADMINISTRATION):
            await respond(send, 403, "application/json", b'{"message":"not here: use the regions\' edges"}')
        else:
            await self._aws(scope, receive, send, headers)

    async def _aws(self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, str]) -> None:
        key, region, service = signed_for(scope, headers)
        if not key.startswith(SESSION_PREFIX):
            # Functions use session credentials. Their calls do not count as use of the sandbox.
            self._touch()
        else:
            path = self._reach.path(key, region, service)
            if path.blocked_by:
                await self._lose(key, region, service, scope, receive)
                return
            endpoint_policies.policies.set(path.policies)
        fault = None if service in GLOBAL_SERVICES else self._world.faults.get(region)
        if fault is not None and fault.mode == "latency":
            await asyncio.sleep(self._world.clock.wall_seconds(fault.latency_seconds))
        elif fault is not None and fault.mode == "hang":
            await self._hang(region, receive)
            scope["drlib.abort"]()
            return
        elif fault is not None:
            await unavailable(send, service=service, content_type=headers.get(b"content-type", ""))
            return
        home = GLOBAL_REGION if service in CONTROLLED_GLOBALLY else region
        if self._world.impairments.refuses_control(home):
            body, receive = await _replayable(receive)
            if not is_data_plane(_api_request(scope, service, headers, body)):
                await unavailable(send, service=service, content_type=headers.get(b"content-type", ""))
                return
        # Requests to AWS use TLS. Without this header, policies that require TLS deny every request.
        scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await self._emulator(scope, receive, send)
        if service in CONFIGURATION_SERVICES and scope["method"] != "GET":
            self._reach.clear_cache()

    async def _lose(self, key: str, region: str, service: str, scope: Scope, receive: Receive) -> None:
        """Send no answer to a call that cannot leave its VPC."""
        gone = asyncio.ensure_future(disconnects.disconnected(receive))
        try:
            await self._reach.hang(key, region, service, scope["client"][1], gone)
        finally:
            gone.cancel()
        scope["drlib.abort"]()

    async def _hang(self, region: str, receive: Receive) -> None:
        """Wait until the client disconnects, or the fault ends."""
        gone = asyncio.ensure_future(disconnects.disconnected(receive))
        try:
            while _hangs(self._world.faults.get(region)) and not gone.done():
                await asyncio.wait({gone}, timeout=POLL_WALL_SECONDS)
        finally:
            gone.cancel()


def _api_request(scope: Scope, service: str, headers: dict[bytes, str], body: bytes) -> ApiRequest:
    named = {name.decode("latin-1"): value for name, value in headers.items()}
    query = scope.get("query_string", b"").decode("latin-1")
    return ApiRequest(service, scope["method"], scope["path"], query, named, body)


async def _replayable(receive: Receive) -> tuple[bytes, Receive]:
    """Read a request's body; return it, and a `receive` that repeats the same request."""
    messages = []
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    body = b"".join(message.get("body", b"") for message in messages)

    async def again() -> Any:
        return messages.pop(0) if messages else await receive()

    return body, again


def signed_for(scope: Scope, headers: dict[bytes, str]) -> tuple[str, str, str]:
    """Return (access key, region, service) of a request's signature; empty strings if it has none."""
    credential = headers.get(b"authorization", "")
    if not credential:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        credential = query.get("X-Amz-Credential", [""])[0]
    match = _SCOPE.search(credential)
    return (match[1], match[2], match[3]) if match else ("", "", "")


async def unavailable(send: Send, *, service: str, content_type: str) -> None:
    """Answer 503 ServiceUnavailable in the shape that the service's clients read."""
    request_id = str(uuid.uuid4())
    message = "The service is unavailable. Please try again shortly."
    if service == "s3":
        body = (
            f"<Error><Code>ServiceUnavailable</Code><Message>{message}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
    elif service == "ec2":
        body = (
            f"<Response><Errors><Error><Code>Unavailable</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    elif content_type.startswith(_XML):
        body = (
            f"<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code>"
            f"<Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    else:
        body = json.dumps({"__type": "ServiceUnavailable", "message": message})
    kind = "application/x-amz-json-1.0" if body.startswith("{") else "text/xml"
    extra = [(b"x-amzn-errortype", b"ServiceUnavailable"), (b"x-amzn-requestid", request_id.encode())]
    await respond(send, 503, kind, body.encode(), extra)


async def respond(
    send: Send, status: int, content_type: str, body: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Send a complete response."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers + (extra or [])})
    await send({"type": "http.response.body", "body": body})


def _hangs(fault: Fault | None) -> bool:
    return fault is not None and fault.mode == "hang"
