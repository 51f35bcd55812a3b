"""The operator's part in a drill: what a person does while a scenario's fault is in force.

    part = operator.perform(here, deployment, prober, run, approval, fault)

In most scenarios the operator only watches. If no health check can detect the fault, the operator decides
from the clients' failed payments, as `50-incident-failover` does, and sets the latch. If the failover must be
refused, the operator tries it. If no alarm can ring, the operator checks whether a marker is replicated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drlib.checks import incident
from drlib.core import aws_calls
from drlib.core.errors import DeadlineExceeded, PreflightFailed
from drlib.deployed import probes
from drlib.faults import scenario
from drlib.faults.hypothesis import OperatorAct
from drlib.show.checklist import Failed
from drlib.switch import failover

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.faults.restore import Fault
    from drlib.payments.probing import Prober
    from drlib.runs.approval import Approval
    from drlib.runs.run import Run
    from drlib.target.base import Target

DECIDE_SECONDS = 300.0


def perform(
    here: Target, deployment: Deployment, prober: Prober, run: Run, approval: Approval, fault: Fault
) -> OperatorAct:
    """Do the operator's part of the scenario that is in force. Undo: 40-failback.

    Raises DeadlineExceeded when the operator should fail over, and finds no reason for it in time.
    """
    expect = scenario.load(fault.scenario).expect
    if expect.moved_by == "operator":
        return _fail_over(here, deployment, prober, run, approval, fault)
    if expect.guard == "refused":
        return _try_failover(here, deployment, prober, run, approval, fault)
    if expect.detected_by == "operator":
        return _check_replication(here, deployment)
    return OperatorAct()


def _fail_over(
    here: Target, deployment: Deployment, prober: Prober, run: Run, approval: Approval, fault: Fault
) -> OperatorAct:
    """Assess the situation until there is a reason for a failover, then set the latch."""
    until = here.clock.now() + here.clock.patient(DECIDE_SECONDS)
    while True:
        situation = incident.assess(here, deployment, prober, since=fault.at)
        decision = incident.decide(situation)
        if not decision.failed:
            noticed_at = here.clock.now()
            failover.fail_over(here, deployment, run, approval, decision, reason=f"drill: {fault.scenario}")
            return OperatorAct("set the latch", noticed_at=noticed_at, acted_at=here.clock.now())
        if here.clock.now() > until:
            raise DeadlineExceeded(
                f"The operator found no reason to fail over: {decision.failed[0].detail}.",
                remedy="`drlib restore` ends the fault.",
                entry="something-speaks-for-a-failover",
            )


def _try_failover(
    here: Target, deployment: Deployment, prober: Prober, run: Run, approval: Approval, fault: Fault
) -> OperatorAct:
    """Try to fail over to a standby that cannot take over."""
    situation = incident.assess(here, deployment, prober, since=fault.at)
    unready = tuple(f"{row.name}: {row.detail}" for row in situation.readiness.failed)
    try:
        failover.fail_over(
            here, deployment, run, approval, incident.decide(situation), reason=f"drill: {fault.scenario}"
        )
    except PreflightFailed:
        return OperatorAct("was refused", noticed_at=here.clock.now(), refused=unready)
    return OperatorAct("failed over", acted_at=here.clock.now())


def _check_replication(here: Target, deployment: Deployment) -> OperatorAct:
    """Check whether a marker is replicated to the standby. No metric shows that replication has stopped."""
    with aws_calls.purpose("observe"):
        try:
            regions = (deployment.primary_region, deployment.standby_region)
            probes.replicates(here, deployment, *regions, patient=False)
        except Failed:
            return OperatorAct("saw that no marker arrives", noticed_at=here.clock.now())
    return OperatorAct("saw a marker arrive")
