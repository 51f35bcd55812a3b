"""What is made of reports, answers and attempts: instants, stages, cohorts."""

from types import SimpleNamespace

import pytest

from drlib import parameters
from drlib.core.errors import DeadlineExceeded, StepFailed
from drlib.deployed.probes import CheckerReport
from drlib.show.charts.chart import LiveFigure
from drlib.timeline import watcher
from drlib.timeline.poller import EndpointHealth, Poller
from drlib.timeline.prediction import predict
from drlib.timeline.recovery import cohorts, first_error, measure, streak
from tests.fakes import Prober
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt
from tests.unit.timeline.watches import quiet, row, watched

CHECKERS = [f"checker-{number}" for number in range(8)]


def reports(second, *, failing, at=None):
    return [
        CheckerReport(name, name not in failing, "", (second if at is None else at) + number / 10)
        for number, name in enumerate(CHECKERS)
    ]


def test_a_report_that_was_seen_before_counts_once():
    judgement = EndpointHealth(threshold=3, since=0)
    for _ in range(5):
        judgement.take(reports(100, failing=CHECKERS))
    assert len(judgement.observations) == 8
    assert judgement.healthy


def test_the_endpoint_turns_with_the_seventh_checker_of_eight():
    judgement = EndpointHealth(threshold=3, since=105)
    judgement.take(reports(100, failing=[]))
    for turn in range(1, 3):
        judgement.take(reports(100 + 10 * turn, failing=CHECKERS[:7]))
    assert judgement.first_failure_at == 110.0
    assert judgement.unhealthy_at is None
    judgement.take(reports(130, failing=CHECKERS[:7]))
    assert judgement.unhealthy_at == 130.6
    assert not judgement.healthy


def test_six_of_eight_do_not_turn_it():
    judgement = EndpointHealth(threshold=1, since=0)
    judgement.take(reports(100, failing=CHECKERS[:6]))
    assert judgement.healthy
    assert judgement.unhealthy_at is None


def test_a_checker_comes_back_after_as_many_successes():
    judgement = EndpointHealth(threshold=2, since=0)
    for second in (100, 110):
        judgement.take(reports(second, failing=CHECKERS))
    assert not judgement.healthy
    judgement.take(reports(120, failing=[]))
    assert not judgement.healthy
    judgement.take(reports(130, failing=[]))
    assert judgement.healthy


def test_failures_before_the_fault_are_not_its_events():
    judgement = EndpointHealth(threshold=1, since=200)
    judgement.take(reports(100, failing=CHECKERS))
    assert judgement.first_failure_at is None
    assert judgement.unhealthy_at is None


def test_the_poller_sees_checks_and_answers(here, deployment):
    def status(HealthCheckId):
        assert HealthCheckId == "hc-1"
        at = SimpleNamespace(timestamp=lambda: 100.0)
        report = {"Status": "Failure: refused", "CheckedTime": at}
        return {
            "HealthCheckObservations": [
                {"Region": "us-east-1", "IPAddress": f"192.0.2.{number}", "StatusReport": report}
                for number in (1, 2)
            ]
        }

    here.clients["route53", "us-east-1"] = SimpleNamespace(get_health_check_status=status)
    poller = Poller(here, deployment, since=0.0).start()
    assert here.clock.wait_until(lambda: bool(poller.answers and poller.health.observations), timeout=3600)
    here.points_to = STANDBY
    assert here.clock.wait_until(lambda: poller.answered_at(STANDBY) is not None, timeout=3600)
    poller.stop()
    assert list(dict.fromkeys(region for _, region, _ in poller.answers)) == [PRIMARY, STANDBY]
    assert {seen.checker for seen in poller.health.observations} == {"us-east-1", "us-east-1#2"}


def test_a_look_that_fails_is_counted_and_the_poller_goes_on(here, deployment):
    def gone(HealthCheckId):
        raise StepFailed("the API is impaired")

    here.clients["route53", "us-east-1"] = SimpleNamespace(get_health_check_status=gone)
    poller = Poller(here, deployment, since=0.0).start()
    assert here.clock.wait_until(lambda: len(poller.missed) > 2, timeout=3600)
    poller.stop()
    assert poller.answered_at(PRIMARY) is not None


def test_a_mistake_of_ours_in_the_poller_is_raised(here, deployment):
    def broken(HealthCheckId):
        raise ZeroDivisionError

    here.clients["route53", "us-east-1"] = SimpleNamespace(get_health_check_status=broken)
    poller = Poller(here, deployment, since=0.0).start()
    with pytest.raises(ZeroDivisionError):
        while True:
            here.clock.sleep(1)
            poller.stop()


def test_ten_successes_in_a_row_are_needed_and_one_failure_starts_anew():
    rows = [row(seq) for seq in range(1, 10)] + [row(10, "fail")] + [row(seq) for seq in range(11, 21)]
    first, last = streak(rows, region=STANDBY)
    assert (first.seq, last.seq) == (11, 20)
    assert streak(rows[:-1], region=STANDBY) is None


def test_a_success_of_the_other_region_starts_anew():
    rows = (
        [row(seq) for seq in range(1, 10)] + [row(10, region=PRIMARY)] + [row(seq) for seq in range(11, 20)]
    )
    assert streak(rows, region=STANDBY) is None


