"""The switch between the regions.

Setting or releasing the latch is one write to the table and one datapoint, both data plane, and both in the
standby: the way over needs nothing of the primary, of us-east-1 or of Pulumi.

    latch.read(here, deployment)                             is it set?
    failover.set(here, deployment, run, approval, reason="...")  the standby becomes active
    past_move.recall(here, deployment, run)                        what this run knows of the move
    failback_gates.gates(here, deployment, run)                        may traffic return?
    failback_gates.passed(here, run, gates)                            yes, or for a reason that is kept
    failback.release(here, deployment, run, approval)            the primary becomes active again
    failback.arm(here, deployment, run, approval)                all are back: the next failover latches
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

TAKEOVER = "takeover"  # what the standby held then is saved under it


def set(  # noqa: A001 - read as failover.set
    here: Target, deployment: Deployment, run: Run, approval: Approval, *, reason: str, planned: bool = False
) -> Latch:
    """Make the standby the active region, and keep it so until `release`. Setting it twice is no error.

    Route 53 turns the public name within about a minute (the alarm reads the datapoint), and clients follow
    with their TTL. Undo: `release`.

    Args:
        here, deployment, run: as everywhere.
        approval: from `approval.approve`.
        reason: a few words for whoever finds the latch set.
        planned: the primary is well. The latch is then written there first and replicates: the primary stops
            settling before the standby begins, so that nothing is settled twice.
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
                _wait_for_replica(here, deployment, is_set=True)
            publish(here, deployment, 1.0)
            now = read(here, deployment)
        step.detail.update(now.as_dict())
    return now


def fail_over(
    here: Target, deployment: Deployment, run: Run, approval: Approval, decision: Checks, *, reason: str
) -> Latch:
    """Make the standby the active region in an incident, if that is the decision. Undo: `release`.

    If this run has done it and the latch is set, the decision is not asked again: the traffic has moved.

    Raises PreflightFailed when the decision is red and the parameter `force_reason` says nothing. A reason
    goes into the evidence, and the run says that it was forced.
    """
    with aws_calls.purpose("failover"):
        done = bool(earlier(run, SET_LATCH)) and read(here, deployment).is_set
    if not done:
        passed(here, run, decision)
    return set(here, deployment, run, approval, reason=reason)


def snapshot(here: Target, deployment: Deployment, *, region: str = "") -> Holdings:
    """Return what the standby's table holds now, or another region's.

    Taken at takeover, it shows what the standby had when it began to serve, while the primary is still out of
    reach. `keep_takeover` keeps it.
    """
    with aws_calls.purpose("observe"):
        return tables.scan(here, deployment.table, region or deployment.standby_region)


def takeover(here: Target, deployment: Deployment, run: Run) -> Callable[[], None]:
    """Return what keeps, when it is called, what the standby's table holds then: its takeover.

    For `watcher.watch`, which knows the moment. A run keeps the first that it sees.
    """
    return lambda: keep_takeover(here, deployment, run)


def keep_takeover(here: Target, deployment: Deployment, run: Run) -> None:
    """Keep what the standby's table holds now as its takeover, unless this run has kept that earlier."""
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


def _wait_for_replica(here: Target, deployment: Deployment, *, is_set: bool) -> None:
    def agrees() -> bool:
        return read(here, deployment).is_set is is_set

    if not here.clock.wait_until(agrees, timeout=probes.REPLICATION_TIMEOUT_SECONDS, poll=0.5):
        raise StepFailed(
            "The latch was written in the primary and did not arrive in the standby.",
            remedy="If the primary is failing, this is no planned move: set the latch in the standby.",
            region=deployment.standby_region,
        )
