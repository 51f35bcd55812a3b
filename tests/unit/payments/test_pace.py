import itertools

import pytest

from drlib.payments.pace import beats, renewal_turns

CASES = [(6, 6.0, 60.0), (1, 6.0, 60.0), (3, 5.0, 60.0), (12, 6.0, 60.0), (6, 7.0, 60.0), (50, 60.0, 60.0)]


@pytest.mark.parametrize(("clients", "interval", "ttl"), CASES)
def test_attempts_are_spread_evenly_over_the_interval(clients, interval, ttl):
    offsets = sorted(
        beat.offset_seconds for beat in beats(clients, interval_seconds=interval, ttl_seconds=ttl)
    )
    steps = [later - earlier for earlier, later in itertools.pairwise([*offsets, offsets[0] + interval])]
    assert steps == pytest.approx([interval / clients] * clients)


@pytest.mark.parametrize(("clients", "interval", "ttl"), CASES)
def test_renewals_are_spread_over_the_ttl_and_fall_on_the_clients_own_attempts(clients, interval, ttl):
    cohort = beats(clients, interval_seconds=interval, ttl_seconds=ttl)
    period = interval * renewal_turns(interval_seconds=interval, ttl_seconds=ttl)
    instants = sorted(beat.first_renewal_seconds % period for beat in cohort)
    gaps = [later - earlier for earlier, later in itertools.pairwise([*instants, instants[0] + period])]
    assert max(gaps) <= period / clients + interval / clients + 1e-9
    for beat in cohort:
        assert (beat.first_renewal_seconds - beat.offset_seconds) % interval == pytest.approx(0, abs=1e-9)


def test_the_answer_is_renewed_at_the_attempt_nearest_to_its_end():
    assert renewal_turns(interval_seconds=6, ttl_seconds=60) == 10
    assert renewal_turns(interval_seconds=7, ttl_seconds=60) == 9
    assert renewal_turns(interval_seconds=60, ttl_seconds=6) == 1


def test_missed_instants_are_left_out():
    beat = beats(6, interval_seconds=6.0, ttl_seconds=60.0)[0]
    assert [beat.next_after(elapsed) for elapsed in (-1.0, 0.0, 5.9, 6.0, 25.0)] == [
        0.0,
        6.0,
        6.0,
        12.0,
        30.0,
    ]


def test_a_cohort_without_clients_has_no_pace():
    assert beats(0, interval_seconds=6.0, ttl_seconds=60.0) == []
