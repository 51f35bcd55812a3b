"""Worlds for tests of single parts: no server, and a clock that stands until it is moved."""

from __future__ import annotations

from pathlib import Path

from drlib.core.clock import Clock
from drlib.sandbox.world import World
from tests.fakes import StandingClock

EDGES = {"us-east-1": "127.0.0.11", "us-east-2": "127.0.0.12", "us-west-2": "127.0.0.14"}


def standing(instant: float = 0.0) -> StandingClock:
    return StandingClock(scale=1.0, anchor=0.0, shown=([instant],))


def world(folder: Path, clock: Clock, *, dns_port: int = 0, edge_port: int = 0) -> World:
    """Return a world of three regions, named after `folder`, so that no two tests share a board."""
    return World(
        clock=clock,
        instance_id=str(folder),
        folder=folder,
        seed=1,
        replication_lag_seconds=1.0,
        edges=dict(EDGES),
        edge_ports=dict.fromkeys(EDGES, edge_port),
        edge_hosts=dict.fromkeys(EDGES, "127.0.0.1"),
        aws_port=0,
        dns_port=dns_port,
    )
