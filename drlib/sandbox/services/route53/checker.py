"""One check by one Route 53 health checker: a real connection, a real request, a sentence that reports it.

Rules from the Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy":
the TCP connection within 4 s (10 s for a TCP check), then a status of 200 to 399 within 2 s; for a string
match the body within 2 s more, and the string in its first 5,120 bytes. Certificates are not validated. The
guide does not say to which limit the TLS handshake counts: here it is part of connecting.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus

import h11

CONNECT_SECONDS = 4.0
"""Modelled seconds within which an HTTP or HTTPS endpoint must be connected to."""
TCP_CONNECT_SECONDS = 10.0
"""The same for a TCP check."""
RESPONSE_SECONDS = 2.0
"""Modelled seconds from there to the status, and from the status to the searched body."""
SEARCHED_BYTES = 5120
"""How much of a body is searched."""
MIN_LIMIT_WALL_SECONDS = 5.0
"""No limit is shorter than this on the wall, unless a fault is known to be the cause: see `Patience`."""

TIMED_OUT = "The health checker could not establish a connection within the timeout limit."
CLOSED = "The connection was closed by the endpoint."


@dataclass(frozen=True)
class TimeLimits:
    """How long a checker waits.

    A handler's computing takes wall time that does not shrink with the scale: 0.15 s of it must not count as
    3 s. So no limit ends before `FLOOR_WALL_SECONDS`. Where a delay is injected that outlasts the limit, no
    computing is waited for, and the limit holds as modelled; also when the fault comes in the middle of a
    check.

    Args:
        scale: modelled seconds in one wall second.
        injected_seconds: returns the modelled delay that a fault adds to an answer; infinite if none comes.
    """

    scale: float
    injected_seconds: Callable[[], float] = lambda: 0.0

    @contextlib.asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError in the body when it takes more than `seconds` modelled seconds."""
        loop = asyncio.get_running_loop()
        modelled = seconds / self.scale
        async with asyncio.timeout(max(modelled, MIN_LIMIT_WALL_SECONDS)) as timeout:
            next_poll = loop.call_later(modelled, lambda: poll())

            def poll() -> None:
                nonlocal next_poll
                if self.injected_seconds() >= seconds:
                    timeout.reschedule(loop.time())
                else:
                    next_poll = loop.call_later(modelled, poll)

            try:
                yield
            finally:
                next_poll.cancel()


@dataclass(frozen=True)
class Endpoint:
    """What to check.

    Args:
        address: where to connect.
        port: its TCP port.
        tls: whether to speak TLS.
        server_name: the name in the TLS hello; empty when SNI is off.
        host: the Host header; empty for a TCP check, which sends nothing.
        path: path and query.
        search: the string to find in the body; empty to look at the status alone.
        resolved: the address that DNS gave, for the report; empty if none was asked for.
    """

    address: str
    port: int
    tls: bool = False
    server_name: str = ""
    host: str = ""
    path: str = "/"
    search: str = ""
    resolved: str = ""


def insecure_context() -> ssl.SSLContext:
    """Return a client's TLS context that accepts any certificate, as health checkers do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def timeout_report(endpoint: Endpoint) -> str:
    """Return the report of a checker to whose connection nobody answers."""
    return f"Failure: {_where(endpoint)}{TIMED_OUT}"


async def check(endpoint: Endpoint, limits: TimeLimits, context: ssl.SSLContext) -> tuple[bool, str]:
    """Check once; return whether the endpoint passed, and the sentence that GetHealthCheckStatus shows."""
    where = _where(endpoint)
    try:
        async with limits.limit(CONNECT_SECONDS if endpoint.host else TCP_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                endpoint.address,
                endpoint.port,
                ssl=context if endpoint.tls else None,
                server_hostname=endpoint.server_name if endpoint.tls else None,
            )
    except TimeoutError:
        return False, timeout_report(endpoint)
    except ssl.SSLEOFError:
        return False, f"Failure: {where}{CLOSED}"
    except ssl.SSLError as error:
        reason = re.sub(r"^(sslv3|tlsv1|tlsv13)_(alert_)?", "", (error.reason or "handshake_failure").lower())
        return False, f"Failure: {where}SSL alert {reason}"
    except ConnectionRefusedError:
        return False, f"Failure: {where}Connection refused by the endpoint."
    except OSError:
        return False, f"Failure: {where}{CLOSED}"
    try:
        if not endpoint.host:
            return True, "Success: TCP connection established."
        return await _request(endpoint, limits, reader, writer, where)
    except TimeoutError:
        return False, f"Failure: {where}The health checker did not get a response within the timeout limit."
    except (OSError, EOFError, h11.RemoteProtocolError):
        return False, f"Failure: {where}{CLOSED}"
    finally:
        writer.transport.abort()


def _where(endpoint: Endpoint) -> str:
    return f"Resolved IP: {endpoint.resolved}. " if endpoint.resolved else ""


async def _request(
    endpoint: Endpoint,
    limits: TimeLimits,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    where: str,
) -> tuple[bool, str]:
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(
        method="GET",
        target=endpoint.path,
        headers=[
            ("Host", endpoint.host),
            ("User-Agent", "Amazon-Route53-Health-Check-Service"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ],
    )
    writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    async with limits.limit(RESPONSE_SECONDS):
        answer = await _next(connection, reader)
        while isinstance(answer, h11.InformationalResponse):
            answer = await _next(connection, reader)
    if not isinstance(answer, h11.Response):
        raise EOFError
    text = _status_text(answer, endpoint.resolved)
    passed = 200 <= answer.status_code < 400
    async with limits.limit(RESPONSE_SECONDS):
        body = await _body(connection, reader)
    if passed and endpoint.search and endpoint.search.encode() not in body:
        return False, f"Failure: {text}. The search string was not found in the response body."
    return passed, f"{'Success' if passed else 'Failure'}: {text}"


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    """Return the next event of the answer, reading what it takes."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(8192))
    return event


async def _body(connection: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    """Return the first `SEARCHED_BYTES` of the answer's body."""
    body = b""
    while len(body) < SEARCHED_BYTES:
        event = await _next(connection, reader)
        if not isinstance(event, h11.Data):
            break
        body += bytes(event.data)
    return body[:SEARCHED_BYTES]


def _status_text(answer: h11.Response, resolved: str) -> str:
    code = answer.status_code
    known = code in HTTPStatus._value2member_map_
    phrase = answer.reason.decode("ascii", "replace") or (HTTPStatus(code).phrase if known else "")
    text = f"HTTP Status Code {code}, {phrase}" if phrase else f"HTTP Status Code {code}"
    return f"{text}. Resolved IP: {resolved}" if resolved else text
