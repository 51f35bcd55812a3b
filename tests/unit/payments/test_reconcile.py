"""One payment of each kind, and whether it is counted as that and as nothing else."""

from dataclasses import replace

import pytest

from drlib.core.errors import VerdictRed
from drlib.core.terms import MORE, NAMES
from drlib.payments import reconcile
from drlib.payments.ledger import Ledger
from drlib.payments.losses import INSTRUCTIONS, LossCounts
from drlib.payments.reconcile import tally, with_stores
from drlib.payments.tables import Stores, from_dict, stores
from tests.aws_clients import payment as stored_payment
from tests.aws_clients import settlement as stored_settlement
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt, held, payment, settled

FAULT_AT = 1050.0


def count(attempts, *, now, at_takeover, settlements, known=(), standby=None):
    primary = held(PRIMARY, 2000.0, now, settlements)
    return tally(
        attempts,
        primary=primary,
        standby=standby or held(STANDBY, 2000.0, now, settlements),
        takeover=held(STANDBY, 1150.0, at_takeover, known),
        fault_at=FAULT_AT,
    )


def nothing_but(losses, **expected):
    found = {name: getattr(losses, name) for name in (*NAMES, *MORE) if getattr(losses, name)}
    assert found == expected


def test_a_good_payment_is_acknowledged_and_nothing_else():
    one = payment(1)
    losses = count([attempt(1)], now=[one], at_takeover=[one], settlements=[settled(1)])
    nothing_but(losses, acknowledged=("id-1",))
    assert losses.rpo_seconds == 0
    assert str(losses.require()) == "reconciliation: every acknowledged payment is accounted for (passed)"


def test_a_payment_that_is_nowhere_is_lost():
    losses = count([attempt(1)], now=[], at_takeover=[], settlements=[])
    nothing_but(losses, acknowledged=("id-1",), lost=("id-1",))
    with pytest.raises(VerdictRed, match="1 payments were acknowledged and never found again, such as id-1"):
        losses.require()


def test_the_rpo_counts_from_the_oldest_payment_that_takeover_lacked():
    rows = [attempt(seq) for seq in (1, 48, 49)]
    now = [payment(seq) for seq in (1, 48, 49)]
    losses = count(rows, now=now, at_takeover=now[:1], settlements=[settled(seq) for seq in (1, 48, 49)])
    assert losses.stranded == ("id-48", "id-49")
    assert losses.lost == ()
    assert losses.rpo_seconds == pytest.approx(FAULT_AT - rows[1].finished_at)


def test_a_lost_payment_counts_for_the_rpo_too():
    losses = count([attempt(40)], now=[], at_takeover=[], settlements=[])
    assert losses.rpo_seconds == pytest.approx(FAULT_AT - 1040.5)
    assert losses.stranded == ()


def test_what_the_standby_accepted_after_takeover_is_not_stranded():
    row = attempt(1, region=STANDBY, started_at=1200.0, finished_at=1200.5)
    one = payment(1, region=STANDBY)
    losses = count([row], now=[one], at_takeover=[], settlements=[settled(1, STANDBY, 1201.0)])
    nothing_but(losses, acknowledged=("id-1",))
    assert losses.rpo_seconds == 0


def test_two_settlements_are_a_duplicate_and_the_takeover_explains_it_or_not():
    one = payment(1)
    both = [settled(1), settled(1, STANDBY, 1120.0)]
    unknown = count([attempt(1)], now=[one], at_takeover=[one], settlements=both)
    assert (unknown.duplicated, unknown.explained, unknown.unexplained_duplicates) == (
        ("id-1",),
        ("id-1",),
        (),
    )
    assert unknown.reasons == []
    known = count([attempt(1)], now=[one], at_takeover=[one], settlements=both, known=[settled(1)])
    assert (known.explained, known.unexplained_duplicates) == ((), ("id-1",))
    assert "settled twice" in known.reasons[0]


def test_a_payment_taken_after_the_takeover_has_no_gap_behind_a_second_settlement():
    row = attempt(1, started_at=1200.0, finished_at=1200.5)
    both = [settled(1), settled(1, STANDBY, 1210.0)]
    losses = count([row], now=[payment(1)], at_takeover=[], settlements=both)
    assert (losses.explained, losses.unexplained_duplicates) == ((), ("id-1",))


