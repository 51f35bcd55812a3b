"""A planned move of the active role to the other region: nothing lost, doubled, or refused outside the fence.

    move = switchover.plan(here, deployment)
    switchover.ready(here, deployment, move).require()
    fence = switchover.fence(here, deployment, run, approval, move)
    at_rest = switchover.at_rest(here, deployment, move, fence)
    flip = switchover.flip(here, deployment, run, approval, move, at_rest)
    watch = switchover.watch(here, deployment, prober, move, fence)
    opened = switchover.lift(here, deployment, run, approval, move)
    outcome = switchover.outcome(move, fence, flip, watch, opened, prober.ledger)
    switchover.verdict(outcome, checks.planes_proof(here, deployment, planned=True))

All of it is data plane, in the two regions. A move that stopped half-way is known by its fence, and is mended
by beginning again.
"""

from drlib.switchover.acts import Flip, Opened, clear, fence, flip, lift, watch
from drlib.switchover.move import Move, plan, ready
from drlib.switchover.outcome import Outcome, outcome, verdict
from drlib.switchover.rest import at_rest

__all__ = [
    "Flip",
    "Move",
    "Opened",
    "Outcome",
    "at_rest",
    "clear",
    "fence",
    "flip",
    "lift",
    "outcome",
    "plan",
    "ready",
    "verdict",
    "watch",
]
