"""A Pulumi `aws` provider over boto3, for the AWS that the sandbox serves.

The real Pulumi engine calls it over gRPC in place of the official plugin, attached by the engine's own
debugging variable::

    with provider.serve("http://127.0.0.1:4566") as server:
        env = {"PULUMI_DEBUG_PROVIDERS": f"aws:{server.port}", ...}

It runs in a process of its own, which the sandbox starts (`drlib.sandbox.process.provider_process`): as the
official plugin, it goes on with what it is making when whoever runs the engine is killed. Importing this
package costs nothing: gRPC, boto3 and the types are imported by `serve`. `resource_types.py` lists the types
that it knows; a type or an input that it does not know is an error at preview, never ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drlib.sandbox.provider.server import Server

__all__ = ["serve"]


def serve(endpoint_url: str, *, access_key: str = "test", secret_key: str = "test") -> Server:  # noqa: S107
    """Start the provider on a free loopback port and return its server.

    Args:
        endpoint_url: where every AWS call goes, `http://127.0.0.1:PORT`.
        access_key: access key id that signs the calls; "test" is the sandbox's root.
        secret_key: its secret.

    Returns:
        A running server with `.port` and `.stop()`; also a context manager that stops it.
    """
    from drlib.sandbox.provider.server import Server

    return Server(endpoint_url, access_key=access_key, secret_key=secret_key)
