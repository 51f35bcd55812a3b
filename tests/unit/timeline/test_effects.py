"""What is seen after a fault, as the judgement gets it; and a watch in which nothing is to move."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drlib import parameters
from drlib.deployed import latch, probes
from drlib.faults import scenario
from drlib.faults.hypothesis import OperatorAct
from drlib.payments.ledger import Ledger
from drlib.switch import failover
from drlib.timeline import effects, prediction, watcher
from drlib.timeline.effects import Rest
from drlib.timeline.poller import Poller
from drlib.timeline.recovery import measure
from tests.fakes import Prober
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.faults.files import fault
from tests.unit.payments.attempts import attempt
from tests.unit.timeline.watches import quiet, row, watched

AFTER = Rest(((1100.0, STANDBY),))
ONLY_WATCHES = OperatorAct()
MOVED = [row(61 + seq) for seq in range(12)]


@pytest.fixture
def sighted(here):
    here.recorded = []
    here.events = lambda: here.recorded

    def make(attempts, *, part=ONLY_WATCHES, rest=AFTER, **changes):
        seen = replace(watched(attempts), **changes)
        return effects.sighted(here, seen, rest, part, prediction.predict(parameters.make({})))

    return make


def test_who_noticed_and_who_moved_it(sighted):
    late = [row(3 + seq, "indeterminate", cohort="pins-dns") for seq in range(5)]
    seen = sighted([*late, *MOVED], alarm_at=1050.0, answers=((1001.0, PRIMARY), (1029.0, STANDBY)))
    assert seen.moved_by == "route53"
    assert seen.detected["clients"] == late[4].finished_at - 1000.0
    assert seen.detected["alarm"] == 50.0
    assert seen.detected["operator"] is None
    assert seen.answers == ((1.0, PRIMARY), (29.0, STANDBY), (100.0, STANDBY))
    by_hand = sighted(MOVED, part=OperatorAct("set the latch", noticed_at=1020.0, acted_at=1021.0))
    assert (by_hand.moved_by, by_hand.detected["operator"]) == ("operator", 20.0)


def test_a_payment_that_fails_now_and_then_is_not_noticed(sighted):
    few = [row(20 + seq, "fail" if seq % 3 == 0 else "ok") for seq in range(18)]
    assert sighted(few).detected["clients"] is None
    more = [row(38 + seq, "fail") for seq in range(3)]
    assert sighted([*few, *more]).detected["clients"] == more[2].finished_at - 1000.0


def test_what_did_not_move_was_moved_by_nobody(sighted):
    assert sighted(MOVED[:5]).moved_by == ""
    assert sighted(MOVED[:5]).moved_seconds is None


def test_payments_of_a_primary_that_goes_on_are_counted(sighted):
    before, after = row(20, region=PRIMARY), row(90, region=PRIMARY, cohort="pins-dns")
    assert sighted([before, *MOVED]).both_served == 0
    assert sighted([before, *MOVED, after]).both_served == 1


def test_a_cold_start_is_told_by_the_sandbox_alone(sighted, here):
    here.recorded = [
        {"kind": "cold_start", "at": at, "detail": {"region": region, "seconds": at - 1000}}
        for at, region in ((990.0, STANDBY), (1030.0, PRIMARY), (1031.0, STANDBY), (1040.0, STANDBY))
    ]
    assert sighted(MOVED).cold_seconds == 31.0
    here.origin = "live"
    assert sighted(MOVED).cold_seconds is None


def test_an_alarm_counts_if_it_began_to_ring_since(here, deployment, aws):
    outputs = deployment.regions[PRIMARY]
    outputs.alarms.append("pay-alarm-api-5xx-drill-use2")
    aws.alarms["pay-alarm-api-5xx-drill-use2"] = "OK"
    aws.alarms_changed = datetime.fromtimestamp(1000, UTC)
    assert probes.rang(here, deployment, "api-5xx", since=990.0) is None
    aws.alarms["pay-alarm-api-5xx-drill-use2"] = "ALARM"
    assert probes.rang(here, deployment, "api-5xx", since=990.0) == 1000.0
    assert probes.rang(here, deployment, "5xx", since=990.0) is None
    assert probes.rang(here, deployment, "api-5xx", since=1001.0) is None


def test_the_poller_listens_for_an_alarm(here, deployment, aws):
    deployment.dns_alarms.append("pay-alarm-check-standby-drill-use1")
    aws.alarms["pay-alarm-check-standby-drill-use1"] = "ALARM"
    poller = Poller(here, deployment, since=0.0, alarm="check-standby").start()
    assert here.clock.wait_until(lambda: poller.alarm_at is not None, timeout=3600)
    poller.stop()
    assert poller.alarm_at == aws.alarms_changed.timestamp()


def test_after_the_restore_the_name_is_looked_at(here, deployment):
    seen = effects.rest(here, deployment, Prober(Ledger(), here.folder), seconds=10.0)
    assert str(seen) == f"The public name stays with {PRIMARY}"


def test_where_traffic_is_to_stay_it_is_looked_at_for_so_long(here, deployment, monkeypatch):
    quiet(here)
    planned = scenario.from_dict(
        {
            "name": "test",
            "title": "a test",
            "hypothesis": ["It stays."],
            "targets": ["sandbox"],
            "faults": [{"kind": "replication-cut"}],
            "watch_seconds": 60.0,
            "expect": {"traffic": "stays", "detected_by": "nobody"},
        }
    )
    monkeypatch.setattr(scenario, "load", lambda name: planned)
    begun = fault(here)
    seen = watcher.watch(here, deployment, Prober(Ledger(), here.folder), begun)
    assert seen.ended_at >= begun.at + 60.0
    assert seen.streak is None
    assert str(seen) == f"payments were served by {PRIMARY} all the time"
    recovery = measure(seen, prediction.predict(here.settings))
    assert recovery.as_dict()["measured_seconds"] is None
    assert recovery.figures() == {}


def test_the_takeover_is_kept_once_and_at_once(here, deployment, aws, run):
    quiet(here)
    now = here.clock.now()
    rows = [attempt(seq, region=STANDBY, started_at=now, finished_at=now + seq / 10) for seq in range(1, 12)]
    kept = []

    def keep():
        kept.append(here.clock.now())
        failover.takeover(here, deployment, run)()

    seen = watcher.watch(here, deployment, Prober(Ledger(rows), here.folder), since=now, at_takeover=keep)
    assert len(kept) == 1
    assert kept[0] <= seen.ended_at
    first = run.load("takeover")
    assert first["region"] == STANDBY
    failover.takeover(here, deployment, run)()
    assert run.load("takeover") == first, "a run has one takeover"


def test_a_failover_watched_again_is_looked_at_and_keeps_what_was_measured(
    here, deployment, aws, run, capsys
):
    quiet(here)
    latch.write(here, deployment, STANDBY, is_set=True, reason="an incident", hold_seconds=0.0)
    now = here.clock.now()
    rows = [attempt(1, outcome="fail", started_at=now, finished_at=now)]
    rows += [attempt(seq, region=STANDBY, started_at=now, finished_at=now + seq) for seq in range(2, 14)]
    first = Prober(Ledger(rows), run.folder)
    first.started_at = now
    seen = watcher.watch(here, deployment, first, ask_route53=False)
    assert seen.seconds == pytest.approx(2.0)
    Ledger(rows).save(run.folder)

    later = here.clock.now() + 1.0
    rows += [attempt(seq, region=STANDBY, started_at=later, finished_at=later) for seq in range(14, 26)]
    again = Prober(Ledger(rows), run.folder)
    again.started_at = later
    kept = (run.folder / "samples" / "watch.30-drill-failover.parquet").read_bytes()
    assert watcher.watch(here, deployment, again, ask_route53=False).seconds == seen.seconds
    assert "done earlier, verified" in capsys.readouterr().out
    assert (run.folder / "samples" / "watch.30-drill-failover.parquet").read_bytes() == kept

    latch.write(here, deployment, STANDBY, is_set=True, reason="another", hold_seconds=0.0)
    fresh = watcher.watch(here, deployment, again, ask_route53=False)
    assert fresh.zero == later, "another failover, and its own time"
