"""The switch between the regions.

Setting or releasing the latch is one write to the table and one datapoint, both data plane, and both in the
standby: the way over needs nothing of the primary, of us-east-1 or of Pulumi.

    switch.latch(here, deployment)                             is it set?
    switch.set(here, deployment, run, approval, reason="...")  the standby becomes active
    switch.story(here, deployment, run)                        what this run knows of the move
    switch.gates(here, deployment, run)                        may traffic return?
    switch.passed(here, run, gates)                            yes, or for a reason that is kept
    switch.release(here, deployment, run, approval)            the primary becomes active again
    switch.arm(here, deployment, run, approval)                all are back: the next failover latches
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drlib import holdings, planes, probes
from drlib.approval import require
from drlib.errors import StepFailed
from drlib.gates import forced, gates, moved, passed
from drlib.holdings import Holdings
from drlib.latch import Latch, publish, read, write
from drlib.resume import ARM_LATCH, RELEASE_LATCH, SET_LATCH, earlier, skipped
from drlib.story import recall

if TYPE_CHECKING:
    from drlib.checklist import Checks
    from drlib.deployment import Deployment
    from drlib.journal import Approval, Run
    from drlib.target import Target

__all__ = [
    "Latch",
    "arm",
    "fail_over",
    "forced",
    "gates",
    "latch",
    "moved",
    "passed",
    "release",
    "set",
    "snapshot",
    "story",
    "takeover",
]

HOLD_SECONDS = 900.0
"""After a release, payments of clients that are still on their way back do not set the latch for so long,
unless `arm` ends it."""

TAKEOVER = "takeover"  # what the standby held then is saved under it

latch = read
story = recall


def set(  # noqa: A001 - read as switch.set
    here: Target, deployment: Deployment, run: Run, approval: Approval, *, reason: str, planned: bool = False
) -> Latch:
    """Make the standby the active region, and keep it so until `release`. Setting it twice is no error.

    Route 53 turns the public name within about a minute (the alarm reads the datapoint), and clients follow
    with their TTL. Undo: `release`.

    Args:
        here, deployment, run: as everywhere.
        approval: from `journal.approve`.
        reason: a few words for whoever finds the latch set.
        planned: the primary is well. The latch is then written there first and replicates: the primary stops
            settling before the standby begins, so that nothing is settled twice.
    """
    require(here, approval)
    with planes.purpose("failover"):
        before = read(here, deployment)
    wrong = "" if before.is_set else "the latch is released"
    if skipped(run, SET_LATCH, wrong=wrong, resource=deployment.standby_region):
        return before
    where = deployment.primary_region if planned else deployment.standby_region
    with run.step(SET_LATCH, mutating=True, resource=deployment.standby_region) as step:
        with planes.purpose("failover"):
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
    with planes.purpose("failover"):
        done = bool(earlier(run, SET_LATCH)) and read(here, deployment).is_set
    if not done:
        passed(here, run, decision)
    return set(here, deployment, run, approval, reason=reason)


def release(
    here: Target,
    deployment: Deployment,
    run: Run,
    approval: Approval,
    *,
    reason: str = "failback",
    hold_seconds: float = HOLD_SECONDS,
) -> Latch:
    """Let the primary become active again. Releasing it twice is no error. Undo: `set`.

    Where nothing has moved and the latch is armed, nothing is written.

    The alarm clears when the minute of the last 1 is over; then Route 53 turns the public name back, and
    clients follow with their TTL. For `hold_seconds` (modelled) their last payments do not set it again.
    """
    require(here, approval)
    before = read(here, deployment)
    wrong = f"the latch is set, because {before.reason or 'of a reason unknown'}" if before.is_set else ""
    if skipped(run, RELEASE_LATCH, wrong=wrong, resource=deployment.standby_region):
        return before
    if not before.is_set and before.hold_until is None and not moved(here, deployment):
        return before
    with run.step(RELEASE_LATCH, mutating=True, resource=deployment.standby_region) as step:
        with planes.purpose("failback"):
            write(
                here,
                deployment,
                deployment.standby_region,
                is_set=False,
                reason=reason,
                hold_seconds=hold_seconds,
            )
            publish(here, deployment, 0.0)
            now = read(here, deployment)
        step.detail.update(now.as_dict())
    return now


def arm(here: Target, deployment: Deployment, run: Run, approval: Approval) -> Latch:
    """End the hold of a release, once all clients are back: the next failover sets the latch again.

    A connection that is still kept to the standby would set it at once, with its next payment: stop such
    clients first. Arming an armed latch is no error.

    Raises StepFailed when the latch is set.
    """
    require(here, approval)
    before = read(here, deployment)
    if before.is_set:
        raise StepFailed(
            "The latch is set: there is nothing to arm.",
            remedy="Release it first, with 40-failback.",
            region=deployment.standby_region,
        )
    wrong = "a release still holds the latch open" if before.hold_until is not None else ""
    if skipped(run, ARM_LATCH, wrong=wrong, resource=deployment.standby_region):
        return before
    with run.step(ARM_LATCH, mutating=True, resource=deployment.standby_region) as step:
        with planes.purpose("failback"):
            write(here, deployment, deployment.standby_region, is_set=False, reason="armed", hold_seconds=0.0)
            now = read(here, deployment)
        step.detail.update(now.as_dict())
    return now


def snapshot(here: Target, deployment: Deployment, *, region: str = "") -> Holdings:
    """Return what the standby's table holds now, or another region's.

    Taken at takeover, it shows what the standby had when it began to serve, while the primary is still out of
    reach. `keep_takeover` keeps it.
    """
    with planes.purpose("observe"):
        return holdings.scan(here, deployment.table, region or deployment.standby_region)


def takeover(here: Target, deployment: Deployment, run: Run) -> Callable[[], None]:
    """Return what keeps, when it is called, what the standby's table holds then: its takeover.

    For `timeline.watch`, which knows the moment. A run keeps the first that it sees.
    """
    return lambda: keep_takeover(here, deployment, run)


def keep_takeover(here: Target, deployment: Deployment, run: Run) -> None:
    """Keep what the standby's table holds now as its takeover, unless this run has kept that earlier."""
    if not run.has(TAKEOVER):
        run.save(TAKEOVER, snapshot(here, deployment))


def _wait_for_replica(here: Target, deployment: Deployment, *, is_set: bool) -> None:
    def agrees() -> bool:
        return read(here, deployment).is_set is is_set

    if not here.clock.wait_until(agrees, timeout=probes.REPLICATION_TIMEOUT_SECONDS, poll=0.5):
        raise StepFailed(
            "The latch was written in the primary and did not arrive in the standby.",
            remedy="If the primary is failing, this is no planned move: set the latch in the standby.",
            region=deployment.standby_region,
        )
