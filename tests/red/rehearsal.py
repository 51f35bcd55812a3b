"""One scenario through the library, from peace to the judgement of its hypothesis, as runbook 30 does it."""

from __future__ import annotations

from dataclasses import dataclass

from drlib.deployed.deployment import Deployment
from drlib.faults import hypothesis, inject
from drlib.faults.hypothesis import Judged, Sightings
from drlib.faults.restore import Fault, restore
from drlib.faults.scenario import Scenario
from drlib.payments import probing, steady
from drlib.runs.approval import Approval
from drlib.runs.run import Run
from drlib.switch import failover, operator
from drlib.target.base import Target
from drlib.timeline import effects, watcher
from drlib.timeline.effects import REST_SECONDS
from drlib.timeline.observations import Watch
from drlib.timeline.prediction import Prediction, predict


@dataclass(frozen=True)
class Rehearsal:
    """What a scenario led to, before its payments are counted."""

    planned: Scenario
    fault: Fault
    watch: Watch
    seen: Sightings
    prediction: Prediction

    @property
    def judged(self) -> Judged:
        """The hypothesis, but for the payments."""
        return hypothesis.judge(self.planned, self.seen)


def rehearse(
    here: Target,
    deployment: Deployment,
    run: Run,
    approval: Approval,
    *,
    peace_seconds: float = 0.0,
    deadline_seconds: float | None = None,
    rest_seconds: float = REST_SECONDS,
) -> Rehearsal:
    """Break what the scenario of the settings says, do the operator's part, look, and restore.

    Args:
        here, deployment, run, approval: as everywhere.
        peace_seconds: how long to go on in peace, once all clients are served.
        deadline_seconds: when the fault heals, and nothing is waited for any more.
        rest_seconds: how long to look on after the restore.
    """
    planned = inject.plan(here)
    prediction = predict(here.settings, deployment)
    with probing.start(here, deployment, run) as prober:
        steady.settle(prober, seconds=30, timeout_seconds=600)
        here.clock.sleep(peace_seconds)
        fault = inject.inject(here, deployment, run, approval, deadline_seconds=deadline_seconds)
        try:
            part = operator.perform(here, deployment, prober, run, approval, fault)
            keep = failover.takeover(here, deployment, run)
            watch = watcher.watch(here, deployment, prober, fault, at_takeover=keep)
        finally:
            fault = restore(here, fault, run)
        rest = effects.rest(here, deployment, prober, seconds=rest_seconds)
    seen = effects.sighted(here, watch, rest, part, prediction)
    return Rehearsal(planned, fault, watch, seen, prediction)
