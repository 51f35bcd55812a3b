"""The server's sockets, on loopback only: the control port, one edge for each region, and DNS."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
from dataclasses import dataclass

from drlib.sandbox.front.listener import listening_socket

REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
    "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ap-south-1",
    "me-south-1", "af-south-1",
)  # fmt: skip
"""The regions that have an edge. Their addresses follow the order: 127.0.0.11, 127.0.0.12, ..."""

log = logging.getLogger("drlib.sandbox")


@dataclass(frozen=True)
class Sockets:
    """The server's sockets, bound before the emulator is imported, because it reads its port then."""

    aws: socket.socket
    edges: dict[str, socket.socket]
    dns_port: int


def edge_addresses() -> dict[str, str]:
    """Return region -> the loopback address that DNS returns for its edge."""
    return {region: f"127.0.0.{11 + index}" for index, region in enumerate(REGIONS)}


def bind() -> Sockets:
    """Bind the control port and one edge for each region, and find a free port for DNS.

    Each edge has its own loopback address, and all edges share a port. On a machine that has only 127.0.0.1,
    each edge has its own port instead.
    """
    aws = listening_socket("127.0.0.1")
    addresses = edge_addresses()
    for _ in range(20):
        bound: dict[str, socket.socket] = {}
        port = 0
        try:
            for region, address in addresses.items():
                bound[region] = listening_socket(address, port)
                port = bound[region].getsockname()[1]
            return Sockets(aws, bound, _free_dns_port())
        except OSError as error:
            for sock in bound.values():
                sock.close()
            if not bound:
                log.warning("one loopback address only (%s): regions differ by port", error)
                break
    edges = {region: listening_socket("127.0.0.1") for region in REGIONS}
    return Sockets(aws, edges, _free_dns_port())


def _free_dns_port() -> int:
    # Below the range of ephemeral ports, so that the port stays free until DNS binds it.
    for port in random.sample(range(20_000, 30_000), 50):
        with contextlib.suppress(OSError), listening_socket("127.0.0.1", port):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
                datagrams.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port for DNS on 127.0.0.1 between 20000 and 30000")
