"""One check by one Route 53 health checker: it connects, sends a request and reports the result.

Rules from the Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy":
the TCP connection within 4 s (10 s for a TCP check), then a status of 200 to 399 within 2 s; for a string
match the body within 2 s more, with the string in its first 5,120 bytes. Certificates are not validated. The
guide does not say which limit includes the TLS handshake: here the connection limit does.
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
"""Connection limit of an HTTP or HTTPS check, in modelled seconds."""
TCP_CONNECT_SECONDS = 10.0
"""Connection limit of a TCP check, in modelled seconds."""
RESPONSE_SECONDS = 2.0
"""Modelled seconds from the connection to the status, and from the status to the searched body."""
SEARCHED_BYTES = 5120
"""Bytes of the body that are searched."""
MIN_LIMIT_WALL_SECONDS = 5.0
"""Shortest limit in wall seconds, unless an injected fault causes the delay: see `TimeLimits`."""

TIMED_OUT = "The health checker could not establish a connection within the timeout limit."
CLOSED = "The connection was closed by the endpoint."


@dataclass(frozen=True)
class TimeLimits:
    """The time limits of a check.

    A function computes in wall time, which does not scale: at scale 20, 0.15 s of computing must not count as
    3 s. So no limit ends before `MIN_LIMIT_WALL_SECONDS`. But if a fault injects a delay longer than the
    limit, the modelled limit applies, even if the fault starts during the check.

    Args:
        scale: modelled seconds in one wall second.
        injected_seconds: returns the modelled delay that a fault adds to an answer; infinite for no answer.
    """

    scale: float
    injected_seconds: Callable[[], float] = lambda: 0.0

    @contextlib.asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError if the body takes more than `seconds` modelled seconds."""
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
    """The endpoint that a checker checks.

    Args:
        address: the address to connect to.
        port: the TCP port.
        tls: whether to use TLS.
        server_name: the name for SNI; empty if SNI is off.
        host: the Host header; empty for a TCP check, which sends nothing.
        path: path and query.
        search: the string to find in the body; empty to check only the status.
        resolved: the address from DNS, for the report; empty if the check has an IP address.
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
    """Return a TLS client context that accepts any certificate, as health checkers do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def timeout_report(endpoint: Endpoint) -> str:
    """Return the report of a connection that times out."""
    return f"Failure: {_where(endpoint)}{TIMED_OUT}"


async def check(endpoint: Endpoint, limits: TimeLimits, context: ssl.SSLContext) -> tuple[bool, str]:
    """Check once; return whether the check passed, and the status text of GetHealthCheckStatus."""
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
    """Return the next event of the response; read from the connection as needed."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(8192))
    return event


async def _body(connection: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    """Return the first `SEARCHED_BYTES` of the response body."""
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
