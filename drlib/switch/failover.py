"""Failover: set the latch, so that the standby becomes the active region.

Setting or releasing the latch writes one item to the table and one datapoint to CloudWatch. Both are
data-plane calls in the standby. They need neither the primary, nor us-east-1, nor Pulumi.

    latch.read(here, deployment)                                  read the latch
    failover.set(here, deployment, run, approval, reason="...")   make the standby active
    past_move.recall(here, deployment, run)                       read what the run recorded about the move
    failback_gates.gates(here, deployment, run)                   run the checks before a failback
    failback_gates.passed(here, run, gates)                       require green gates, or a reason
    failback.release(here, deployment, run, approval)             make the primary active again
    failback.arm(here, deployment, run, approval)                 arm the latch for the next failover
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drlib.core import aws_calls
from drlib.core.errors import StepFailed
from drlib.deployed import probes
from drlib.deployed.latch import Latch, publish, read, write
from drlib.payments import tables
from drlib.payments.tables import Holdings
from drlib.runs.approval import require
from drlib.runs.steps import SET_LATCH, earlier, skipped
from drlib.switch.failback_gates import passed
from drlib.timeline import watcher

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.faults.restore import Fault
    from drlib.payments.probing import Prober
    from drlib.runs.approval import Approval
    from drlib.runs.run import Run
    from drlib.show.checklist import Checks
    from drlib.target.base import Target
    from drlib.timeline.observations import Watch

TAKEOVER = "takeover"  # the run saves the content of the standby's table under this name


def set(  # noqa: A001 - read as failover.set
    here: Target, deployment: Deployment, run: Run, approval: Approval, *, reason: str, planned: bool = False
) -> Latch:
    """Make the standby the active region until `release`. A second call is no error. Undo: `release`.

    The alarm reads the datapoint, Route 53 changes the public name within about a minute, and clients follow
    within their TTL.

    Args:
        here: where the runbook acts.
        deployment: the deployed stack.
        run: the run that records the step.
        approval: from `approval.approve`.
        reason: a few words, stored with the latch.
        planned: the primary is healthy. The latch is written there first and replicates: the primary stops
            settling before the standby begins, so that no payment is settled twice.
    """
    require(here, approval)
    with aws_calls.purpose("failover"):
        before = read(here, deployment)
    wrong = "" if before.is_set else "the latch is released"
    if skipped(run, SET_LATCH, wrong=wrong, resource=deployment.standby_region):
        return before
    where = deployment.primary_region if planned else deployment.standby_region
    with run.step(SET_LATCH, mutating=True, resource=deployment.standby_region) as step:
        with aws_calls.purpose("failover"):
            write(here, deployment, where, is_set=True, reason=reason, hold_seconds=0.0)
            if planned:
                _wait_for_replica(here, deployment)
            publish(here, deployment, 1.0)
            now = read(here, deployment)
        step.detail.update(now.as_dict())
    return now


def fail_over(
    here: Target, deployment: Deployment, run: Run, approval: Approval, decision: Checks, *, reason: str
) -> Latch:
    """Make the standby the active region in an incident, if the decision is green. Undo: `release`.

    If this run has set the latch already and it is still set, the decision is not judged again.

    Raises PreflightFailed when the decision is red and the parameter `force_reason` is empty. The evidence
    contains such a reason, and says that the failover was forced.
    """
    with aws_calls.purpose("failover"):
        done = bool(earlier(run, SET_LATCH)) and read(here, deployment).is_set
    if not done:
        passed(here, run, decision)
    return set(here, deployment, run, approval, reason=reason)


def snapshot(here: Target, deployment: Deployment, *, region: str = "") -> Holdings:
    """Return the content of the standby's table now, or of another region's.

    At takeover it shows which payments the standby had when it began to serve. `keep_takeover` saves it.
    """
    with aws_calls.purpose("observe"):
        return tables.scan(here, deployment.table, region or deployment.standby_region)


def takeover(here: Target, deployment: Deployment, run: Run) -> Callable[[], None]:
    """Return a function for `watcher.watch` that saves the content of the standby's table when it is called.

    `watcher.watch` calls it at takeover. A run keeps only the first result.
    """
    return lambda: keep_takeover(here, deployment, run)


def keep_takeover(here: Target, deployment: Deployment, run: Run) -> None:
    """Save the content of the standby's table as the takeover, unless this run has saved one already."""
    if not run.has(TAKEOVER):
        run.save(TAKEOVER, snapshot(here, deployment))


def flip(here: Target, deployment: Deployment, run: Run, approval: Approval, decision: Checks) -> Latch:
    """Fail over in an incident, and save what the standby holds now. Arguments and errors as `fail_over`."""
    latch = fail_over(here, deployment, run, approval, decision, reason="an incident")
    keep_takeover(here, deployment, run)
    return latch


def watch(here: Target, deployment: Deployment, run: Run, prober: Prober, fault: Fault) -> Watch:
    """Watch a drill's failover, and save what the standby holds when it takes over.

    See `watcher.watch` for what is watched, and for the errors.
    """
    keep = takeover(here, deployment, run)
    return watcher.watch(here, deployment, prober, fault, at_takeover=keep)


def _wait_for_replica(here: Target, deployment: Deployment) -> None:
    if not here.clock.wait_until(
        lambda: read(here, deployment).is_set, timeout=probes.REPLICATION_TIMEOUT_SECONDS, poll=0.5
    ):
        raise StepFailed(
            "The latch was written in the primary and did not arrive in the standby.",
            remedy="If the primary is failing, do not use a planned move: run 50-incident-failover.",
            region=deployment.standby_region,
        )
