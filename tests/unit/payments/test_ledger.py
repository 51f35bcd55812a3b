import pytest

from drlib.core.errors import StepFailed
from drlib.payments.ledger import Ledger
from tests.unit.payments.attempts import attempt


def test_a_ledger_is_read_as_it_was_written(tmp_path):
    ledger = Ledger([attempt(2, outcome="fail", payment_id="", error="connection refused"), attempt(1)])
    ledger.save(tmp_path)
    assert Ledger.load(tmp_path).attempts() == ledger.attempts()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.parquet"]


def test_a_killed_kernel_leaves_no_payment_that_nobody_knows_of(tmp_path):
    killed = Ledger.reopen(tmp_path)
    for seq in (killed.open("obeys-ttl"), killed.open("obeys-ttl")):
        killed.begin(attempt(seq, outcome="indeterminate", payment_id="", status=0, region=""))
    killed.close(attempt(1))
    with (tmp_path / "ledger.jsonl").open("ab") as log:
        log.write(b'{"seq": 3, "coh')  # what the kill cut off
    after = Ledger.reopen(tmp_path)
    assert [(row.seq, row.outcome) for row in after.attempts()] == [(1, "ok"), (2, "indeterminate")]
    assert Ledger.load(tmp_path).attempts() == after.attempts()
    assert after.open("obeys-ttl") == 3


def test_a_sealed_ledger_is_its_table_alone(tmp_path):
    ledger = Ledger.reopen(tmp_path)
    ledger.close(attempt(ledger.open("obeys-ttl")))
    ledger.seal(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.parquet"]
    assert Ledger.load(tmp_path).attempts() == [attempt(1)]


def test_the_end_that_the_log_has_counts_more_than_a_table_written_before_it(tmp_path):
    ledger = Ledger.reopen(tmp_path)
    ledger.close(attempt(1, outcome="indeterminate"))
    ledger.save(tmp_path)
    ledger.close(attempt(1))
    assert Ledger.load(tmp_path).attempts() == [attempt(1)]


def test_an_empty_ledger_keeps_its_columns(tmp_path):
    Ledger().save(tmp_path)
    frame = Ledger.load(tmp_path).frame()
    assert len(frame) == 0
    assert list(frame.columns)[:2] == ["seq", "cohort"]


def test_a_run_without_a_ledger_says_what_to_do(tmp_path):
    with pytest.raises(StepFailed, match="has no ledger"):
        Ledger.load(tmp_path)


def test_numbers_go_on_where_a_stored_ledger_ended(tmp_path):
    Ledger([attempt(7)]).save(tmp_path)
    assert Ledger.reopen(tmp_path).open("obeys-ttl") == 8
    assert Ledger.reopen(tmp_path / "other").open("obeys-ttl") == 1


def test_what_is_decided_ends_before_the_first_attempt_under_way():
    ledger = Ledger()
    slow, quick, other = ledger.open("obeys-ttl"), ledger.open("obeys-ttl"), ledger.open("keeps-connection")
    ledger.close(attempt(quick))
    ledger.close(attempt(other, cohort="keeps-connection"))
    assert ledger.decided("obeys-ttl") == []
    assert [row.seq for row in ledger.decided("keeps-connection")] == [other]
    ledger.close(attempt(slow, outcome="indeterminate"))
    assert [row.outcome for row in ledger.decided("obeys-ttl")] == ["indeterminate", "ok"]


def test_counts_keep_the_outcomes_apart():
    rows = [
        attempt(1),
        attempt(2, outcome="fail"),
        attempt(3, outcome="indeterminate"),
        attempt(4, outcome="rejected"),
    ]
    assert Ledger(rows).counts() == {"obeys-ttl": {"ok": 1, "fail": 1, "indeterminate": 1, "rejected": 1}}


def test_cohorts_come_in_one_order_whoever_paid_first():
    rows = [attempt(1, cohort="zealous"), attempt(2, cohort="keeps-connection"), attempt(3)]
    assert list(Ledger(rows).counts()) == ["obeys-ttl", "keeps-connection", "zealous"]
