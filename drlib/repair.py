"""Mending what an outage leaves: payments that were stored, and whose announcement was never made.

The API stores a payment and then announces it. If it dies in between, its client gets no answer; a client
that asks again with the same key has the payment announced again. One that never asks again leaves a payment
that is stored, and that no worker knows of.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from drlib import holdings, planes
from drlib.approval import require
from drlib.holdings import Holdings, Payment
from drlib.resume import ANNOUNCE_AGAIN

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.journal import Approval, Run
    from drlib.target import Target

SETTLE_WITHIN_SECONDS = 60.0
"""A payment older than this and not settled waits for something: it is no longer just under way. Modelled."""


def waiting(*tables: Holdings, before: float) -> list[Payment]:
    """Return the payments accepted before an instant that are unsettled in one of the tables, by id."""
    found = {
        payment.payment_id: payment
        for held in tables
        for payment in held.payments.values()
        if payment.payment_id not in held.settlements and payment.accepted_at < before
    }
    return [found[name] for name in sorted(found)]


def announce(here: Target, deployment: Deployment, run: Run, approval: Approval) -> list[str]:
    """Announce again, in the standby, every payment that waits there; return their ids, most often none.

    Safe at any time: a worker that finds a payment settled drops its message. Data plane, in the standby.

    Raises NotApproved.
    """
    require(here, approval)
    region = deployment.standby_region
    with planes.purpose("failback"):
        before = here.clock.now() - SETTLE_WITHIN_SECONDS
        found = waiting(holdings.scan(here, deployment.table, region), before=before)
        if not found:
            return []
        client, topic = here.client("sns", region), deployment.regions[region].topic_arn
        names = [payment.payment_id for payment in found]
        with run.step(ANNOUNCE_AGAIN, mutating=True, resource=region, detail={"payment_ids": names}):
            for payment in found:
                message = {"payment_id": payment.payment_id, "origin_region": payment.region}
                client.publish(TopicArn=topic, Message=json.dumps(message))
    return names
