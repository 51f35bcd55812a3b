"""Is the fenced region at rest? What it took is settled, is in the other region, and nothing follows.

A marker item's round trip tells a replication that has caught up from one that stands still: both are silent.
The tables are compared as well, since items of different keys do not arrive in the order of their writes.
Receipts follow by themselves: nothing that serves a payment needs them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from drlib.checks import hops
from drlib.core import aws_calls
from drlib.deployed import probes
from drlib.deployed.fence import Fence, in_flight_seconds
from drlib.payments import reconcile, tables
from drlib.payments.payment import authorization
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe
from drlib.switch.planned_move.prepare import PURPOSE, Move

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

TIMEOUT_SECONDS = 180.0  # deferred messages come again every 30 s
POLL_SECONDS = 2.0


def at_rest(here: Target, deployment: Deployment, move: Move, fence: Fence) -> Checks:
    """Check that nothing is under way any more. Waits, up to three minutes, until it is so. Data plane only.

    What is asked of the tables is asked once the last payment that the fence may have missed is over.
    """
    source, destination = move.source, move.destination

    def rested(ask: Callable[[], str]) -> Callable[[], str]:
        def later() -> str:
            over_at = (fence.at or 0.0) + in_flight_seconds(here)
            here.clock.sleep(over_at - here.clock.now())
            return ask()

        return later

    questions = [
        Probe("payments-are-refused", "payments are refused", partial(_refused, here, deployment, source)),
        Probe("reads-go-on", "reads go on", partial(_read, here, deployment, source)),
        Probe(
            "every-payment-is-settled",
            "every payment is settled",
            rested(partial(_settled, here, deployment)),
        ),
        Probe(
            "both-tables-hold-the-same",
            "both tables hold the same",
            rested(partial(_same, here, deployment)),
        ),
        Probe(
            "a-marker-goes-round",
            "a marker goes round",
            rested(partial(_round_trip, here, deployment, source, destination)),
        ),
    ]
    with aws_calls.purpose(PURPOSE):
        return checklist.make(f"{source} at rest", questions)


def _refused(here: Target, deployment: Deployment, region: str) -> str:
    """Try to pay in the fenced region, under its own name."""
    reply = hops.attempt(here, deployment, region)
    if reply.status != 503 or not reply.body.get("fenced"):
        raise Failed(f"a payment was answered with {reply.status}: the fence does not hold", region=region)
    return "503, fenced"


def _read(here: Target, deployment: Deployment, region: str) -> str:
    """Ask for a payment that does not exist: the API looks, and says so."""
    name = deployment.regions[region].api_host
    reply = probes.request(here, name, "GET", f"/payments/{uuid.uuid4()}", headers=authorization())
    if reply.status != 404:
        raise Failed(f"a read was answered with {reply.status}", region=region)
    return "404 for what is not there"


def _tables(here: Target, deployment: Deployment) -> tuple[tables.Holdings, tables.Holdings]:
    primary, standby = deployment.primary_region, deployment.standby_region
    first, second = (tables.scan(here, deployment.table, region) for region in (primary, standby))
    return first, second


def _settled(here: Target, deployment: Deployment) -> str:
    left: list[str] = []

    def done() -> bool:
        left[:] = sorted(
            {
                name
                for held in _tables(here, deployment)
                for name in held.payments.keys() - held.settlements.keys()
            }
        )
        return not left

    if not here.clock.wait_until(done, timeout=TIMEOUT_SECONDS, poll=POLL_SECONDS):
        raise Failed(f"{len(left)} payments are not settled, such as {left[0]}")
    return "in both tables"


def _same(here: Target, deployment: Deployment) -> str:
    differing: list[str] = []

    def done() -> bool:
        differing[:] = reconcile.differing(*_tables(here, deployment))
        return not differing

    if not here.clock.wait_until(done, timeout=TIMEOUT_SECONDS, poll=POLL_SECONDS):
        raise Failed(f"{len(differing)} payments differ, such as {differing[0]}")
    return "payments and settlements"


def _round_trip(here: Target, deployment: Deployment, source: str, destination: str) -> str:
    there = probes.replicates(here, deployment, source, destination)
    back = probes.replicates(here, deployment, destination, source)
    return f"there: {there}; back: {back}"
