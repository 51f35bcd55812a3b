"""Attempts, payments and settlements as a ledger and the tables hold them."""

from dataclasses import replace

from drlib.payments.ledger import Attempt
from drlib.payments.tables import Holdings, Payment, Settlement
from tests.two_regions import PRIMARY


def attempt(seq, **changes):
    row = Attempt(
        seq=seq,
        cohort="obeys-ttl",
        client=0,
        idempotency_key=f"run-{seq:06d}",
        payment_id=f"id-{seq}",
        amount_minor=100 + seq,
        started_at=1000.0 + seq,
        finished_at=1000.5 + seq,
        outcome="ok",
        status=201,
        error="",
        region="us-east-2",
        address="127.0.0.11",
    )
    return replace(row, **changes)


def payment(seq, region=PRIMARY, **changes):
    facts = {
        "payment_id": f"id-{seq}",
        "idempotency_key": f"run-{seq:06d}",
        "amount_minor": 100 + seq,
        "region": region,
        "accepted_at": 1000.2 + seq,
    }
    return Payment(**facts | changes)


def held(region, at, payments, settlements=()):
    groups = {}
    for one in settlements:
        groups[one.payment_id] = (*groups.get(one.payment_id, ()), one)
    return Holdings(region, at, {one.payment_id: one for one in payments}, groups)


def settled(seq, region=PRIMARY, at=None):
    return Settlement(f"id-{seq}", region, 1001.0 + seq if at is None else at)
