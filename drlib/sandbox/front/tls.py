"""The edges' certificates, issued by the sandbox's own certificate authority.

As on AWS, a name has a certificate in a region only if the region has a custom domain for it with an issued
certificate, or if it is the default name of one of the region's APIs. The TLS handshake fails for any other
name.
"""

from __future__ import annotations

import contextlib
import contextvars
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import trustme

HTTP_1_1 = ["http/1.1"]
# A TLS record: alert, version 1.2, two bytes: fatal, unrecognized_name (RFC 8446, section 6).
UNRECOGNIZED_NAME = bytes([21, 3, 3, 0, 2, 2, 112])

handshaking: contextvars.ContextVar[socket.socket] = contextvars.ContextVar("handshaking")
"""The accepted socket whose handshake runs in this context."""


class Certificates:
    """Issues one certificate for each name. The authority's key never leaves the process.

    Args:
        ca_file: file for the authority's certificate, which clients trust.
    """

    def __init__(self, ca_file: Path) -> None:
        self._authority = trustme.CA(organization_name="drlib sandbox")
        self._authority.cert_pem.write_to_path(str(ca_file))
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, name: str) -> ssl.SSLContext:
        """Return the server context that presents a certificate for `name`."""
        context = self._contexts.get(name)
        if context is None:
            context = _server_context()
            self._authority.issue_cert(name).configure_cert(context)
            self._contexts[name] = context
        return context

    def edge_context(self, has_certificate: Callable[[str], bool]) -> ssl.SSLContext:
        """Return the context of one region's edge: it accepts names for which `has_certificate` is true."""
        base = _server_context()

        def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
            if name is None or not has_certificate(name.lower()):
                _send_alert()
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = self.context(name.lower())
            return None

        base.sni_callback = choose
        return base


def _send_alert() -> None:
    # asyncio drops the alert that OpenSSL sends when a handshake fails; without it, the client only sees EOF.
    with contextlib.suppress(LookupError, OSError):
        handshaking.get().send(UNRECOGNIZED_NAME)


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(HTTP_1_1)
    return context
