"""The acts of a planned move: fence, flip, lift. Each uses data planes, is recorded, and can be repeated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from drlib.core import aws_calls
from drlib.core.errors import StepFailed
from drlib.deployed import fence as deployed_fence
from drlib.deployed import latch
from drlib.deployed.fence import Fence
from drlib.payments.tables import Holdings
from drlib.runs import steps
from drlib.runs.approval import require
from drlib.show.checklist import Checks
from drlib.switch import failback, failover
from drlib.switch.planned_move.prepare import PURPOSE, Move
from drlib.timeline import watcher
from drlib.timeline.observations import Watch

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.payments.probing import Prober
    from drlib.runs.approval import Approval
    from drlib.runs.run import Run
    from drlib.target.base import Target

REASON = "a planned move"


@dataclass(frozen=True)
class Flip:
    """The flip: when it happened (modelled), the new active region, and the content of its table then."""

    at: float
    to_region: str
    takeover: Holdings

    def __str__(self) -> str:
        return f"The active role goes to {self.to_region}"

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Opened:
    """The end of a fence: the region, and since when it accepts payments again (modelled)."""

    region: str
    at: float

    def __str__(self) -> str:
        return f"Fence around {self.region}: lifted"

    def __repr__(self) -> str:
        return str(self)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def clear(here: Target, deployment: Deployment, run: Run, approval: Approval, move: Move) -> None:
    """Lift the fence of an interrupted move, so that the region accepts payments until the move begins."""
    if move.stopped:
        lift(here, deployment, run, approval, move)


def fence(here: Target, deployment: Deployment, run: Run, approval: Approval, move: Move) -> Fence:
    """Fence the source: it accepts no payment from now on. A second call renews the fence. Undo: `lift`.

    The fence ends by itself after `fence.FENCE_SECONDS`.
    """
    require(here, approval)
    with run.step(steps.FENCE, mutating=True, resource=move.source) as step:
        with aws_calls.purpose(PURPOSE):
            deployed_fence.write(here, deployment, move.source, destination=move.destination)
            now = deployed_fence.read(here, deployment, move.source)
        step.detail.update(now.as_dict())
    return now


def flip(
    here: Target, deployment: Deployment, run: Run, approval: Approval, move: Move, at_rest: Checks
) -> Flip:
    """Give the active role to the destination: set the latch, or release it if that is the primary.

    Undo: `lift`, and a planned move in the other direction.

    Raises:
        PreflightFailed: the source was not at rest.
        StepFailed: the fence has ended, or would end before the clients have moved.
    """
    require(here, approval)
    at_rest.require()
    with aws_calls.purpose(PURPOSE):
        now = deployed_fence.read(here, deployment, move.source)
        left = (now.expires_at or 0.0) - here.clock.now()
        if left < move.longest_seconds:
            raise StepFailed(
                f"The fence around {move.source} ends in {max(left, 0.0):.0f} s, and the clients may need "
                f"{move.longest_seconds:.0f} s.",
                remedy="Run the cell that sets the fence again, and the cells after it.",
                region=move.source,
            )
        takeover = failover.snapshot(here, deployment, region=move.destination)
    if move.to_standby:
        failover.set(here, deployment, run, approval, reason=REASON, planned=True)
    else:
        failback.release(here, deployment, run, approval, reason=REASON)
    if not run.has("takeover"):
        run.save("takeover", takeover)
    return Flip(here.clock.now(), move.destination, takeover)


def watch(here: Target, deployment: Deployment, prober: Prober, move: Move, fence: Fence) -> Watch:
    """Watch until the clients that obey the TTL are served by the destination. It calls no control plane."""
    look = watcher.watch if move.to_standby else watcher.watch_return
    return look(here, deployment, prober, since=fence.at, ask_route53=False)


def lift(here: Target, deployment: Deployment, run: Run, approval: Approval, move: Move) -> Opened:
    """Lift the fence, so that the source accepts payments again. Without a fence this is no error.

    If the destination is the primary, this also arms the latch. Before that, stop clients that keep a
    connection to the standby: their next payment would set the latch.
    """
    require(here, approval)
    with run.step(steps.LIFT_FENCE, mutating=True, resource=move.source) as step:
        with aws_calls.purpose(PURPOSE):
            deployed_fence.lift(here, deployment, move.source)
        opened = Opened(move.source, here.clock.now())
        step.detail.update(opened.as_dict())
    if not move.to_standby and not latch.read(here, deployment).is_set:
        failback.arm(here, deployment, run, approval)
    return opened
