"""A region's public endpoint: it finds the API of the requested host name, as API Gateway does.

Each answered request with an `Idempotency-Key` is an event `request`, even if its client did not receive the
answer. A request whose client disconnects while it waits gets no answer, and is not counted.

The emulator ignores the region when it resolves a name, and prefers its own paths to an API's. So the edge
finds the API in its region, and calls the emulator's API Gateway with it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import request_scope
from ministack.services import acm, apigateway, apigateway_v1

from drlib.sandbox.front import disconnects
from drlib.sandbox.front.listener import Receive, Scope, Send, Unanswered
from drlib.sandbox.services.acm import certificates
from drlib.sandbox.services.apigateway import integration
from drlib.sandbox.world import ACCOUNT_ID, World

BODY_BYTES = 10 * 1024 * 1024
NO_BODY_STATUSES = (204, 304)
CHECKER_AGENT = "Amazon-Route53-Health-Check-Service"
JSON = {"content-type": "application/json"}

log = logging.getLogger("drlib.sandbox")


@dataclass(frozen=True)
class Target:
    """The target of a request: a stage of an API, and a path in it."""

    api_id: str
    stage: str
    path: str


class Edge:
    """The ASGI application of one region's edge.

    Args:
        world: gives the faults, and counts the requests.
        region: the region that it serves.
        touch: called for each request from outside the sandbox.
    """

    def __init__(self, world: World, region: str, *, touch: Callable[[], None]) -> None:
        self._touch = touch
        self._world = world
        self._region = region
        self._api_host = re.compile(rf"([a-z0-9]+)\.execute-api\.{re.escape(region)}\.amazonaws\.com")

    def has_certificate(self, name: str) -> bool:
        """Return whether the region has a certificate for `name`."""
        match = self._api_host.fullmatch(name)
        if match:
            return self._default_api(match[1]) is not None
        domain = apigateway_v1._domain_names.get_scoped(ACCOUNT_ID, self._region, name)
        if domain is None:
            return False
        arn = domain.get("regionalCertificateArn") or domain.get("certificateArn") or ""
        certificate = acm._certificates.get_scoped(ACCOUNT_ID, self._region, arn) or {}
        return certificate.get("Status") == "ISSUED" and certificates.covers(certificate, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        started = time.monotonic()
        fault = self._world.faults.get(self._region)
        if fault is not None and fault.mode == "503":
            await _respond(scope, send, 503, JSON, b'{"message":"Service Unavailable"}')
            return
        if fault is not None and fault.mode == "latency":
            await asyncio.sleep(self._world.clock.wall_seconds(fault.latency_seconds))
        headers = _headers(scope)
        if not headers.get("user-agent", "").startswith(CHECKER_AGENT):
            self._touch()
        name = headers.get("host", "").rsplit(":", 1)[0].lower()
        target = self._target(name, scope["path"])
        if target is None:
            await _respond(scope, send, 403, JSON, b'{"message":"Forbidden"}')
            return
        failing, cold = await self._apply_impairments(scope, name, target.path)
        status, answer_headers, body = (
            (failing, JSON, _error_body(failing))
            if failing
            else await self._answer(scope, receive, target, name, headers)
        )
        if key := headers.get("idempotency-key"):
            self._world.events.add("request", region=self._region, idempotency_key=key, status=status)
        await _respond(scope, send, status, answer_headers, body)
        self._count(target, status, (time.monotonic() - started) * self._world.clock.scale, cold=cold)

    def _count(self, target: Target, status: int, seconds: float, *, cold: bool) -> None:
        """Count an answered request for the metrics; `seconds` are modelled."""
        self._world.api_requests.add(
            region=self._region,
            api_id=target.api_id,
            stage=target.stage,
            status=status,
            latency_ms=seconds * 1000,
        )
        if cold:
            self._world.events.add("cold_start", region=self._region, seconds=seconds, status=status)

    async def _apply_impairments(self, scope: Scope, name: str, path: str) -> tuple[int, bool]:
        """Apply the impairments to a request.

        Returns:
            the error status (0 if none), and whether the request gets an injected cold start."""
        impairments = self._world.impairments
        if seconds := impairments.latency_seconds(self._region, path):
            await asyncio.sleep(self._world.clock.wall_seconds(seconds))
        pays = scope["method"] == "POST" and not self._api_host.fullmatch(name)
        cold = pays and impairments.takes_cold_start(self._region)
        if cold:
            await asyncio.get_running_loop().run_in_executor(
                None, self._world.end_idle_functions, self._region
            )
        return impairments.failing(self._region, path), cold

    def _default_api(self, api_id: str) -> dict[str, Any] | None:
        """Return the region's API with this id, if its default endpoint is enabled."""
        api: dict[str, Any] | None = apigateway._apis.get_scoped(ACCOUNT_ID, self._region, api_id)
        return None if api is None or api.get("disableExecuteApiEndpoint") else api

    def _target(self, name: str, path: str) -> Target | None:
        match = self._api_host.fullmatch(name)
        if match:
            known = self._default_api(match[1]) is not None
            return self._by_default_name(match[1], path) if known else None
        mappings = apigateway_v1._base_path_mappings.get_scoped(ACCOUNT_ID, self._region, name)
        best: tuple[int, Target] | None = None
        for key, mapping in (mappings or {}).items():
            prefix = "" if key in ("", "(none)") else f"/{key}"
            if (path == prefix or path.startswith(f"{prefix}/")) and (best is None or len(prefix) > best[0]):
                rest = path[len(prefix) :] or "/"
                best = len(prefix), Target(mapping["restApiId"], mapping["stage"], rest)
        return best[1] if best else None

    def _by_default_name(self, api_id: str, path: str) -> Target:
        first, _, rest = path.lstrip("/").partition("/")
        stages = apigateway._stages.get_scoped(ACCOUNT_ID, self._region, api_id, {})
        return Target(api_id, first, f"/{rest}") if first in stages else Target(api_id, "$default", path)

    async def _answer(
        self, scope: Scope, receive: Receive, target: Target, name: str, headers: dict[str, str]
    ) -> tuple[int, Mapping[str, Any], bytes]:
        stages = apigateway._stages.get_scoped(ACCOUNT_ID, self._region, target.api_id, {})
        if target.stage not in stages:
            return 404, JSON, b'{"message":"Not Found"}'
        body = await _body(receive)
        if body is None:
            return 413, JSON, b'{"message":"Request Entity Too Large"}'
        query = scope.get("query_string", b"").decode("latin-1")
        headers |= {
            "host": name,
            "x-amzn-trace-id": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}",
            "x-forwarded-for": scope["client"][0],
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        }
        integration.client_name.set(name)
        try:
            with request_scope(ACCOUNT_ID, self._region):
                async with disconnects.awaited(receive):
                    status, answer_headers, content = await apigateway.handle_execute(
                        target.api_id,
                        target.stage,
                        target.path,
                        scope["method"],
                        headers,
                        body,
                        parse_qs(query, keep_blank_values=True),
                        raw_query_string=query,
                    )
        except integration.FunctionThrottled:
            if disconnects.gone():
                raise Unanswered from None
            return 503, JSON, b'{"message":"Service Unavailable"}'
        except integration.FunctionFailed:
            return 500, JSON, b'{"message":"Internal Server Error"}'
        except Exception:
            log.exception("%s: %s %s of API %s", self._region, scope["method"], target.path, target.api_id)
            return 500, JSON, b'{"message":"Internal Server Error"}'
        return status, answer_headers, content if isinstance(content, bytes) else content.encode()


def _error_body(status: int) -> bytes:
    """Return the body of API Gateway's error response."""
    return json.dumps({"message": HTTPStatus(status).phrase}).encode()


def _headers(scope: Scope) -> dict[str, str]:
    """Return the request's headers: names in lower case, repeated headers joined as API Gateway does."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def _body(receive: Receive) -> bytes | None:
    """Return the request's body, or None if it is longer than API Gateway accepts."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)


async def _respond(scope: Scope, send: Send, status: int, headers: Mapping[str, Any], body: bytes) -> None:
    lines = [
        (b"date", formatdate(usegmt=True).encode()),
        (b"apigw-requestid", base64.b64encode(secrets.token_bytes(11))),
    ]
    for name, value in headers.items():
        if name.lower() != "content-length":
            for one in value if isinstance(value, list | tuple) else (value,):
                lines.append((name.lower().encode("latin-1"), str(one).encode("utf-8")))
    if status not in NO_BODY_STATUSES:
        lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
