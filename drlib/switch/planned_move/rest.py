"""Checks that the fenced region is at rest: its payments are settled and replicated, and no new one arrives.

A marker item that is replicated in both directions shows that replication works: a stopped replication is as
silent as a finished one. The tables are compared as well, because items with different keys can arrive in
another order than they were written. Receipts are not checked: no payment depends on them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from drlib.checks import hops
from drlib.checks.waiting import wait_until_none
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

POLL_SECONDS = 2.0


def at_rest(here: Target, deployment: Deployment, move: Move, fence: Fence) -> Checks:
    """Check that no payment is under way any more. Waits up to three modelled minutes. Data plane only.

    The tables are checked after the last payment that was accepted before the fence has ended.
    """
    source, destination = move.source, move.destination

    def rested(ask: Callable[[], str]) -> Callable[[], str]:
        def later() -> str:
            here.clock.sleep((fence.at or 0.0) + in_flight_seconds(here) - here.clock.now())
            return ask()

        return later

    refused, read = partial(_refused, here, deployment, source), partial(_read, here, deployment, source)
    settled, same = rested(partial(_settled, here, deployment)), rested(partial(_same, here, deployment))
    marker = rested(partial(_round_trip, here, deployment, source, destination))
    questions = [
        Probe("payments-are-refused", "payments are refused", refused),
        Probe("reads-go-on", "reads go on", read),
        Probe("every-payment-is-settled", "every payment is settled", settled),
        Probe("both-tables-hold-the-same", "both tables hold the same", same),
        Probe("a-marker-goes-round", "a marker goes round", marker),
    ]
    with aws_calls.purpose(PURPOSE):
        return checklist.make(f"{source} at rest", questions)


def _refused(here: Target, deployment: Deployment, region: str) -> str:
    """Require that the fenced region refuses a payment that is sent to its own host name."""
    reply = hops.attempt(here, deployment, region)
    if reply.status != 503 or not reply.body.get("fenced"):
        raise Failed(f"a payment was answered with {reply.status}: the fence does not hold", region=region)
    return "503, fenced"


def _read(here: Target, deployment: Deployment, region: str) -> str:
    """Require that the API answers 404 for a payment that does not exist."""
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
    def unsettled() -> Sequence[str]:
        held = _tables(here, deployment)
        return sorted({name for one in held for name in one.payments.keys() - one.settlements.keys()})

    if left := wait_until_none(here, unsettled, poll=POLL_SECONDS):
        raise Failed(f"{len(left)} payments are not settled, such as {left[0]}")
    return "in both tables"


def _same(here: Target, deployment: Deployment) -> str:
    def differing() -> Sequence[str]:
        return reconcile.differing(*_tables(here, deployment))

    if left := wait_until_none(here, differing, poll=POLL_SECONDS):
        raise Failed(f"{len(left)} payments differ, such as {left[0]}")
    return "payments and settlements"


def _round_trip(here: Target, deployment: Deployment, source: str, destination: str) -> str:
    there = probes.replicates(here, deployment, source, destination)
    back = probes.replicates(here, deployment, destination, source)
    return f"there: {there}; back: {back}"
