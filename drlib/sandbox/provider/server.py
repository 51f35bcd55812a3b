"""The provider's gRPC server."""

from __future__ import annotations

from concurrent import futures
from types import TracebackType
from typing import Self

import grpc
from pulumi.runtime.proto import provider_pb2_grpc as protocol

from drlib.sandbox.provider.clients import Clients
from drlib.sandbox.provider.servicer import Servicer

_MESSAGE_BYTES = 400 * 1024 * 1024  # the engine's limit


class Server:
    """A running provider on `127.0.0.1:port`.

    Args:
        endpoint_url: the endpoint of all AWS calls.
        access_key: access key id.
        secret_key: its secret.
    """

    def __init__(self, endpoint_url: str, *, access_key: str, secret_key: str) -> None:
        self._clients = Clients(endpoint_url, access_key=access_key, secret_key=secret_key)
        self._workers = futures.ThreadPoolExecutor(32, thread_name_prefix="provider")
        self._server = grpc.server(
            self._workers,
            options=[
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),
            ],
        )
        protocol.add_ResourceProviderServicer_to_server(Servicer(self._clients), self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        """Stop serving; calls in flight are cancelled. A second call does nothing."""
        self._server.stop(grace=None).wait()
        self._workers.shutdown(wait=True)
        self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
