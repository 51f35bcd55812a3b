"""A listening socket that can refuse, reset or hang, as a failed region's endpoint does.

uvicorn's server cannot close one of several sockets, or leave a connection without an answer. So this module
manages the socket and its connections, and uses only uvicorn's HTTP protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from drlib.sandbox.front.tls import handshaking

BACKLOG = 512
HANDSHAKE_WALL_SECONDS = 10.0
KEEP_ALIVE_WALL_SECONDS = 75
ACCEPT_PAUSE_WALL_SECONDS = 0.2
# SO_LINGER with a time of zero: closing sends RST in place of FIN.
ABORTIVE = struct.pack("ii", 1, 0)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("drlib.sandbox")


def listening_socket(host: str, port: int = 0) -> socket.socket:
    """Return a socket bound to `host` and `port` (0: any free one), not listening yet.

    Raises:
        OSError: this machine does not have the address, or the port is in use.
    """
    # asyncio sets TCP_NODELAY only if the protocol is given. Without it, each answer of two packets waits
    # 40 ms for an acknowledgement.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


class Unanswered(Exception):
    """The request gets no answer: the region hangs, or the client has disconnected."""


class Listener:
    """Serves `app` on a bound socket, in the running loop.

    Args:
        app: an ASGI application. Its scope has one more entry, `drlib.abort`, which resets the connection.
        sock: from `listening_socket`; the listener owns it.
        tls: server context for HTTPS; None for plain HTTP.
    """

    def __init__(self, app: App, sock: socket.socket, *, tls: ssl.SSLContext | None = None) -> None:
        self.mode = ""
        self._app = app
        self._sock = sock
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._config = Config(
            app,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            reset_contextvars=True,  # the caller of one request must not leak into the next one
            timeout_keep_alive=KEEP_ALIVE_WALL_SECONDS,
        )
        self._state = ServerState()
        self._transports: set[asyncio.BaseTransport] = set()
        self._handshakes: dict[socket.socket, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()

    def start(self) -> None:
        """Begin to accept connections."""
        self._sock.listen(BACKLOG)
        self._loop.add_reader(self._sock, self._accept)

    def fail(self, mode: str) -> None:
        """Start a failure at once: `refuse`, `reset` or `hang`; "" ends it.

        refuse: connections are refused, and open ones are reset.
        reset: connections are accepted and reset, and open ones are reset.
        hang: connections are accepted and never answered; open ones get no more answers.
        """
        if mode == self.mode:
            return
        before, self.mode = self.mode, mode
        self._changed.set()
        self._changed = asyncio.Event()
        if before == "refuse":
            self.start()
        if mode == "refuse":
            self._stop_listening()
        if mode in ("refuse", "reset") or before == "hang":
            self.abort_all()

    def abort_all(self) -> None:
        """Reset every open connection."""
        for transport in list(self._transports):
            _abort(transport)
        for sock, task in self._handshakes.items():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
            task.cancel()

    def stop(self) -> None:
        """Close the socket and every connection."""
        self._loop.remove_reader(self._sock)
        self._sock.close()
        self.mode = "refuse"
        self._changed.set()
        self.abort_all()

    def _stop_listening(self) -> None:
        # A bound socket that does not listen refuses connections and keeps its port.
        host, port = self._sock.getsockname()
        self._loop.remove_reader(self._sock)
        self._sock.close()
        self._sock = listening_socket(host, port)

    def _accept(self) -> None:
        try:
            sock, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            # Probably no file descriptor is free. The socket stays readable, so pause.
            log.error("cannot accept a connection: %s", error)
            self._loop.remove_reader(self._sock)
            self._loop.call_later(ACCEPT_PAUSE_WALL_SECONDS, self._accept_again)
            return
        sock.setblocking(False)
        if self.mode == "reset":
            _reset(sock)
        else:
            task = self._loop.create_task(self._hold(sock) if self.mode == "hang" else self._serve(sock))
            self._tasks.add(task)
            self._handshakes[sock] = task
            task.add_done_callback(lambda done: self._served(done, sock))

    def _served(self, task: asyncio.Task[None], sock: socket.socket) -> None:
        self._tasks.discard(task)
        if self._handshakes.pop(sock, None) is not None:
            # The task was cancelled before it started.
            sock.close()

    def _accept_again(self) -> None:
        if self._sock.fileno() >= 0 and self.mode != "refuse":
            self._loop.add_reader(self._sock, self._accept)

    async def _hold(self, sock: socket.socket) -> None:
        """Keep a connection without an answer, until the client disconnects or the region heals."""
        self._handshakes.pop(sock)
        with contextlib.suppress(OSError):
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: _SilentProtocol(self._transports), sock
            )
            if self.mode != "hang":
                _abort(transport)

    async def _serve(self, sock: socket.socket) -> None:
        """Do the handshake of a connection; then its protocol serves it."""
        timeout = HANDSHAKE_WALL_SECONDS if self._tls else None
        handshaking.set(sock)
        try:
            await self._loop.connect_accepted_socket(
                self._http_protocol, sock, ssl=self._tls, ssl_handshake_timeout=timeout
            )
        except (OSError, asyncio.CancelledError):
            # The client disconnected, its name has no certificate here, or the region failed.
            return
        finally:
            self._handshakes.pop(sock, None)

    def _http_protocol(self) -> _HttpProtocol:
        return _HttpProtocol(self, self._config, self._state)

    def opened(self, transport: asyncio.Transport) -> App:
        """Register a connection, and return its application, which gives no answer while the region hangs."""
        self._transports.add(transport)
        if self.mode in ("refuse", "reset"):
            _abort(transport)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_unless_hanging(message: Any) -> None:
                await self._unless_hanging()
                await send(message)

            scope = {**scope, "drlib.abort": lambda: _abort(transport)}
            try:
                await self._unless_hanging()
                await self._app(scope, receive, send_unless_hanging)
            except Unanswered:
                _abort(transport)
            # A client that has disconnected is not an error of the application.
            while transport.is_closing() and (await receive())["type"] != "http.disconnect":
                pass

        return app

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """Remove a closed connection."""
        self._transports.discard(transport)

    async def _unless_hanging(self) -> None:
        if self.mode == "hang":
            while self.mode == "hang":
                await self._changed.wait()
            raise Unanswered


class _HttpProtocol(HttpToolsProtocol):
    """Speaks HTTP on one connection of a listener."""

    def __init__(self, listener: Listener, config: Config, state: ServerState) -> None:
        super().__init__(config, state, {})
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.app = self._listener.opened(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.closed(self.transport)
        super().connection_lost(exc)


class _SilentProtocol(asyncio.Protocol):
    """Reads all data and never answers."""

    def __init__(self, transports: set[asyncio.BaseTransport]) -> None:
        self._transports = transports
        self._mine: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._mine = transport
        self._transports.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._mine is not None
        self._transports.discard(self._mine)


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
    sock.close()


def _abort(transport: asyncio.BaseTransport) -> None:
    assert isinstance(transport, asyncio.Transport)
    if not transport.is_closing():
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
    transport.abort()
