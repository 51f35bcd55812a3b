"""One scenario through the library, from peace to the judgement of its hypothesis, as runbook 30 does it."""

from __future__ import annotations

from dataclasses import dataclass

from drlib import duty, faults, hypothesis, journal, switch, timeline, traffic
from drlib.deployment import Deployment
from drlib.faults import Fault
from drlib.hypothesis import Judged, Sightings
from drlib.scenario import Scenario
from drlib.target import Target
from drlib.timeline import Prediction, Watch
from drlib.timeline.witness import REST_SECONDS


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
    run: journal.Run,
    approval: journal.Approval,
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
    planned = faults.plan(here)
    prediction = timeline.predict(here.settings, deployment)
    with traffic.start(here, deployment, run) as prober:
        traffic.settle(prober, seconds=30, timeout_seconds=600)
        here.clock.sleep(peace_seconds)
        fault = faults.inject(here, deployment, run, approval, deadline_seconds=deadline_seconds)
        try:
            part = duty.perform(here, deployment, prober, run, approval, fault)
            keep = switch.takeover(here, deployment, run)
            watch = timeline.watch(here, deployment, prober, fault, at_takeover=keep)
        finally:
            fault = faults.restore(here, fault, run)
        rest = timeline.rest(here, deployment, prober, seconds=rest_seconds)
    seen = timeline.sighted(here, watch, rest, part, prediction)
    return Rehearsal(planned, fault, watch, seen, prediction)
