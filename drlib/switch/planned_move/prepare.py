"""The plan of a planned move: source, destination, duration; and the checks that both regions are ready."""

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
AT_REST_SECONDS = 10.0  # time to replicate, and to work off the queues
PERIOD_SECONDS = 60.0  # of the latch's alarm
# The alarm detects a set latch within one period. After a release, the period with the last datapoint of 1
# must end, and the next period must be evaluated.
PERIODS_TO_SET, PERIODS_TO_RELEASE = 1.0, 2.0


@dataclass(frozen=True)
class Move(Shown):
    """The plan of a planned move.

    Attributes:
        source: the active region, which is fenced.
        destination: the region that becomes active.
        to_standby: whether the destination is the standby. If so, the latch is set, else it is released.
        flipped: whether an interrupted move has flipped already.
        stopped: a sentence about an interrupted move; empty if there is none.
        steps: the steps while the source is fenced, each with its longest duration in modelled seconds.
    """

    source: str
    destination: str
    to_standby: bool
    flipped: bool
    stopped: str
    steps: tuple[tuple[str, float], ...]

    @property
    def longest_seconds(self) -> float:
        """The longest time for which payments are refused, in modelled seconds."""
        return sum(seconds for _, seconds in self.steps)

    def table(self) -> Table:
        rows = [(words, f"{seconds:.0f}") for words, seconds in self.steps]
        rows.append(("no payment is taken, at most", f"{self.longest_seconds:.0f}"))
        rows.append(("a forgotten fence ends by itself after", f"{fence.FENCE_SECONDS:.0f}"))
        return Table((f"from {self.source} to {self.destination}", "seconds"), rows)

    def __str__(self) -> str:
        return f"{self.stopped}\n{self.table()}" if self.stopped else str(self.table())

    def html(self) -> str:
        stopped = f"<p><b>{self.stopped}</b></p>" if self.stopped else ""
        return f"{stopped}{self.table().html()}"


def plan(here: Target, deployment: Deployment) -> Move:
    """Return the move to the region that is not active now. It changes nothing.

    If an earlier move was interrupted, its fence names its destination. The plan then continues that move,
    even if it has flipped already.
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
        "Continue: the runbook lifts that fence first, then begins the move again."
    )


def ready(here: Target, deployment: Deployment, move: Move) -> Checks:
    """Check, before any payment is refused, that both regions are ready for the move. Data plane only."""
    source, destination = move.source, move.destination
    source_api, destination_api = (
        partial(probes.deep_health, here, deployment, region) for region in (source, destination)
    )
    mapped = partial(named(destination), here, deployment)
    accepts = partial(hops.require_accepted, here, deployment, destination)
    onward = partial(probes.replicates, here, deployment, source, destination)
    back = partial(probes.replicates, here, deployment, destination, source)
    leads = partial(_leads, here, deployment, move)
    questions = [
        Probe("no-fault-in-force", "no fault is in force", lambda: no_fault(here), "Run `drlib restore`."),
        Probe("public-name", "the public name leads to the source", leads),
        Probe("the-api-reads-its-table", "the API reads its table", source_api).of("source"),
        Probe("the-api-reads-its-table", "the API reads its table", destination_api).of("destination"),
        Probe("certificate-and-mapping", "the destination has its certificate and mapping", mapped),
        Probe("takes-a-payment", "the destination takes a payment", accepts),
        Probe("replication-to-destination", "writes reach the destination", onward, entry="replication"),
        Probe("replication-to-source", "writes reach the source", back, entry="replication"),
    ]
    with aws_calls.purpose(PURPOSE):
        return checklist.make("Ready for the move", questions)


def _leads(here: Target, deployment: Deployment, move: Move) -> str:
    found = probes.public_answer(here, deployment)
    expected = move.destination if move.flipped else move.source
    if found not in (expected, move.destination if move.stopped else expected):
        raise Failed(f"it leads to {found or 'neither region'}; according to the latch, {expected} is active")
    return found
