"""The prober against two small HTTPS servers. Nothing here depends on how long a thing takes."""

import math
import socket
import threading
from itertools import pairwise

import pytest

from drlib import parameters
from drlib.core.errors import StepFailed
from drlib.payments import cohorts, probing, steady
from drlib.payments.cohorts import Cache
from drlib.payments.ledger import BEHIND_RESOLVER, PINS_DNS, Ledger
from drlib.payments.payment import amount_minor, judge
from drlib.target.base import Answer
from drlib.target.https import Connection, MaybeSent, NotSent, Reply
from tests.two_regions import ADDRESSES, PRIMARY, PUBLIC_NAME, STANDBY


def wait_for(condition, seconds=20.0):
    """Wait for something that the prober's own threads bring about."""
    event = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        event.wait(0.01)
    raise AssertionError("it did not happen")


def call(here, region, **kwargs):
    connection = Connection(
        PUBLIC_NAME,
        to=here.connect_to(ADDRESSES[region]),
        context=here.ssl_context(),
        clock=here.clock,
        timeout_seconds=kwargs.pop("timeout_seconds", 600.0),
    )
    try:
        return connection.call("POST", "/payments", body={}, headers={"Idempotency-Key": "k"})
    finally:
        connection.close()


def test_a_payment_is_acknowledged(here):
    assert call(here, PRIMARY).status == 201


def test_a_refused_connection_was_not_sent(here):
    here.refused.add(PRIMARY)
    with pytest.raises(NotSent, match="connection refused"):
        call(here, PRIMARY)


def test_a_connection_that_is_reset_at_once_was_not_sent(here):
    here.regions[PRIMARY].mode = "reset"
    with pytest.raises(NotSent):
        call(here, PRIMARY)


def test_a_request_that_was_read_may_have_happened(here):
    here.regions[PRIMARY].mode = "close"
    with pytest.raises(MaybeSent, match="closed without an answer"):
        call(here, PRIMARY)


def test_a_handshake_that_never_ends_was_not_sent(here, request):
    silent = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(silent.close)
    here.connect_to = lambda address: silent.getsockname()
    with pytest.raises(NotSent, match="timed out"):
        call(here, PRIMARY, timeout_seconds=3.0)


def test_a_certificate_for_another_name_is_not_accepted(here):
    connection = Connection(
        "pay.elsewhere.test",
        to=here.connect_to(ADDRESSES[PRIMARY]),
        context=here.ssl_context(),
        clock=here.clock,
        timeout_seconds=600.0,
    )
    with pytest.raises(NotSent, match="certificate not accepted"):
        connection.call("GET", "/healthz")


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(201, {"payment_id": "p", "region": "r"}), "ok"),
        (Reply(200, {"payment_id": "p", "region": "r"}), "ok"),
        (Reply(201, {}), "indeterminate"),
        (Reply(422, {"message": "other body"}), "rejected"),
        (Reply(500), "indeterminate"),
        (Reply(503), "indeterminate"),
    ],
)
def test_the_outcome_is_what_the_client_can_know(reply, outcome):
    assert judge(reply)[0] == outcome


def test_amounts_are_the_same_for_the_same_seed():
    assert [amount_minor(1, seq) for seq in range(3)] == [amount_minor(1, seq) for seq in range(3)]
    assert {amount_minor(1, seq) for seq in range(50)} != {amount_minor(2, seq) for seq in range(50)}
    assert all(100 <= amount_minor(1, seq) < 100_000 for seq in range(1000))


def test_every_client_pays_and_the_ledger_is_kept(here, deployment, run):
    with probing.start(here, deployment, run) as prober:
        steady.settle(prober, seconds=12, timeout_seconds=3600)
    rows = Ledger.load(run.folder).attempts()
    assert {(row.cohort, row.client) for row in rows} == {
        *(("obeys-ttl", number) for number in range(6)),
        *((cohort, 0) for cohort in ("keeps-connection", "pins-dns", "behind-caching-resolver")),
    }
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    sent = here.regions[PRIMARY].payments
    assert {row.idempotency_key for row in rows if row.outcome == "ok"} == set(sent)
    assert all(sent[row.idempotency_key]["amount_minor"] == row.amount_minor for row in rows)
    kept = sum(row.cohort == "keeps-connection" for row in rows)
    assert here.regions[PRIMARY].connections == len(rows) - kept + 1


def test_clients_follow_the_name_and_one_connection_does_not(here, deployment, run):
    with probing.start(here, deployment, run) as prober:
        steady.settle(prober, seconds=6, timeout_seconds=3600)
        here.points_to = STANDBY
        obeying = set(range(6))
        wait_for(
            lambda: (
                {row.client for row in prober.ledger.attempts("obeys-ttl") if row.region == STANDBY}
                == obeying
            )
        )
        assert {row.region for row in prober.ledger.attempts("keeps-connection")} == {PRIMARY}


def cache(interval=6.0, scale=1.0, **options):
    """Return a cache with its own servers' questions, counted in a list."""
    asked = []

    def ask():
        asked.append(None)
        return Answer("127.0.0.11", options["ttl"], 0.0, ("127.0.0.11",))

    floor = options.get("floor", 0.0)
    early = options.get("early", interval / 2)
    return Cache(ask, scale=scale, floor_seconds=floor, early_seconds=early), asked


