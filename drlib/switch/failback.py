"""Failback: release the latch, so that traffic returns to the primary, then arm the latch again."""

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
"""How long a release holds the latch open, unless `arm` ends the hold.

Meanwhile payments of clients that still use the standby do not set the latch."""


def release(
    here: Target,
    deployment: Deployment,
    run: Run,
    approval: Approval,
    *,
    reason: str = "failback",
    hold_seconds: float = HOLD_SECONDS,
) -> Latch:
    """Release the latch, so that the primary becomes active again. A second release is no error. Undo: `set`.

    If the primary is active and the latch is armed, nothing is written.

    The alarm clears after the minute with the last datapoint of 1. Route 53 then changes the public name
    back, and clients follow within their TTL. Their payments do not set the latch again for `hold_seconds`
    (modelled).
    """
    require(here, approval)
    before = read(here, deployment)
    wrong = f"the latch is set, because {before.reason or 'of an unknown reason'}" if before.is_set else ""
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
    """End the hold of a release, so that the next failover sets the latch. Call it when all clients are back.

    First stop clients that keep a connection to the standby: their next payment would set the latch. A second
    call is no error.

    Raises StepFailed when the latch is set.
    """
    require(here, approval)
    before = read(here, deployment)
    if before.is_set:
        raise StepFailed(
            "The latch is set. Only a released latch can be armed.",
            remedy="Run 40-failback, which releases it.",
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
