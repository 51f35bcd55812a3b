"""A Pulumi `aws` provider over boto3, for the sandbox's AWS.

The real Pulumi engine calls it over gRPC instead of the official plugin; the engine's debugging variable
attaches it::

    with provider.serve("http://127.0.0.1:4566") as server:
        env = {"PULUMI_DEBUG_PROVIDERS": f"aws:{server.port}", ...}

The sandbox starts it in its own process (`drlib.sandbox.process.provider_process`). As with the official
plugin, creations that have begun complete when the engine's process is killed. `serve` imports gRPC, boto3
and the types, so importing this package is cheap. `resource_types.py` lists the supported types; an
unsupported type or input is an error at preview, and is never ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drlib.sandbox.provider.server import Server

__all__ = ["serve"]


def serve(endpoint_url: str, *, access_key: str = "test", secret_key: str = "test") -> Server:  # noqa: S107
    """Start the provider on a free loopback port and return its server.

    Args:
        endpoint_url: the endpoint of all AWS calls, `http://127.0.0.1:PORT`.
        access_key: access key id that signs the calls; "test" is the sandbox's root.
        secret_key: its secret.

    Returns:
        A running server with `.port` and `.stop()`; also a context manager that stops it.
    """
    from drlib.sandbox.provider.server import Server

    return Server(endpoint_url, access_key=access_key, secret_key=secret_key)
