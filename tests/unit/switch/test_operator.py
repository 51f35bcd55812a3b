"""The operator's part: to look on, to move the traffic, to be refused, to see that nothing arrives."""

import pytest

from drlib.core.errors import DeadlineExceeded
from drlib.deployed import latch, probes
from drlib.faults import scenario
from drlib.payments.ledger import Ledger
from drlib.switch import operator
from tests.fakes import Prober
from tests.two_regions import STANDBY
from tests.unit.faults.files import fault
from tests.unit.payments.attempts import attempt

STAYS = {"traffic": "stays", "detected_by": "nobody"}


@pytest.fixture
def act(here, deployment, aws, run, approval, monkeypatch):
    """Perform a scenario's part, of which `expect` says what it is; the clients see `outcome`."""

    def perform(outcome="ok", **expect):
        planned = scenario.from_dict(
            {
                "name": "test",
                "title": "a test",
                "hypothesis": ["It holds."],
                "targets": ["sandbox"],
                "faults": [{"kind": "region-down", "where": "primary"}],
                "watch_seconds": 60.0,
                "expect": expect,
            }
        )
        monkeypatch.setattr(scenario, "load", lambda name: planned)
        now = here.clock.now()
        rows = [attempt(seq, outcome=outcome, started_at=now, finished_at=now) for seq in range(1, 13)]
        prober = Prober(Ledger(rows), here.folder)
        prober.clock = here.clock
        return operator.perform(here, deployment, prober, run, approval, fault(here, at=now))

    return perform


def test_mostly_the_operator_looks_on(act, here, deployment):
    part = act(**STAYS)
    assert (str(part), part.noticed_at, part.acted_at) == ("The operator only watches", None, None)
    assert not latch.read(here, deployment).is_set


def test_the_operator_moves_the_traffic_when_clients_fail(act, here, deployment):
    part = act("indeterminate", traffic="moves", moved_by="operator", detected_by="clients")
    assert latch.read(here, deployment).is_set
    assert part.noticed_at <= part.acted_at


def test_the_operator_moves_nothing_while_clients_are_served(act, here, deployment, monkeypatch):
    monkeypatch.setattr(operator, "DECIDE_SECONDS", 5.0)
    with pytest.raises(DeadlineExceeded, match="found no reason to fail over: the primary serves"):
        act(traffic="moves", moved_by="operator", detected_by="clients")
    assert not latch.read(here, deployment).is_set


def test_an_unready_standby_refuses_and_says_why(act, here, deployment):
    here.regions[STANDBY].mode = "503"
    part = act("indeterminate", **STAYS, guard="refused")
    assert any("it takes a payment" in reason for reason in part.refused)
    assert not latch.read(here, deployment).is_set


def test_a_standby_that_is_ready_refuses_nothing(act, here, deployment):
    assert act("ok", **STAYS, guard="refused").refused == (), "there is no reason, which is no guard"
    assert not latch.read(here, deployment).is_set
    part = act("indeterminate", **STAYS, guard="refused")
    assert (part.refused, latch.read(here, deployment).is_set) == ((), True)


def test_a_marker_that_does_not_arrive_is_noticed(act, here, aws, monkeypatch):
    monkeypatch.setattr(probes, "REPLICATION_TIMEOUT_SECONDS", 5.0)
    seen = {"traffic": "stays", "detected_by": "operator", "within": 60.0}
    assert act(**seen).noticed_at is None
    for table in aws.tables.values():
        table.replicas = []
    assert act(**seen).noticed_at is not None
