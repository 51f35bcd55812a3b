"""Fixtures: a target of two local regions, a run, a deployment, its AWS clients."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from drlib import parameters
from drlib.core import aws_calls, clock
from drlib.core.clock import Clock
from drlib.deployed.deployment import Deployment
from drlib.runs.approval import Approval
from drlib.runs.folders import open_run
from drlib.runs.run import Run
from tests.aws_clients import Aws
from tests.fakes import TwoRegions
from tests.two_regions import PRIMARY, STANDBY, Region, deployed


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def here(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoRegions]:
    """A target whose clock runs 60 times faster than the wall."""
    monkeypatch.setenv("DRLIB_HOME", str(tmp_path))
    monkeypatch.setattr(aws_calls, "_assumed", aws_calls.NO_PURPOSE)
    monkeypatch.setattr(clock, "PATIENCE_WALL_SECONDS", 0.0)  # many tests wait for what never comes
    regions = {name: Region(name, authority) for name in (PRIMARY, STANDBY)}
    context = ssl.create_default_context()
    authority.configure_trust(context)
    folder = tmp_path / "instance"
    folder.mkdir()
    yield TwoRegions(
        clock=Clock(scale=60.0, anchor=time.time()),
        settings=parameters.make({"time_scale": 60.0}),
        folder=folder,
        regions=regions,
        context=context,
    )
    for region in regions.values():
        region.stop()


@pytest.fixture
def run(here: TwoRegions) -> Run:
    return open_run(here.settings, here, runbook="30-drill-failover")


@pytest.fixture
def approval() -> Approval:
    return Approval("drill", "drill@sandbox")


@pytest.fixture
def deployment() -> Deployment:
    return deployed()


@pytest.fixture
def aws(here: TwoRegions, deployment: Deployment) -> Aws:
    return Aws(here, deployment)
