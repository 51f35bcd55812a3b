"""HTTPS connections to a given address for a given name; errors say whether the request may have been sent.

An ordinary HTTP library resolves the name itself and does not report how far a failed request got. A probing
client connects to the address in its own DNS cache, and must know whether a payment can have happened.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drlib.core.clock import Clock


class NotSent(Exception):  # noqa: N818 - says how far the request got
    """The connection failed before the request was sent: it was certainly not processed."""


class MaybeSent(Exception):  # noqa: N818 - says how far the request got
    """The request was sent at least in part, without a complete answer: it may have been processed."""


@dataclass(frozen=True)
class Reply:
    """An answer: the status, and the body as JSON (an empty dict if it is not a JSON object)."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)


class Connection(http.client.HTTPSConnection):
    """One TLS connection to `to`, with SNI, certificate check and Host header for `name`."""

    def __init__(
        self, name: str, *, to: tuple[str, int], context: ssl.SSLContext, clock: Clock, timeout_seconds: float
    ) -> None:
        """`timeout_seconds` is in modelled seconds, for a whole request."""
        super().__init__(name, 443, context=context)
        self._to = to
        self._tls = context
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._give_up_at = 0.0

    def connect(self) -> None:
        """Open the connection. Raises NotSent."""
        # Wrap the socket before it connects: one that is reset before it is wrapped would stay open.
        family = socket.AF_INET6 if ":" in self._to[0] else socket.AF_INET
        sock = self._tls.wrap_socket(
            socket.socket(family), server_hostname=self.host, do_handshake_on_connect=False
        )
        try:
            sock.settimeout(self._left())
            sock.connect(self._to)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self._left())
            sock.do_handshake()
        except OSError as error:
            sock.close()
            raise NotSent(reason(error)) from error
        self.sock = sock

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and return the answer with any status. Raises NotSent or MaybeSent."""
        self._give_up_at = self._clock.now() + self._timeout_seconds
        if self.sock is None:
            self.connect()
        content = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})} if content else dict(headers or {})
        try:
            self.sock.settimeout(self._left())
            self.request(method, path, body=content, headers=sent)
            self.sock.settimeout(self._left())
            with self.getresponse() as response:
                return Reply(response.status, _as_object(response.read()))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise MaybeSent(reason(error)) from error

    @property
    def usable(self) -> bool:
        """Whether the connection is open, and the server has not closed it while it was idle."""
        if self.sock is None:
            return False
        readable, _, _ = select.select([self.sock], [], [], 0)
        return not readable

    def _left(self) -> float:
        """Return the wall seconds left for this request; at least 0.001, because 0 would mean no timeout."""
        return max(0.001, self._clock.wall_seconds(self._give_up_at - self._clock.now()))


def patience(clock: Clock, seconds: float, *, wall_seconds: float = 2.0) -> float:
    """Return a timeout in modelled seconds: `seconds`, or `wall_seconds` if that is longer.

    Computing, such as a cold start, takes the same wall time at every time scale.
    """
    return max(seconds, clock.scale * wall_seconds)


def reason(error: BaseException) -> str:
    """Return a short, stable description of a connection error."""
    words: tuple[tuple[type[BaseException], str], ...] = (
        (ConnectionRefusedError, "connection refused"),
        (TimeoutError, "timed out"),
        (ssl.SSLCertVerificationError, "certificate not accepted"),
        (http.client.RemoteDisconnected, "closed without an answer"),
        (ConnectionResetError, "connection reset"),
        (BrokenPipeError, "connection reset"),
        (ssl.SSLEOFError, "closed during the TLS handshake"),
        (ssl.SSLError, "TLS error"),
        (http.client.HTTPException, "broken answer"),
    )
    return next((text for kind, text in words if isinstance(error, kind)), type(error).__name__)


def _as_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