def receipted(*regions, now, settlements=None):
    """Count one payment whose receipt is in the buckets of these regions."""
    counted = count(
        [attempt(1)],
        now=now,
        at_takeover=now,
        settlements=[settled(1)] if settlements is None else settlements,
    )
    tables = [
        held(region, 2000.0, now, [settled(1)] if settlements is None else settlements)
        for region in (PRIMARY, STANDBY)
    ]
    shelves = [
        Stores(region, {"work": 2}, frozenset({"id-1"} if region in regions else ()))
        for region in (PRIMARY, STANDBY)
    ]
    return with_stores(counted, [attempt(1)], tables=tables, stores=shelves)


def test_a_settled_payment_without_a_receipt_is_told_and_red():
    losses = receipted(now=[payment(1)])
    assert (losses.unreceipted, losses.one_sided) == (("id-1",), ())
    with pytest.raises(VerdictRed, match="1 payments were settled, and have a receipt nowhere, such as id-1"):
        losses.require()


def test_a_receipt_in_one_region_only_is_listed():
    losses = receipted(STANDBY, now=[payment(1)])
    assert (losses.unreceipted, losses.one_sided) == ((), ("id-1",))
    assert losses.reasons == []
    assert losses.listed().rows == [["id-1", "one sided", INSTRUCTIONS["one_sided"]]]


def test_receipts_in_both_regions_are_as_they_should_be():
    losses = receipted(PRIMARY, STANDBY, now=[payment(1)])
    assert (losses.unreceipted, losses.one_sided) == ((), ())
    assert losses.messages == {f"work, {PRIMARY}": 2, f"work, {STANDBY}": 2}


def test_receipts_of_payments_that_this_run_did_not_send_are_not_asked_for():
    losses = receipted(now=[payment(2, idempotency_key="verify-abc")], settlements=[settled(2)])
    assert (losses.unreceipted, losses.one_sided) == ((), ())


def test_every_kind_that_needs_someone_has_one_instruction():
    told_elsewhere = {"acknowledged", "indeterminate", "unexplained_duplicates", "unexplained_late"}
    assert set(INSTRUCTIONS) == {*NAMES, *MORE} - told_elsewhere
    assert all(words.endswith(".") for words in INSTRUCTIONS.values())
    assert "payment id" in INSTRUCTIONS["duplicated"]
    losses = count([attempt(1)], now=[], at_takeover=[], settlements=[])
    assert losses.listed().rows == [["id-1", "lost", INSTRUCTIONS["lost"]]]
    assert losses.as_dict()["instructions"] == {"lost": INSTRUCTIONS["lost"]}
    assert INSTRUCTIONS["lost"] in str(losses)


def test_queues_are_counted_and_receipts_are_listed_page_by_page(here, deployment, aws):
    aws.messages["https://sqs.us-west-2/dead_letter"] = 3
    aws.stored["receipts-us-west-2"] = {"id-1", "id-2"}
    found = stores(here, deployment, STANDBY)
    assert found == Stores(
        STANDBY, {"work": 0, "dead_letter": 3, "undelivered": 0}, frozenset({"id-1", "id-2"})
    )


def test_both_regions_are_read_and_counted(here, deployment, aws):
    now = here.clock.now()
    for region in (PRIMARY, STANDBY):
        aws.stored[f"receipts-{region}"] = {"id-1"}
    wall = here.clock.to_wall(now)
    for item in (stored_payment("id-1", PRIMARY, wall), stored_settlement("id-1", PRIMARY, wall + 0.01)):
        aws.tables[PRIMARY].put_item(TableName="", Item=item)
    ledger = Ledger([attempt(1, idempotency_key="key-id-1", amount_minor=1250, finished_at=now)])
    losses = reconcile.count(here, deployment, ledger, held(STANDBY, now, [payment(1)]))
    nothing_but(losses, acknowledged=("id-1",))
    assert losses.messages[f"work, {PRIMARY}"] == 0


def test_a_settlement_after_the_target_time_is_late():
    one = payment(1)
    losses = count([attempt(1)], now=[one], at_takeover=[one], settlements=[settled(1, at=1302.0)])
    nothing_but(losses, acknowledged=("id-1",), late=("id-1",), unexplained_late=("id-1",))
    assert "after their target time" in losses.reasons[0]


