"""The operator's part in a drill: what a person does while a scenario is in force.

    part = duty.perform(here, deployment, prober, run, approval, fault)

In most scenarios that is to look on. Where no health check can see what is wrong, the operator decides by
what clients are told, as `50-incident-failover` does, and sets the latch. Where failing over must be refused,
the operator tries. Where no alarm can ring, the operator looks whether a marker item crosses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drlib import checks, planes, probes, scenario, switch
from drlib.checklist import Failed
from drlib.errors import DeadlineExceeded, PreflightFailed
from drlib.hypothesis import Part

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.faults import Fault
    from drlib.journal import Approval, Run
    from drlib.target import Target
    from drlib.traffic import Prober

DECIDE_SECONDS = 300.0


def perform(
    here: Target, deployment: Deployment, prober: Prober, run: Run, approval: Approval, fault: Fault
) -> Part:
    """Do the operator's part of the scenario that is in force. Undo: 40-failback.

    Raises DeadlineExceeded when nothing speaks for a failover that the operator should make.
    """
    expect = scenario.load(fault.scenario).expect
    if expect.moved_by == "operator":
        return _move(here, deployment, prober, run, approval, fault)
    if expect.guard == "refused":
        return _try(here, deployment, prober, run, approval, fault)
    if expect.detected_by == "operator":
        return _mark(here, deployment)
    return Part()


def _move(
    here: Target, deployment: Deployment, prober: Prober, run: Run, approval: Approval, fault: Fault
) -> Part:
    """Look until something speaks for a failover, then set the latch."""
    until = here.clock.now() + here.clock.patient(DECIDE_SECONDS)
    while True:
        situation = checks.assess(here, deployment, prober, since=fault.at)
        decision = checks.decide(situation)
        if not decision.failed:
            noticed_at = here.clock.now()
            switch.fail_over(here, deployment, run, approval, decision, reason=f"drill: {fault.scenario}")
            return Part("set the latch", noticed_at=noticed_at, acted_at=here.clock.now())
        if here.clock.now() > until:
            raise DeadlineExceeded(
                f"The operator found no reason to fail over: {decision.failed[0].detail}.",
                remedy="`drlib restore` ends the fault.",
                entry="something-speaks-for-a-failover",
            )


def _try(
    here: Target, deployment: Deployment, prober: Prober, run: Run, approval: Approval, fault: Fault
) -> Part:
    """Try to fail over to a standby that cannot take over."""
    situation = checks.assess(here, deployment, prober, since=fault.at)
    unready = tuple(f"{row.name}: {row.detail}" for row in situation.readiness.failed)
    try:
        switch.fail_over(
            here, deployment, run, approval, checks.decide(situation), reason=f"drill: {fault.scenario}"
        )
    except PreflightFailed:
        return Part("was refused", noticed_at=here.clock.now(), refused=unready)
    return Part("failed over", acted_at=here.clock.now())


def _mark(here: Target, deployment: Deployment) -> Part:
    """Send a marker item over: that it does not arrive is what no metric says."""
    with planes.purpose("observe"):
        try:
            regions = (deployment.primary_region, deployment.standby_region)
            probes.replicates(here, deployment, *regions, patient=False)
        except Failed:
            return Part("saw that no marker arrives", noticed_at=here.clock.now())
    return Part("saw a marker arrive")
