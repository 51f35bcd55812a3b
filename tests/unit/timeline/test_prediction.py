"""The predicted RTO against a simulation that knows none of its formulas: it plays outages out."""

import random
import statistics
from types import SimpleNamespace

import pytest

from drlib import parameters
from drlib.core.errors import BadParameters
from drlib.faults import scenario
from drlib.payments.pace import beats
from drlib.timeline.prediction import STAGES, failures_needed, in_stages, predict, wire_ttl

CHECKERS = 8


def change_of_the_answer(settings, chance, *, fault):
    """Play every check of every checker, and return when Route 53 turns the name."""
    interval, threshold = settings.check_interval_seconds, settings.check_failure_threshold
    start = chance.uniform(0, interval)
    turned = []
    for number in range(CHECKERS):
        phase = (start + number * interval / CHECKERS) % interval
        at, failures = phase, 0
        while failures < threshold:
            failures = failures + 1 if at >= fault else 0
            last, at = at, at + interval
        turned.append((last, number))
    return next(
        at for count, (at, _) in enumerate(sorted(turned), start=1) if (CHECKERS - count) / CHECKERS <= 0.18
    ) + (4.0 if settings.outage_mode == "hang" else 0.0)


def played(settings, chance, *, fault):
    """Play one outage out, and return its RTO: every check and every payment, in order of time."""
    changed = change_of_the_answer(settings, chance, fault=fault)
    ttl = wire_ttl(60.0, settings.time_scale)
    attempts = []
    cohort = beats(settings.ttl_clients, interval_seconds=settings.attempt_interval_seconds, ttl_seconds=ttl)
    for beat in cohort:
        now, expires, leads_to_standby = beat.offset_seconds, beat.first_renewal_seconds, False
        while now < changed + 3 * ttl + 200:
            if now >= expires - beat.interval_seconds / 2:
                expires, leads_to_standby = now + ttl, now >= changed
            works = leads_to_standby or now < fault
            attempts.append((now, works, leads_to_standby))
            now += beat.interval_seconds
    row = []
    for at, works, at_standby in sorted(attempts):
        row = [*row, at] if works and at_standby else []
        if len(row) == 10:
            return row[0] - fault
    raise AssertionError("never recovered")


@pytest.mark.parametrize(
    ("changes", "share_within_tolerance"),
    [
        ({}, 1.0),
        ({"outage_mode": "hang"}, 1.0),
        ({"outage_mode": "503"}, 1.0),
        ({"check_interval_seconds": 30}, 1.0),
        ({"check_failure_threshold": 1, "attempt_interval_seconds": 6.0}, 0.95),
        ({"time_scale": 40.0, "ttl_clients": 12, "attempt_interval_seconds": 10.0}, 1.0),
        # Three clients are few: whose answer ends last is a matter of twenty seconds.
        ({"check_failure_threshold": 5, "ttl_clients": 3, "attempt_interval_seconds": 5.0}, 0.7),
    ],
)
def test_the_prediction_is_the_mean_of_what_is_played_out(changes, share_within_tolerance):
    settings = parameters.make(changes)
    chance = random.Random(7)
    played_out = [played(settings, chance, fault=600 + chance.uniform(0, 120)) for _ in range(300)]
    prediction = predict(settings)
    answer = dict(prediction.derivation)["the standby answers"]
    predicted = prediction.predicted_seconds - answer
    assert statistics.mean(played_out) == pytest.approx(predicted, abs=1.0)
    allowed = max(3.0, 0.1 * prediction.predicted_seconds)
    within = sum(abs(seconds - predicted) <= allowed for seconds in played_out)
    assert within >= share_within_tolerance * len(played_out)
    assert min(played_out) >= prediction.earliest_seconds - answer - 1e-6
    assert max(played_out) <= prediction.latest_seconds - answer + 1e-6