def test_the_first_error_is_when_a_client_learnt_of_it():
    rows = [
        row(1, "fail", finished_at=5.0),
        row(2, "indeterminate", finished_at=13.0),
        row(3, "fail", finished_at=12.0),
        row(4, "fail", finished_at=11.0, cohort="keeps-connection"),
    ]
    assert first_error(rows, since=10.0) == 12.0
    assert first_error(rows, since=20.0) is None


def test_each_client_has_its_own_recovery():
    rows = [
        row(1, finished_at=90.0),  # before the fault
        row(2, "fail", finished_at=101.0, client=0),
        row(3, finished_at=130.0, client=0),
        row(4, finished_at=131.0, client=1),
        row(5, "fail", finished_at=132.0, client=1),
        row(6, finished_at=150.0, client=1),
        row(7, "fail", finished_at=140.0, client=2),
        row(8, finished_at=120.0, client=0, cohort="keeps-connection"),
    ]
    found = cohorts(rows, zero=100.0, region=STANDBY)
    assert vars(found["obeys-ttl"]) == {
        "clients": 3,
        "recovered": 2,
        "p50_seconds": 30.0,
        "p95_seconds": 50.0,
        "max_seconds": 50.0,
        "note": "",
    }
    assert found["keeps-connection"].max_seconds == 20.0


FAILOVER = [row(1, "fail"), row(2, "fail"), row(3, "indeterminate"), *(row(seq) for seq in range(40, 52))]


def test_the_rto_is_measured_and_its_stages_add_up():
    prediction = predict(parameters.make({}))
    recovery = measure(watched(FAILOVER), prediction)
    assert recovery.measured_seconds == 40.5
    assert recovery.stable_seconds == 9.0
    assert sum(round(seconds * 1000) for seconds in recovery.stages.values()) == 40500
    assert recovery.stages["check_failing"] == 0.0
    assert (recovery.failed, recovery.indeterminate) == (2, 1)
    assert str(recovery).startswith("RTO: within target (passed)")
    assert "40.5" not in str(recovery)
    assert recovery.as_dict()["cohorts"]["obeys-ttl"]["recovered"] == 1


def test_a_cohort_that_stays_is_said_to_stay_and_is_in_no_figure():
    stayed = [row(60 + seq, "fail", cohort="pins-dns") for seq in range(3)]
    away = [row(70, "fail", cohort="behind-caching-resolver")]
    prediction = predict(parameters.make({}))
    recovery = measure(watched([*FAILOVER, *stayed, *away]), prediction)
    pinned, behind = (recovery.cohorts[name] for name in ("pins-dns", "behind-caching-resolver"))
    assert (pinned.recovered, pinned.max_seconds, pinned.note) == (
        0,
        None,
        "not recovered until the region came back",
    )
    assert behind.note == "not all recovered while they were watched"
    assert recovery.cohorts["obeys-ttl"].note == ""
    assert recovery.measured_seconds == measure(watched(FAILOVER), prediction).measured_seconds
    assert "not recovered until the region came back" in recovery._repr_mimebundle_()["text/html"]
    assert "recovered" not in str(recovery), "it depends on when a client asked first"


def test_what_was_not_reached_is_not_measured():
    prediction = predict(parameters.make({}))
    with pytest.raises(StepFailed, match="did not recover"):
        measure(watched(FAILOVER[:5]), prediction)


def test_figures_of_a_watch_can_be_drawn():
    seen = watched(FAILOVER)
    assert seen.payments(restored_at=1090.0).png().startswith(b"\x89PNG")
    assert seen.health().png().startswith(b"\x89PNG")
    assert str(seen) == f"10 payments in a row were served by {STANDBY}"


def test_a_failover_that_does_not_come_names_the_missing_stage(here, deployment):
    from drlib.payments.ledger import Ledger

    quiet(here)
    with pytest.raises(DeadlineExceeded, match="the public name never led to us-west-2"):
        prober = Prober(Ledger(), here.folder)
        watcher.watch(here, deployment, prober, since=here.clock.now(), timeout_seconds=30)


def test_a_return_ends_with_ten_successes_of_the_primary(here, deployment):
    from drlib.payments.ledger import Ledger

    quiet(here)
    now = here.clock.now()
    rows = [
        attempt(seq, region=STANDBY if seq < 3 else PRIMARY, started_at=now + seq, finished_at=now + seq)
        for seq in range(1, 14)
    ]
    seen = watcher.watch_return(here, deployment, Prober(Ledger(rows), here.folder), since=now)
    assert seen.to_region == PRIMARY
    assert seen.seconds == pytest.approx(3.0)
    assert seen.count("fail") == 0


def test_a_return_that_does_not_come_tells_what_the_clients_were_told_last(here, deployment):
    from drlib.payments.ledger import Ledger

    quiet(here)
    now = here.clock.now()
    lost = {"outcome": "indeterminate", "status": 0, "region": "", "error": "timed out"}
    rows = [attempt(seq, finished_at=now + seq, **(lost if seq % 4 else {})) for seq in range(1, 13)]
    told = r"of the last 10 payments were 7 indeterminate \(timed out\), 3 ok \(us-east-2, 201\)"
    with pytest.raises(DeadlineExceeded, match=told):
        prober = Prober(Ledger(rows), here.folder)
        watcher.watch_return(here, deployment, prober, since=now, timeout_seconds=30)


def test_nothing_is_drawn_outside_a_notebook(here):
    def draw():
        raise AssertionError("drawn")

    LiveFigure("live", here.clock, draw).finish()
