"""Fixtures for every test: an environment without a cloud in it, and a sandbox of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from drlib.sandbox.process import life
from drlib.sandbox.process.state import Status

PACE = {"time_scale": 20.0, "attempt_interval_seconds": 12.0}
"""The shared sandbox runs twice as fast as by default, as most tests wait and few pay. Those that open it say
so, and their clients pay less often for it, so that two slow cores carry both."""


@pytest.fixture(scope="session", autouse=True)
def _no_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take every AWS setting of this machine away, so that no test can reach an account by accident."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                patch.delenv(name)
        nowhere = str(tmp_path_factory.mktemp("aws") / "none")
        patch.setenv("AWS_CONFIG_FILE", nowhere)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def sandbox(_no_cloud: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Status]:
    """A running sandbox, shared by all tests; `DRLIB_HOME` names its home until the session ends."""
    home: Path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRLIB_HOME", str(home))
        status = life.up(time_scale=PACE["time_scale"])
        try:
            yield status
        finally:
            patch.setenv("DRLIB_HOME", str(home))
            life.down()