def played_keeping(settings, chance, *, fault):
    """Play out one client with a kept connection, attempt by attempt; return when the standby serves it."""
    changed = change_of_the_answer(settings, chance, fault=fault)
    interval, ttl = settings.attempt_interval_seconds, wire_ttl(60.0, settings.time_scale)
    hangs = settings.outage_mode == "hang"
    failing = max(5.0, 2.0 * settings.time_scale) if hangs else 0.0
    begins, connected, answer, now = 1.5, True, None, fault
    while True:
        now = begins + (int((now - begins) // interval) + 1) * interval  # its next instant
        if connected and hangs:
            connected, now = False, now + failing
            continue
        if answer is None or now >= answer["until"] - interval / 2:
            answer = {"until": now + ttl, "standby": now >= changed}
        if answer["standby"]:
            return now - fault
        now += failing


def played_behind(settings, chance, *, fault):
    """Play out the clients of one resolver; return when the last of them is served by the standby."""
    changed = change_of_the_answer(settings, chance, fault=fault)
    count, pause = settings.cached_clients, 2 * settings.attempt_interval_seconds
    kept = max(settings.resolver_floor_seconds, wire_ttl(60.0, settings.time_scale))
    until, standby, now, served = chance.uniform(0, kept), False, 0.0, {}
    for turn in range(100_000):
        now = turn * pause / count
        if now >= until - pause / count / 2:
            until, standby = now + kept, now >= changed
        if standby and now >= fault:
            served.setdefault(turn % count, now)
        if len(served) == count:
            return max(served.values()) - fault
    raise AssertionError("never recovered")


@pytest.mark.parametrize(
    ("cohort", "play", "changes"),
    [
        ("keeps-connection", played_keeping, {}),
        ("keeps-connection", played_keeping, {"outage_mode": "hang"}),
        ("keeps-connection", played_keeping, {"outage_mode": "hang", "time_scale": 1.0}),
        ("keeps-connection", played_keeping, {"check_interval_seconds": 30}),
        ("behind-caching-resolver", played_behind, {}),
        ("behind-caching-resolver", played_behind, {"cached_clients": 4, "resolver_floor_seconds": 300.0}),
        ("behind-caching-resolver", played_behind, {"resolver_floor_seconds": 0.0}),
    ],
)
def test_the_other_cohorts_are_predicted_as_they_are_played_out(cohort, play, changes):
    settings = parameters.make(changes)
    chance = random.Random(11)
    times = [play(settings, chance, fault=1200 + chance.uniform(0, 600)) for _ in range(2000)]
    prediction = predict(settings)
    answer = dict(prediction.derivation)["the standby answers"]
    foreseen = prediction.cohorts[cohort]
    spread = foreseen.latest_seconds - foreseen.earliest_seconds
    assert statistics.mean(times) == pytest.approx(foreseen.max_seconds - answer, abs=1.0 + 0.03 * spread)
    assert min(times) >= foreseen.earliest_seconds - answer - 1.0
    assert max(times) <= foreseen.latest_seconds - answer + 1.0


def test_a_cohort_that_does_not_follow_has_no_time():
    assert predict(parameters.make({})).cohorts["pins-dns"] is None
    assert predict(parameters.make({"outage_mode": "503"})).cohorts["keeps-connection"] is None
    assert predict(parameters.make({"outage_mode": "reset"})).cohorts["keeps-connection"] is not None
    few = predict(parameters.make({"pinned_clients": 0, "cached_clients": 0}))
    assert list(few.cohorts) == ["obeys-ttl", "keeps-connection"]


def test_seven_of_eight_checkers_make_an_endpoint_unhealthy():
    assert failures_needed(8) == 7
    assert failures_needed(16) == 14
    assert failures_needed(3) == 3


def test_the_deployed_configuration_wins_over_the_settings():
    deployed = SimpleNamespace(check_interval_seconds=30, check_failure_threshold=2, ttl_seconds=60)
    same = parameters.make({"check_interval_seconds": 30, "check_failure_threshold": 2})
    assert predict(parameters.make({}), deployed).predicted_seconds == predict(same).predicted_seconds


def test_stages_of_the_prediction_add_up_to_it():
    prediction = predict(parameters.make({}))
    assert tuple(prediction.stages) == STAGES
    assert sum(prediction.stages.values()) == pytest.approx(prediction.predicted_seconds, abs=0.001)
    assert sum(seconds for _, seconds in prediction.derivation) == pytest.approx(prediction.predicted_seconds)


def test_a_target_that_cannot_be_met_is_refused():
    with pytest.raises(BadParameters, match="target is 60 s"):
        predict(parameters.make({"rto_target_seconds": 60})).require()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"check_interval_seconds": 30, "rto_target_seconds": 100},
            "check_interval_seconds 10 instead of 30 would make it 74 s.",
        ),
        ({"rto_target_seconds": 70}, "check_failure_threshold 2 instead of 3 would make it 64 s."),
        (
            {"check_interval_seconds": 30, "rto_target_seconds": 70},
            "check_interval_seconds 10 instead of 30 and check_failure_threshold 2 instead of 3 "
            "would make it 64 s.",
        ),
        (
            {"rto_target_seconds": 50},
            "No check setting meets the target: the shortest RTO is 54 s. Set a longer target.",
        ),
        ({"rto_target_seconds": 180}, ""),
    ],
)
def test_the_advice_names_the_smallest_change_that_meets_the_target(changes, told):
    assert predict(parameters.make(changes)).advice == told


