"""The prober against two small HTTPS servers. Nothing here depends on how long a thing takes."""

import socket
import threading
from itertools import pairwise

import pytest

from drill.world import ADDRESSES, PRIMARY, PUBLIC_NAME, STANDBY
from drlib import traffic
from drlib.errors import StepFailed
from drlib.ledger import Ledger
from drlib.pace import Beat
from drlib.traffic import prober as probers
from drlib.traffic.prober import Client, amount_minor, judge
from drlib.wire import Connection, MaybeSent, NotSent, Reply


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
    with traffic.start(here, deployment, run) as prober:
        traffic.settle(prober, seconds=12, timeout_seconds=3600)
    rows = Ledger.load(run.folder).attempts()
    assert {(row.cohort, row.client) for row in rows} == {
        *(("obeys-ttl", number) for number in range(6)),
        ("keeps-connection", 0),
    }
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    sent = here.regions[PRIMARY].payments
    assert {row.idempotency_key for row in rows if row.outcome == "ok"} == set(sent)
    assert all(sent[row.idempotency_key]["amount_minor"] == row.amount_minor for row in rows)
    kept = sum(row.cohort == "keeps-connection" for row in rows)
    assert here.regions[PRIMARY].connections == len(rows) - kept + 1


def test_clients_follow_the_name_and_one_connection_does_not(here, deployment, run):
    with traffic.start(here, deployment, run) as prober:
        traffic.settle(prober, seconds=6, timeout_seconds=3600)
        here.points_to = STANDBY
        obeying = set(range(6))
        wait_for(
            lambda: (
                {row.client for row in prober.ledger.attempts("obeys-ttl") if row.region == STANDBY}
                == obeying
            )
        )
        assert {row.region for row in prober.ledger.attempts("keeps-connection")} == {PRIMARY}


@pytest.mark.parametrize("ttl", [1.0, 17.0, 20.0, 50.0, 60.0, 61.0])
def test_no_answer_is_used_beyond_its_ttl(ttl):
    client = Client("obeys-ttl", 0, Beat(0.0, 6.0, 0.0))
    renewed = []
    for turn in range(100):
        slot = turn * 6.0
        if client.is_stale(slot):
            client.address, client.expires_at = "127.0.0.11", slot + ttl
            renewed.append(slot)
        assert slot < client.expires_at
    assert max(later - earlier for earlier, later in pairwise(renewed)) <= max(6.0, ttl + 3.0)


def test_the_kept_connection_is_made_anew_when_its_region_goes_down(here, deployment, run):
    with traffic.start(here, deployment, run) as prober:
        traffic.settle(prober, seconds=6, timeout_seconds=3600)
        here.points_to = STANDBY
        here.regions[PRIMARY].mode = "close"
        here.refused.add(PRIMARY)
        wait_for(lambda: any(row.region == STANDBY for row in prober.ledger.attempts("keeps-connection")))
        outcomes = [row.outcome for row in prober.ledger.attempts("keeps-connection") if row.outcome != "ok"]
    assert outcomes[0] == "indeterminate"
    assert set(outcomes[1:]) <= {"fail"}


def test_no_dns_answer_is_a_certain_failure(here, deployment, run):
    with traffic.start(here, deployment, run) as prober:
        here.dns_down = True
        wait_for(lambda: any(row.error == "no DNS answer" for row in prober.ledger.attempts()))
    assert {row.outcome for row in prober.ledger.attempts() if row.error == "no DNS answer"} == {"fail"}


def test_settling_names_the_last_error(here, deployment, run):
    here.regions[PRIMARY].mode = "503"
    with (
        traffic.start(here, deployment, run) as prober,
        pytest.raises(StepFailed, match=r"the last error was: 503 \(indeterminate\)"),
    ):
        traffic.settle(prober, seconds=6, timeout_seconds=40)


def test_a_broken_client_is_not_silent(here, deployment, run, monkeypatch):
    def broken(reply):
        raise ZeroDivisionError

    monkeypatch.setattr(probers, "judge", broken)
    with (
        traffic.start(here, deployment, run) as prober,
        pytest.raises(StepFailed, match="ZeroDivisionError"),
    ):
        traffic.settle(prober, seconds=3600)


def test_a_second_prober_of_a_run_goes_on_with_the_ledger(here, deployment, run):
    for _ in range(2):
        with traffic.start(here, deployment, run) as prober:
            traffic.settle(prober, seconds=3, timeout_seconds=3600)
    keys = [row.idempotency_key for row in Ledger.load(run.folder).attempts()]
    assert len(set(keys)) == len(keys) == len(here.regions[PRIMARY].payments)
