"""An exported scenario is carried out by the Chaos Toolkit itself, on a stack that runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from chaoslib.experiment import run_experiment

from drlib import faults, interchange, latch, scenario
from tests.red.stage import Stage

pytestmark = pytest.mark.soak


def test_the_toolkit_breaks_waits_and_restores(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "red.yaml"
    file.write_text(yaml.safe_dump(stage.here.settings.values()), encoding="utf-8")
    made = interchange.experiment(scenario.load("region-outage"), file=str(file))
    try:
        found = run_experiment(made, settings={"runtime": {"rollbacks": {"strategy": "always"}}})
        assert (found["status"], found["deviated"]) == ("completed", False)
        steps = [*found["run"], *found["rollbacks"]]
        assert [(one["activity"]["name"], one["status"]) for one in steps] == [
            ("inject", "succeeded"),
            ("the traffic moves", "succeeded"),
            ("restore", "succeeded"),
        ]
        assert latch.read(stage.here, stage.deployment).is_set, "a client's payment came to the standby"
        assert faults.pending(stage.here) == []
        assert stage.here.faults() == {}
    finally:
        faults.restore_all()
        stage.release_latch()
        stage.calm(late=True)