def test_the_advice_starts_from_what_is_deployed():
    deployed = SimpleNamespace(check_interval_seconds=30, check_failure_threshold=3, ttl_seconds=60)
    told = predict(parameters.make({"rto_target_seconds": 100}), deployed).advice
    assert told == "check_interval_seconds 10 instead of 30 would make it 74 s."


@pytest.mark.parametrize(
    "events",
    [
        {"client_error": 0.8, "check_failing": 1.4, "unhealthy": 28.0, "dns_answer": 28.5},
        {"client_error": 3.0, "check_failing": 1.4, "unhealthy": 28.0, "dns_answer": 27.5},
        {"client_error": 0.8, "check_failing": 1.4, "unhealthy": 28.0, "dns_answer": 99.0},
        {"client_error": None, "check_failing": None, "unhealthy": None, "dns_answer": None},
        {"client_error": 0.1, "check_failing": 0.2, "unhealthy": 0.3, "dns_answer": 0.7},
    ],
)
def test_measured_stages_add_up_exactly_and_none_is_negative(events):
    stages = in_stages(events, end=79.3)
    assert tuple(stages) == STAGES
    assert all(seconds >= 0 for seconds in stages.values())
    assert sum(round(seconds * 1000) for seconds in stages.values()) == 79300


def test_a_stage_is_measured_from_the_latest_event_before_it():
    stages = in_stages(
        {"client_error": 3.0, "check_failing": 1.0, "unhealthy": 28.0, "dns_answer": 30.0}, end=80.0
    )
    assert stages == {
        "client_error": 3.0,
        "check_failing": 0.0,
        "unhealthy": 25.0,
        "dns_answer": 2.0,
        "client_switch": 50.0,
    }


def scenario_of(monkeypatch, **changes):
    planned = scenario.from_dict(
        {
            "name": "test",
            "title": "a test",
            "hypothesis": ["It holds."],
            "targets": ["sandbox"],
            "faults": [{"kind": "region-down", "where": "primary"}],
            "expect": {"traffic": "moves", "detected_by": "health-checks"},
        }
        | changes
    )
    monkeypatch.setattr(scenario, "load", lambda name: planned)
    return predict(parameters.make({}))


OFF = {"kind": "function-off", "where": "primary", "function": "payments"}
LATE = {"kind": "api-trouble", "where": "primary", "latency_seconds": 3.0}
LIES = {"kind": "api-trouble", "where": "primary", "paths": ["/payments"], "status": 500}


@pytest.mark.parametrize(
    ("fault", "check_seconds", "clients_fail", "keeps"),
    [
        (OFF, 0.0, True, "never moves"),
        (LATE, 2.0, False, "never moves"),
        ({"kind": "checkers-cut-off", "where": "primary"}, 4.0, False, "never moves"),
        ({"kind": "region-down", "where": "primary"}, 0.0, True, "moves"),
    ],
)
def test_each_way_to_fail_has_its_own_stages(monkeypatch, fault, check_seconds, clients_fail, keeps):
    outage = predict(parameters.make({}))
    found = scenario_of(monkeypatch, faults=[{"kind": "replication-cut"}, fault])
    assert found.predicted_seconds == pytest.approx(outage.predicted_seconds + check_seconds, abs=1.0)
    assert bool(found.stages["client_error"]) is clients_fail
    assert (found.cohorts["keeps-connection"] is None) == (keeps == "never moves")
    assert sum(found.stages.values()) == pytest.approx(found.predicted_seconds, abs=0.01)


def test_where_the_operator_moves_it_no_checker_has_a_stage(monkeypatch):
    expect = {"traffic": "moves", "moved_by": "operator", "detected_by": "clients"}
    found = scenario_of(monkeypatch, faults=[LIES], expect=expect)
    assert (found.stages["check_failing"], found.stages["unhealthy"]) == (0.0, 0.0)
    assert found.predicted_seconds == pytest.approx(16.7 + 2.0 + 2.0 + 46.0, abs=2.0)
    assert "the latch's alarm rings" in str(found)


def test_where_traffic_stays_no_recovery_is_predicted(monkeypatch):
    expect = {"traffic": "stays", "detected_by": "nobody"}
    found = scenario_of(monkeypatch, faults=[OFF], expect=expect, watch_seconds=60.0)
    assert found.as_dict()["predicted_seconds"] is None
    assert "traffic stays" in str(found)
    assert "RTO of an outage" in str(found)
