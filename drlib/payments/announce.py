"""Announces stored payments that an outage left without an announcement.

The API stores a payment and then announces it. If it fails in between, its client gets no answer. A retry
with the same key announces the payment again. Without a retry, the payment is stored and no worker knows it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drlib.core import aws_calls
from drlib.payments import tables
from drlib.payments.tables import Holdings, Payment
from drlib.runs.approval import require
from drlib.runs.steps import ANNOUNCE_AGAIN
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.runs.approval import Approval
    from drlib.runs.run import Run
    from drlib.target.base import Target

SETTLE_WITHIN_SECONDS = 60.0
"""An unsettled payment older than this is stuck, not in progress. Modelled."""


@dataclass(frozen=True)
class Announcement(Shown):
    """The payments that `announce` announces again; usually none."""

    region: str
    payments: tuple[Payment, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to announce, and so nothing to approve."""
        return not self.payments

    def as_plan(self) -> list[str]:
        """Return the ids of the payments, for the approval."""
        return [payment.payment_id for payment in self.payments]

    def __str__(self) -> str:
        return f"Payments to announce again in {self.region}"  # how many varies from run to run: see the html

    def html(self) -> str:
        ids = "".join(f"<li><code>{one}</code></li>" for one in self.as_plan())
        return f"{self}: {len(self.payments) or 'none'}{f'<ul>{ids}</ul>' if ids else ''}"


def plan(here: Target, deployment: Deployment) -> Announcement:
    """Return the payments that wait in the standby for an announcement. Read-only."""
    region = deployment.standby_region
    with aws_calls.purpose("failback"):
        before = here.clock.now() - SETTLE_WITHIN_SECONDS
        found = waiting(tables.scan(here, deployment.table, region), before=before)
    return Announcement(region, tuple(found))


def waiting(*tables: Holdings, before: float) -> list[Payment]:
    """Return the payments accepted before an instant and unsettled in at least one table, by id."""
    found = {
        payment.payment_id: payment
        for held in tables
        for payment in held.payments.values()
        if payment.payment_id not in held.settlements and payment.accepted_at < before
    }
    return [found[name] for name in sorted(found)]


def announce(here: Target, deployment: Deployment, run: Run, approval: Approval) -> list[str]:
    """Announce again, in the standby, every payment that waits there; return their ids.

    Safe at any time: a worker that finds a payment settled drops its message. Data plane, in the standby.

    Raises NotApproved when there is something to announce and the approval is not for it.
    """
    found = plan(here, deployment)
    names, region = found.as_plan(), found.region
    if found.is_empty:
        return names
    require(here, approval)
    with aws_calls.purpose("failback"):
        client, topic = here.client("sns", region), deployment.regions[region].topic_arn
        with run.step(ANNOUNCE_AGAIN, mutating=True, resource=region, detail={"payment_ids": names}):
            for payment in found.payments:
                message = {"payment_id": payment.payment_id, "origin_region": payment.region}
                client.publish(TopicArn=topic, Message=json.dumps(message))
    return names
