"""The predicted RTO against a simulation that knows none of its formulas: it plays outages out."""

import random
import statistics
from types import SimpleNamespace

import pytest

from drlib import settings as parameters
from drlib.errors import BadParameters
from drlib.pace import beats
from drlib.timeline import STAGES, predict
from drlib.timeline.prediction import failures_needed, in_stages, wire_ttl

CHECKERS = 8


def played(settings, chance, *, fault):
    """Play one outage out, and return its RTO: every check and every payment, in order of time."""
    interval, threshold = settings.check_interval_seconds, settings.check_failure_threshold
    hangs = settings.outage_mode == "hang"
    start = chance.uniform(0, interval)
    turned = []
    for number in range(CHECKERS):
        phase = (start + number * interval / CHECKERS) % interval
        at, failures = phase, 0
        while failures < threshold:
            failures = failures + 1 if at >= fault else 0
            last, at = at, at + interval
        turned.append((last, number))
    changed = next(
        at for count, (at, _) in enumerate(sorted(turned), start=1) if (CHECKERS - count) / CHECKERS <= 0.18
    ) + (4.0 if hangs else 0.0)

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
        ({"check_failure_threshold": 1}, 0.95),
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
