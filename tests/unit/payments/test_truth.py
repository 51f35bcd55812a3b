"""The independent reader of the sandbox's record: one payment of each kind, and what contradicts a ledger."""

from dataclasses import asdict
from types import SimpleNamespace

import pytest

from tests.aws_clients import payment, settlement
from tests.soak import truth
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt

TAKEOVER_AT = 1150.0


def arrived(payment_id, at):
    detail = {"item_key": [f"PAYMENT#{payment_id}", "PAYMENT"], "source": PRIMARY, "target": STANDBY}
    return {"kind": "replicated", "at": at, "detail": detail}


def counts(row, *items, events=()):
    found = truth.counts(
        [asdict(row)],
        {PRIMARY: items, STANDBY: items},
        events,
        primary=PRIMARY,
        standby=STANDBY,
        takeover_at=TAKEOVER_AT,
        to_modelled=lambda wall: wall,
    )
    return {name: names for name, names in found.items() if names}


def row(**changes):
    return attempt(1, **{"idempotency_key": "key-id-1"} | changes)


SETTLED = settlement("id-1", PRIMARY, 1010.0)
STORED = payment("id-1", PRIMARY, 1001.0)


@pytest.mark.parametrize(
    ("changes", "items", "events", "kinds"),
    [
        ({}, (STORED, SETTLED), [arrived("id-1", 1002.0)], {"acknowledged"}),
        ({}, (), [], {"acknowledged", "lost"}),
        ({}, (STORED, SETTLED), [arrived("id-1", 1200.0)], {"acknowledged", "stranded"}),
        ({}, (STORED, SETTLED), [], {"acknowledged", "stranded"}),
        ({"region": STANDBY}, (STORED, SETTLED), [], {"acknowledged"}),
        (
            {},
            (STORED, SETTLED, settlement("id-1", STANDBY, 1020.0)),
            [arrived("id-1", 1002.0)],
            {"acknowledged", "duplicated"},
        ),
        (
            {},
            (STORED, settlement("id-1", PRIMARY, 1302.0)),
            [arrived("id-1", 1002.0)],
            {"acknowledged", "late"},
        ),
        (
            {"outcome": "indeterminate", "payment_id": ""},
            (STORED, SETTLED),
            [],
            {"indeterminate", "recovered"},
        ),
        ({"outcome": "fail", "payment_id": ""}, (STORED,), [], {"unexpected"}),
        ({"outcome": "rejected", "payment_id": ""}, (), [], {"rejected"}),
        ({"idempotency_key": "key-other"}, (STORED,), [], {"acknowledged", "lost"}),
    ],
)
def test_each_kind_is_told_from_the_record(changes, items, events, kinds):
    assert set(counts(row(**changes), *items, events=events)) == kinds


def test_a_payment_of_this_run_that_nobody_sent_is_unexpected():
    stray = payment("id-2", PRIMARY, 1001.0) | {"idempotency_key": {"S": "key-id-9"}}
    sent = row(idempotency_key="key-id-1")
    assert counts(sent, STORED, SETTLED, stray, events=[arrived("id-1", 1.0)])["unexpected"] == {"id-2"}


def test_a_ledger_that_the_log_of_requests_contradicts_is_told():
    request = {"kind": "request", "detail": {"idempotency_key": "key-id-1", "region": PRIMARY, "status": 201}}
    good = [asdict(row())]
    assert truth.answers_that_do_not_fit(good, [request]) == []
    assert "no region answered so" in truth.answers_that_do_not_fit(good, [])[0]
    failed = [asdict(row(outcome="fail"))]
    assert truth.answers_that_do_not_fit(failed, []) == []
    assert "certainly failed" in truth.answers_that_do_not_fit(failed, [request])[0]


def test_a_count_that_differs_is_named_with_the_payment():
    losses = SimpleNamespace(lost=("id-1",), stranded=())
    found = {"lost": {"id-1"}, "stranded": {"id-2"}}
    (told,) = truth.differences(losses, found)
    assert told == "stranded: 0 counted, 1 in truth; ['id-2'] differ."
    assert truth.differences(losses, found, arriving={"id-2"}) == []
    lost = {"lost": set(), "stranded": set()}
    assert truth.differences(losses, lost, arriving={"id-1"}), "what is lost is lost, whenever it came"
