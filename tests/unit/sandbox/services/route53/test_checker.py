"""One check by one checker, against real servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme

from drlib.sandbox.services.route53 import checker
from drlib.sandbox.services.route53.checker import Endpoint, TimeLimits

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def answering(raw: bytes, seen: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request)
        writer.write(raw)
        await writer.drain()
        await reader.read()

    return serve


def http(status: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def checked(
    serve: Serve,
    *,
    search: str = "",
    resolved: str = "",
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
    limits: TimeLimits | None = None,
    host: str = "api.test",
) -> tuple[bool, str]:
    async def run() -> tuple[bool, str]:
        async with serving(serve, tls) as port:
            endpoint = Endpoint(
                "127.0.0.1",
                port,
                tls=tls is not None,
                server_name=server_name,
                host=host,
                path="/healthz",
                search=search,
                resolved=resolved,
            )
            return await checker.check(endpoint, limits or TimeLimits(1.0), checker.insecure_context())

    return asyncio.run(run())


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an HTTP health check passes with a status of 2xx or 3xx",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
@pytest.mark.parametrize(
    ("status", "passed", "text"),
    [
        ("200 OK", True, "Success: HTTP Status Code 200, OK"),
        ("204 No Content", True, "Success: HTTP Status Code 204, No Content"),
        ("302 Found", True, "Success: HTTP Status Code 302, Found"),
        ("399 Odd", True, "Success: HTTP Status Code 399, Odd"),
        ("404 Not Found", False, "Failure: HTTP Status Code 404, Not Found"),
        ("503 ", False, "Failure: HTTP Status Code 503, Service Unavailable"),
    ],
)
def test_2xx_and_3xx_pass(status: str, passed: bool, text: str) -> None:
    assert checked(answering(http(status))) == (passed, text)


def test_the_resolved_address_is_reported() -> None:
    passed, text = checked(answering(http("200 OK")), resolved="127.0.0.12")
    assert (passed, text) == (True, "Success: HTTP Status Code 200, OK. Resolved IP: 127.0.0.12")


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a health check requests its path and host name, with the user agent of a Route 53 checker",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
def test_the_request_is_that_of_a_health_checker() -> None:
    seen: list[bytes] = []
    checked(answering(http("200 OK"), seen))
    assert seen[0].startswith(b"GET /healthz HTTP/1.1\r\n")
    assert b"\r\nHost: api.test\r\n" in seen[0]
    assert b"\r\nUser-Agent: Amazon-Route53-Health-Check-Service" in seen[0]


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a string-matching check searches the first 5,120 bytes of the body",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
@pytest.mark.parametrize(
    ("body", "passed"),
    [
        (b"all is ok here", True),
        (b"all is OK here", False),
        (b"x" * 5118 + b"ok", True),
        (b"x" * 5119 + b"ok", False),  # not entirely in the first 5,120 bytes
        (b"", False),
    ],
)
def test_a_string_is_looked_for_in_the_first_5120_bytes(body: bytes, passed: bool) -> None:
    assert checked(answering(http("200 OK", body)), search="ok")[0] is passed


def test_a_string_does_not_make_up_for_a_bad_status() -> None:
    assert checked(answering(http("500 Oh", b"ok")), search="ok") == (
        False,
        "Failure: HTTP Status Code 500, Oh",
    )


def test_a_chunked_body_is_read() -> None:
    raw = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"s\r\n9\r\ntatus":1}\r\n0\r\n\r\n'
    assert checked(answering(raw), search='"status"')[0] is True


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an HTTPS health check sends the name (SNI) and does not validate the certificate",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
def test_a_certificate_is_not_validated_and_the_name_is_in_the_hello() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("somebody.else.test").configure_cert(context)
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    for server_name in ("api.test", ""):
        assert checked(answering(http("200 OK")), tls=context, server_name=server_name)[0] is True
    assert names == ["api.test", None]


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an HTTPS health check fails if the TLS handshake for its name fails",
    level="documented",
    source="Route 53 Developer Guide, Values that you specify when you create or update health checks",
)
def test_an_unknown_name_fails_the_handshake() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda sock, name, ctx: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    def refuse_one(listener: socket.socket) -> None:
        # A blocking server: an asyncio server closes before it sends its alert.
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse_one, args=(listener,))
        thread.start()
        endpoint = Endpoint(*listener.getsockname(), tls=True, server_name="api.test", host="api.test")
        result = asyncio.run(checker.check(endpoint, TimeLimits(1.0), checker.insecure_context()))
        thread.join()
    assert result == (False, "Failure: SSL alert unrecognized_name")


def test_a_closed_port_is_refused() -> None:
    async def run() -> tuple[bool, str]:
        async with serving(answering(b"")) as port:
            pass
        endpoint = Endpoint("127.0.0.1", port, host="api.test", resolved="127.0.0.1")
        return await checker.check(endpoint, TimeLimits(1.0), checker.insecure_context())

    assert asyncio.run(run()) == (
        False,
        "Failure: Resolved IP: 127.0.0.1. Connection refused by the endpoint.",
    )


@pytest.mark.parametrize(
    "raw",
    [b"", b"HTTP/1.1 200 OK\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"],
)
def test_an_answer_that_breaks_off_fails(raw: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.write_eof()
        await reader.read()

    assert checked(serve) == (False, "Failure: The connection was closed by the endpoint.")


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a TCP health check passes as soon as the connection opens",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
def test_a_tcp_check_needs_the_connection_alone() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    assert checked(silent, host="") == (True, "Success: TCP connection established.")


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a checker allows 4 seconds to connect and 2 seconds for the response",
    level="approximated",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
    note="the limits apply to delays by faults, in modelled time; a slow machine is given longer",
)
def test_a_hanging_endpoint_fails_at_the_modelled_limit_when_a_fault_is_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checker, "MIN_LIMIT_WALL_SECONDS", 3600.0)
    limits = TimeLimits(60.0, lambda: float("inf"))
    passed, text = checked(never, limits=limits)
    assert (passed, text) == (
        False,
        "Failure: The health checker did not get a response within the timeout limit.",
    )


def test_a_handshake_that_hangs_counts_to_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "MIN_LIMIT_WALL_SECONDS", 3600.0)

    async def run() -> tuple[bool, str]:
        async with serving(never) as port:
            endpoint = Endpoint("127.0.0.1", port, tls=True, server_name="api.test", host="api.test")
            return await checker.check(
                endpoint, TimeLimits(60.0, lambda: float("inf")), checker.insecure_context()
            )

    assert asyncio.run(run()) == (False, f"Failure: {checker.TIMED_OUT}")


def test_a_fault_that_comes_in_the_middle_of_a_check_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "MIN_LIMIT_WALL_SECONDS", 3600.0)
    looks = iter([0.0, 0.0])
    passed, text = checked(never, limits=TimeLimits(600.0, lambda: next(looks, float("inf"))))
    assert (passed, "did not get a response" in text) == (False, True)


def test_slow_computing_is_waited_for_beyond_the_modelled_limit() -> None:
    scale = 1000.0  # the modelled limit of 2 s is over after 2 ms
    limit_is_over = 4 * checker.RESPONSE_SECONDS / scale

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(limit_is_over)
        writer.write(http("200 OK"))
        await reader.read()

    assert checked(slow, limits=TimeLimits(scale, lambda: 1.0))[0] is True
    assert checked(slow, limits=TimeLimits(scale, lambda: 2.0))[0] is False
