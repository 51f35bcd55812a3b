"""Raw samples: what is kept with a run is enough to make the watch and the counts again."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet
import pytest

from drlib import parameters
from drlib.core import samples
from drlib.core.clock import Clock
from drlib.core.errors import StepFailed
from drlib.core.samples import Stamp
from drlib.deployed.probes import CheckerReport
from drlib.payments import reconcile, stored_tables
from drlib.payments.ledger import FILE, Ledger
from drlib.payments.stored_tables import Basis
from drlib.payments.tables import Stores
from drlib.timeline import recovery
from drlib.timeline.observations import Watch
from drlib.timeline.poller import EndpointHealth
from drlib.timeline.prediction import predict
from drlib.timeline.recovery import first_error
from drlib.timeline.stored import file_of, keep, recall
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt, held, payment, settled
from tests.unit.timeline import watches

STAMP = Stamp("simulated", Clock(scale=20.0, anchor=500.0))


def looked(*, since: float) -> SimpleNamespace:
    """A poller that saw eight checkers fail one after the other, and the name turn."""
    health = EndpointHealth(threshold=3, since=since)
    for round_ in range(12):
        at = 990.0 + 10 * round_
        health.take([CheckerReport(f"c-{n}", at + n < since, "told", at + n) for n in range(8)])
    answers = [(995.0, PRIMARY, "192.0.2.1"), (1031.5, STANDBY, "192.0.2.2"), (1032.5, STANDBY, "192.0.2.2")]
    missed = [(1001.0, "checker", "StepFailed")]
    return SimpleNamespace(health=health, answers=answers, missed=missed)


def watched(rows, poller, **changes) -> Watch:
    facts = {
        "events": {
            "client_error": first_error(rows, since=1000.0),
            "check_failing": poller.health.first_failure_at,
            "unhealthy": poller.health.unhealthy_at,
            "dns_answer": 1031.5,
        },
        "observations": list(poller.health.observations),
        "misses": 1,
        "answers": ((995.0, PRIMARY), (1031.5, STANDBY)),
        "pending": (31,),
    }
    return watches.watched(rows, **facts | changes)


def test_a_watch_made_again_is_the_same_to_the_last_digit(tmp_path: Path) -> None:
    rows = [
        attempt(seq, outcome="ok" if seq > 12 else "fail", region=STANDBY if seq > 12 else "")
        for seq in range(1, 31)
    ]
    poller = looked(since=1000.0)
    seen = watched(rows, poller)
    assert seen.events["unhealthy"] is not None
    keep(seen, poller, tmp_path, runbook="30-drill-failover", name="api.test", stamp=STAMP)
    # The ledger went on: one attempt ended after the watch, and one began after it.
    ledger = [*rows, attempt(31, outcome="indeterminate"), attempt(32, outcome="fail")]
    kept = samples.read(file_of(tmp_path, "30-drill-failover"))
    again = recall(kept, ledger)
    assert again == replace(seen, origin="simulated")
    prediction = predict(parameters.make({}))
    assert recovery.measure(again, prediction) == recovery.measure(seen, prediction)


def test_every_sample_says_where_it_was_made_and_by_which_clock(tmp_path: Path) -> None:
    poller = looked(since=1000.0)
    keep(watched([], poller), poller, tmp_path, runbook="30-x", name="api.test", stamp=STAMP)
    Ledger([attempt(1), attempt(2)], stamp=Stamp("live")).save(tmp_path)
    watch = samples.read(file_of(tmp_path, "30-x"))
    assert set(watch.rows("origin", "clock")) == {("simulated", "modelled")}
    assert watch.stamp == STAMP
    stored = pyarrow.parquet.read_table(tmp_path / FILE)
    assert stored["origin"].to_pylist() == ["live", "live"]
    assert stored["clock"].to_pylist() == ["wall", "wall"]


def test_what_does_not_say_where_it_was_made_is_simulated(tmp_path: Path) -> None:
    Ledger([attempt(1)]).save(tmp_path)
    assert samples.read(tmp_path / FILE).columns["origin"] == ["simulated"]


def test_samples_that_cannot_be_written_leave_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger([attempt(1)]).save(tmp_path)

    def full(table: object, where: Path) -> None:
        where.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(where))

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    with pytest.raises(StepFailed, match="No space left on device"):
        Ledger([attempt(1), attempt(2)]).save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert len(samples.read(tmp_path / FILE).columns["seq"]) == 1


@pytest.mark.parametrize("rows", [0, 3])
def test_the_counts_made_again_are_the_same(tmp_path: Path, rows: int) -> None:
    payments = [payment(seq) for seq in range(1, rows + 1)]
    takeover = held(STANDBY, 1100.0, payments[:1])
    tables = [held(PRIMARY, 1900.0, payments, [settled(1)]), held(STANDBY, 1901.0, payments, [settled(1)])]
    stores = [Stores(PRIMARY, {"work": 2}, frozenset({"id-1"})), Stores(STANDBY, {"work": 0})]
    before = Basis(STAMP, 1050.0, takeover, tables, stores)
    before.keep(tmp_path)
    again = stored_tables.recall(tmp_path)
    assert again == before
    attempts = [attempt(seq) for seq in range(1, rows + 1)]
    assert reconcile.again(attempts, again) == reconcile.again(attempts, before)


def test_an_attempt_under_way_is_no_part_of_the_picture(tmp_path: Path) -> None:
    ledger = Ledger(log=tmp_path / "log")
    first, second = ledger.open("obeys-ttl"), ledger.open("obeys-ttl")
    ledger.begin(attempt(second, finished_at=time.time()))
    ledger.close(attempt(first, finished_at=10.0))
    assert ledger.picture() == ([attempt(first, finished_at=10.0)], (second,))
    assert ledger.picture(since=11.0) == ([], (second,))
