"""Who serves now, who will, how long it takes, and whether both regions are ready for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from drlib.checks import hops
from drlib.checks.preflight import no_fault
from drlib.checks.steady_state import named
from drlib.core import aws_calls
from drlib.deployed import fence, latch, probes
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe
from drlib.show.output import Table
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

PURPOSE = "switchover"
AT_REST_SECONDS = 10.0  # a replication lag or two, and what the queues hold
PERIOD_SECONDS = 60.0  # of the latch's alarm
# A latch that is set is seen within a period. Once it is released, the period that holds the last 1 must end,
# and the next one must come in.
PERIODS_TO_SET, PERIODS_TO_RELEASE = 1.0, 2.0


@dataclass(frozen=True)
class Move(Shown):
    """From which region the active role goes to which.

    Attributes:
        source: the region that is left, and fenced.
        destination: the region that will serve.
        to_standby: whether that is the standby: the latch is set for it, and released for the way back.
        flipped: whether an earlier start has flipped already.
        stopped: a sentence on an earlier start that stopped half-way; empty if there is none.
        steps: what happens while the source is fenced, and how long each takes at most, in modelled seconds.
    """

    source: str
    destination: str
    to_standby: bool
    flipped: bool
    stopped: str
    steps: tuple[tuple[str, float], ...]

    @property
    def longest_seconds(self) -> float:
        """How long clients may be refused, at most."""
        return sum(seconds for _, seconds in self.steps)

    def table(self) -> Table:
        rows = [(words, f"{seconds:.0f}") for words, seconds in self.steps]
        rows.append(("no payment is taken, at most", f"{self.longest_seconds:.0f}"))
        rows.append(("a forgotten fence ends by itself after", f"{fence.FENCE_SECONDS:.0f}"))
        return Table((f"from {self.source} to {self.destination}", "seconds"), rows)

    def __str__(self) -> str:
        return f"{self.stopped}\n{self.table()}" if self.stopped else str(self.table())

    def html(self) -> str:
        told = f"<p><b>{self.stopped}</b></p>" if self.stopped else ""
        return f"{told}{self.table().html()}"


def plan(here: Target, deployment: Deployment) -> Move:
    """Return the move to the region that is not active now. Changes nothing.

    If an earlier move stopped half-way, its fence tells where it led: then it is that move which goes on,
    even if the active role has moved meanwhile.
    """
    primary, standby = deployment.primary_region, deployment.standby_region
    with aws_calls.purpose(PURPOSE):
        active = standby if latch.read(here, deployment).is_set else primary
        left = [fence.read(here, deployment, region) for region in (primary, standby)]
    unfinished = next((found for found in left if found.known), None)
    source = unfinished.region if unfinished else active
    to_standby = source == primary
    periods = PERIODS_TO_SET if to_standby else PERIODS_TO_RELEASE
    return Move(
        source=source,
        destination=standby if to_standby else primary,
        to_standby=to_standby,
        flipped=source != active,
        stopped=_explained(unfinished, active) if unfinished else "",
        steps=(
            ("payments under way end", fence.in_flight_seconds(here)),
            ("what was taken is settled, and is in both regions", AT_REST_SECONDS),
            ("the latch's alarm turns", periods * PERIOD_SECONDS),
            (f"clients turn (TTL {deployment.ttl_seconds} s)", float(deployment.ttl_seconds)),
        ),
    )


def _explained(fence: fence.Fence, active: str) -> str:
    where = "between its fence and its flip" if fence.region == active else "after its flip"
    return (
        f"An earlier move to {fence.destination} stopped {where}: {fence.summary}. "
        "Go on: that fence is lifted first, and the move begins again."
    )


def ready(here: Target, deployment: Deployment, move: Move) -> Checks:
    """Check, before anybody is refused anything, that both regions can do their part. Data plane only."""
    both = (("source", move.source), ("destination", move.destination))
    questions = [
        Probe("no-fault-in-force", "no fault is in force", lambda: no_fault(here), "Run `drlib restore`."),
        Probe("public-name", "the public name leads to the source", partial(_leads, here, deployment, move)),
    ]
    for role, region in both:
        deep = partial(probes.deep_health, here, deployment, region)
        questions.append(Probe("the-api-reads-its-table", "the API reads its table", deep).of(role))
    taken = partial(hops.taken, here, deployment, move.destination)
    questions += [
        Probe(
            "certificate-and-mapping",
            "the destination has its certificate and mapping",
            partial(named(move.destination), here, deployment),
        ),
        Probe("takes-a-payment", "the destination takes a payment", taken),
        Probe(
            "replication-to-destination",
            "writes reach the destination",
            partial(probes.replicates, here, deployment, move.source, move.destination),
            entry="replication",
        ),
        Probe(
            "replication-to-source",
            "writes reach the source",
            partial(probes.replicates, here, deployment, move.destination, move.source),
            entry="replication",
        ),
    ]
    with aws_calls.purpose(PURPOSE):
        return checklist.make("Ready for the move", questions)


def _leads(here: Target, deployment: Deployment, move: Move) -> str:
    found = probes.public_answer(here, deployment)
    expected = move.destination if move.flipped else move.source
    if found not in (expected, move.destination if move.stopped else expected):
        raise Failed(f"it leads to {found or 'neither region'}, and the latch says {expected}")
    return found