def test_a_payment_that_is_never_settled_is_late_and_unsettled():
    one = payment(1)
    losses = count([attempt(1)], now=[one], at_takeover=[one], settlements=[])
    nothing_but(
        losses, acknowledged=("id-1",), late=("id-1",), unexplained_late=("id-1",), unsettled=("id-1",)
    )
    assert "never settled" in " ".join(losses.reasons)


def test_an_unclear_payment_is_recovered_if_it_is_there_and_never_acknowledged():
    row = attempt(1, outcome="indeterminate", payment_id="", region="")
    there = count([row], now=[payment(1)], at_takeover=[], settlements=[settled(1)])
    nothing_but(there, indeterminate=("key run-000001",), recovered=("key run-000001",))
    gone = count([row], now=[], at_takeover=[], settlements=[])
    nothing_but(gone, indeterminate=("key run-000001",))
    assert there.rpo_seconds == gone.rpo_seconds == 0


@pytest.mark.parametrize("outcome", ["fail", "rejected"])
def test_what_certainly_did_not_happen_must_not_be_there(outcome):
    row = attempt(1, outcome=outcome, payment_id="", region="")
    losses = count([row], now=[payment(1)], at_takeover=[], settlements=[settled(1)])
    assert losses.unexpected == ("id-1",)
    assert losses.reasons
    assert count([row], now=[], at_takeover=[], settlements=[]).unexpected == ()


def test_a_payment_of_this_run_that_nobody_sent_is_unexpected_and_others_are_not():
    now = [payment(1), payment(2), payment(3, idempotency_key="verify-abc")]
    losses = count([attempt(1)], now=now, at_takeover=now, settlements=[settled(seq) for seq in (1, 2, 3)])
    assert losses.unexpected == ("id-2",)


def test_a_late_payment_is_red_unless_its_region_held_it_back():
    row, late = attempt(40), settled(40, at=1500.0)
    known = count([row], now=[payment(40)], at_takeover=[payment(40)], settlements=[late])
    assert (known.late, known.unexplained_late) == (("id-40",), ("id-40",))
    with pytest.raises(VerdictRed, match="after their target time"):
        known.require()
    stranded = count([row], now=[payment(40)], at_takeover=[], settlements=[late])
    assert (stranded.late, stranded.stranded, stranded.unexplained_late) == (("id-40",), ("id-40",), ())
    assert stranded.reasons == []


def test_a_rejected_payment_is_counted_as_that():
    row = attempt(1, outcome="rejected", payment_id="", region="", status=422)
    nothing_but(count([row], now=[], at_takeover=[], settlements=[]), rejected=("key run-000001",))


def test_tables_that_do_not_agree_are_told():
    one, two = payment(1), payment(2)
    standby = held(STANDBY, 2000.0, [one], [settled(1)])
    losses = count(
        [attempt(1), attempt(2)],
        now=[one, two],
        at_takeover=[one, two],
        settlements=[settled(1), settled(2)],
        standby=standby,
    )
    assert losses.differing == ("id-2",)
    assert losses.lost == ()
    assert losses.reasons


def test_a_payment_with_another_amount_is_told():
    one = payment(1, amount_minor=1)
    losses = count([attempt(1)], now=[one], at_takeover=[one], settlements=[settled(1)])
    assert losses.differing == ("id-1",)


def test_the_evidence_gets_a_list_of_ids_for_every_count():
    one = payment(1)
    data = count([attempt(1)], now=[one], at_takeover=[one], settlements=[settled(1)]).as_dict()
    lists = {name for name, value in data.items() if isinstance(value, list)}
    assert lists == {*NAMES, *MORE}
    assert data["acknowledged"] == ["id-1"]
    assert data["rpo_seconds"] == 0


def test_holdings_are_read_as_they_were_saved():
    one = held(STANDBY, 1150.0, [payment(1), payment(2)], [settled(1), settled(1, STANDBY, 1120.0)])
    assert from_dict(one.as_dict()) == one


def test_two_regions_that_cannot_hear_each_other_settle_twice_and_each_is_listed():
    apart = LossCounts(0.0, duplicated=("p1",), unexplained_duplicates=("p1",), both_served=True)
    assert apart.reasons == []
    assert [list(row[:2]) for row in apart.listed().rows] == [["p1", "duplicated"]]
    assert replace(apart, both_served=False).reasons
