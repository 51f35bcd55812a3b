"""The return of the traffic to the primary: release the latch, then arm it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drlib.core import aws_calls
from drlib.core.errors import StepFailed
from drlib.deployed.latch import Latch, publish, read, write
from drlib.runs.approval import require
from drlib.runs.steps import ARM_LATCH, RELEASE_LATCH, skipped
from drlib.switch.failback_gates import moved

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.runs.approval import Approval
    from drlib.runs.run import Run
    from drlib.target.base import Target

HOLD_SECONDS = 900.0
"""After a release, payments of clients that are still on their way back do not set the latch for so long,
unless `arm` ends it."""


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
        with aws_calls.purpose("failback"):
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
        with aws_calls.purpose("failback"):
            write(here, deployment, deployment.standby_region, is_set=False, reason="armed", hold_seconds=0.0)
            now = read(here, deployment)
        step.detail.update(now.as_dict())
    return now
