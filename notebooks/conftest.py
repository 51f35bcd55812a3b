"""So that `pytest --nbval --nbval-current-env -x notebooks` compares what a runbook promises, and no more."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import stage

_SEEN = pytest.StashKey[str]()


def pytest_configure() -> None:
    os.environ.update(stage.environment())


def pytest_collectstart(collector: Any) -> None:
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += stage.SKIPPED


def pytest_runtest_setup(item: Any) -> None:
    """Prepare the scene before a runbook's first cell."""
    runbook = Path(item.path).stem
    if item.session.config.stash.get(_SEEN, "") != runbook:
        item.session.config.stash[_SEEN] = runbook
        stage.before(runbook)


def pytest_runtest_teardown(item: Any, nextitem: Any) -> None:
    """Clear the scene after a runbook's last cell."""
    if nextitem is None or nextitem.path != item.path:
        stage.after(Path(item.path).stem)
