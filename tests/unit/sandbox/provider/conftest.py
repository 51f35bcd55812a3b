"""The provider on a running sandbox, driven over gRPC as the engine drives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc as protocol

from drlib.sandbox.process.state import Status
from drlib.sandbox.provider import serve
from drlib.sandbox.provider.clients import Clients

from .engine import Engine


@pytest.fixture(scope="session")
def stub(sandbox: Status) -> Iterator[Any]:
    """A connection to the provider on the shared sandbox."""
    with serve(sandbox.aws_endpoint) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield protocol.ResourceProviderStub(channel)


@pytest.fixture
def engine(stub: Any) -> Iterator[Engine]:
    """An engine that leaves nothing behind."""
    engine = Engine(stub)
    yield engine
    engine.clear()


@pytest.fixture(scope="session")
def clients(sandbox: Status) -> Iterator[Clients]:
    """boto3 clients of the shared sandbox, to look and to meddle from outside."""
    clients = Clients(sandbox.aws_endpoint, access_key="test", secret_key="test")
    yield clients
    clients.close()
