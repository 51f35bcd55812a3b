"""HTTPS to one address under another name, telling apart what was surely not sent from what may have been.

An ordinary HTTP library resolves the name itself and hides how far a failed request got. A prober needs both:
it connects to the address that its own DNS cache holds, and must know whether a payment can have happened.
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
    """No byte of the request left this machine: it certainly did not happen."""


class MaybeSent(Exception):  # noqa: N818 - says how far the request got
    """The request was on its way, and no whole answer came: it may have happened or not."""


@dataclass(frozen=True)
class Reply:
    """An answer: the status, and the body as JSON (an empty dict when it is not a JSON object)."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)


class Connection(http.client.HTTPSConnection):
    """One TLS connection to `to`, with SNI, certificate check and Host header for `name`."""

    def __init__(
        self, name: str, *, to: tuple[str, int], context: ssl.SSLContext, clock: Clock, timeout_seconds: float
    ) -> None:
        """`timeout_seconds` is modelled, and is for a whole request; see `wall_timeout`."""
        super().__init__(name, 443, context=context)
        self._to = to
        self._tls = context
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._give_up_at = 0.0

    def connect(self) -> None:
        """Open the connection; raise NotSent when that fails."""
        # Wrapped before it is connected: a socket that is reset before it is wrapped is lost, and left open.
        family = socket.AF_INET6 if ":" in self._to[0] else socket.AF_INET
        made = self._tls.wrap_socket(
            socket.socket(family), server_hostname=self.host, do_handshake_on_connect=False
        )
        try:
            made.settimeout(self._left())
            made.connect(self._to)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(self._left())
            made.do_handshake()
        except OSError as error:
            made.close()
            raise NotSent(reason(error)) from error
        self.sock = made

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and return the answer, whatever its status. Raises NotSent or MaybeSent."""
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
        """Whether the connection is open, and the other side has not ended it while it was idle."""
        if self.sock is None:
            return False
        readable, _, _ = select.select([self.sock], [], [], 0)
        return not readable

    def _left(self) -> float:
        """Wall seconds that are left for this request; never zero, which would mean no timeout at all."""
        return max(0.001, self._clock.wall_seconds(self._give_up_at - self._clock.now()))


def patience(clock: Clock, seconds: float, *, wall_seconds: float = 2.0) -> float:
    """Return a timeout of `seconds` modelled seconds, made longer where that is less than `wall_seconds`.

    Computing is not modelled: a cold start takes the wall time that it takes, at every time scale.
    """
    return max(seconds, clock.scale * wall_seconds)


def reason(error: BaseException) -> str:
    """Say in a few stable words what went wrong on the way."""
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