@pytest.mark.parametrize("ttl", [1.0, 17.0, 20.0, 50.0, 60.0, 61.0])
def test_no_answer_is_used_beyond_its_ttl(ttl):
    held, asked = cache(ttl=ttl)
    renewed = []
    for turn in range(100):
        slot = turn * 6.0
        before = len(asked)
        held.address(slot)
        renewed += [slot] * (len(asked) - before)
        assert slot < held.expires_at
    assert max(later - earlier for earlier, later in pairwise(renewed)) <= max(6.0, ttl + 3.0)


def test_a_resolver_keeps_an_answer_longer_than_its_ttl_and_is_asked_by_many():
    held, asked = cache(ttl=3.0, scale=20.0, floor=90.0, early=1.0)
    for slot in (0.0, 30.0, 60.0, 61.0, 88.0):
        assert held.address(slot) == "127.0.0.11"
    assert len(asked) == 1
    held.address(90.0)
    assert (len(asked), held.expires_at) == (2, 180.0)


def test_a_pinned_address_is_never_asked_for_again():
    held, asked = cache(ttl=60.0, floor=math.inf)
    assert [held.address(slot) for slot in (0.0, 1e3, 1e9)] == ["127.0.0.11"] * 3
    assert len(asked) == 1


def test_the_cohorts_begin_with_one_answer_and_differ_in_how_long_they_keep_it(here):
    at = here.clock.now()
    clients = cohorts.make(here, PUBLIC_NAME, at=at)
    assert len(here.resolved) == 1
    ends = {}
    for client in clients:
        ends.setdefault(client.cohort, []).append(client.cache.expires_at - at)
    assert list(ends) == ["obeys-ttl", "keeps-connection", "pins-dns", "behind-caching-resolver"]
    assert all(0 < seconds <= 60.0 for seconds in ends["obeys-ttl"])
    assert ends["keeps-connection"] == [0.0]
    assert ends["pins-dns"] == [math.inf]
    assert 0 < ends["behind-caching-resolver"][0] <= 90.0
    assert [client.cohort for client in clients if not client.follows] == ["pins-dns"]
    offsets = [client.beat.offset_seconds for client in clients]
    assert len(set(offsets)) == len(offsets), "two clients pay in step"


def test_a_cohort_may_be_left_out(here):
    here.settings = parameters.make({"keepalive_clients": 0, "pinned_clients": 0, "cached_clients": 0})
    assert {client.cohort for client in cohorts.make(here, PUBLIC_NAME, at=0.0)} == {"obeys-ttl"}


def test_clients_behind_a_resolver_move_together_and_a_pinned_one_does_not(here, deployment, run):
    here.settings = parameters.make({"cached_clients": 2, "pinned_clients": 2, "time_scale": 60.0})
    with probing.start(here, deployment, run) as prober:
        steady.settle(prober, seconds=6, timeout_seconds=3600)
        here.points_to = STANDBY
        wait_for(
            lambda: (
                {row.client for row in prober.ledger.attempts(BEHIND_RESOLVER) if row.region == STANDBY}
                == {0, 1}
            )
        )
        assert {row.region for row in prober.ledger.attempts(PINS_DNS)} == {PRIMARY}
    for number in (0, 1):
        regions = [row.region for row in prober.ledger.attempts(BEHIND_RESOLVER) if row.client == number]
        assert regions == sorted(regions), "a client went back"


def test_the_kept_connection_is_made_anew_when_its_region_goes_down(here, deployment, run):
    with probing.start(here, deployment, run) as prober:
        steady.settle(prober, seconds=6, timeout_seconds=3600)
        here.points_to = STANDBY
        here.regions[PRIMARY].mode = "close"
        here.refused.add(PRIMARY)
        wait_for(lambda: any(row.region == STANDBY for row in prober.ledger.attempts("keeps-connection")))
        outcomes = [row.outcome for row in prober.ledger.attempts("keeps-connection") if row.outcome != "ok"]
    assert outcomes[0] == "indeterminate"
    assert set(outcomes[1:]) <= {"fail"}


def test_no_dns_answer_is_a_certain_failure(here, deployment, run):
    with probing.start(here, deployment, run) as prober:
        here.dns_down = True
        wait_for(lambda: any(row.error == "no DNS answer" for row in prober.ledger.attempts()))
    assert {row.outcome for row in prober.ledger.attempts() if row.error == "no DNS answer"} == {"fail"}


def test_settling_names_the_last_error(here, deployment, run):
    here.regions[PRIMARY].mode = "503"
    with (
        probing.start(here, deployment, run) as prober,
        pytest.raises(StepFailed, match=r"the last error was: 503 \(indeterminate\)"),
    ):
        steady.settle(prober, seconds=6, timeout_seconds=40)


def test_a_broken_client_is_not_silent(here, deployment, run, monkeypatch):
    def broken(reply):
        raise ZeroDivisionError

    monkeypatch.setattr(probing, "judge", broken)
    with (
        probing.start(here, deployment, run) as prober,
        pytest.raises(StepFailed, match="ZeroDivisionError"),
    ):
        steady.settle(prober, seconds=3600)


def test_a_second_prober_of_a_run_goes_on_with_the_ledger(here, deployment, run):
    for _ in range(2):
        with probing.start(here, deployment, run) as prober:
            steady.settle(prober, seconds=3, timeout_seconds=3600)
    keys = [row.idempotency_key for row in Ledger.load(run.folder).attempts()]
    assert len(set(keys)) == len(keys) == len(here.regions[PRIMARY].payments)
