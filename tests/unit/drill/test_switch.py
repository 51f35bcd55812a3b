"""The latch, the snapshot, and each gate of the failback: open when all is well, shut when it is not."""

import pytest

from drill.aws import payment, settlement
from drill.world import PRIMARY, STANDBY
from drlib import chain, clock, gates, probes, repair, switch
from drlib.errors import NotApproved, PreflightFailed, StepFailed
from drlib.holdings import from_dict
from drlib.journal import Approval


def test_without_an_item_the_latch_is_released(here, deployment, aws):
    assert not switch.latch(here, deployment).is_set


def test_setting_writes_to_the_standby_alone_and_puts_the_first_datapoint(
    here, deployment, aws, run, approval
):
    now = switch.set(here, deployment, run, approval, reason="the primary is ill")
    assert (now.is_set, now.reason) == (True, "the primary is ill")
    assert now.set_at == pytest.approx(here.clock.now(), abs=600)
    assert aws.tables[PRIMARY].writes == []
    assert aws.metrics == [{"region": STANDBY, "namespace": "PaymentsDR", "value": 1.0}]
    item = aws.tables[STANDBY].writes[0]
    # Functions compare these with their own clock, which is the wall's.
    assert here.clock.from_wall(float(item["set_at"]["N"])) == now.set_at


def test_a_planned_move_stops_the_primary_first(here, deployment, aws, run, approval):
    switch.set(here, deployment, run, approval, reason="maintenance", planned=True)
    assert len(aws.tables[PRIMARY].writes) == 1
    assert aws.tables[STANDBY].writes == []
    assert switch.latch(here, deployment).is_set


def test_releasing_holds_the_latch_open_for_those_on_their_way_back(here, deployment, aws, run, approval):
    switch.set(here, deployment, run, approval, reason="drill")
    now = switch.release(here, deployment, run, approval)
    assert not now.is_set
    assert now.hold_until - now.set_at == pytest.approx(switch.HOLD_SECONDS, abs=0.01)
    assert [metric["value"] for metric in aws.metrics] == [1.0, 0.0]
    steps = [line["step"] for line in chain.lines(run.folder) if line["mutating"] and line["phase"] == "done"]
    assert steps == ["set latch", "release latch"]


def test_arming_ends_the_hold_and_a_set_latch_is_left_alone(here, deployment, aws, run, approval):
    switch.release(here, deployment, run, approval)
    assert switch.arm(here, deployment, run, approval).hold_until is None
    switch.set(here, deployment, run, approval, reason="drill")
    with pytest.raises(StepFailed, match="The latch is set"):
        switch.arm(here, deployment, run, approval)
    assert switch.latch(here, deployment).is_set


@pytest.mark.parametrize("act", [switch.set, switch.release])
def test_the_switch_needs_the_right_approval(here, deployment, aws, run, act):
    with pytest.raises(NotApproved):
        act(here, deployment, run, Approval("flip", "other@sandbox"), reason="no")
    assert aws.metrics == []


def test_a_snapshot_holds_payments_and_settlements_in_modelled_time(here, deployment, aws, run):
    wall = here.clock.anchor + 2.0
    for item in (payment("p-1", PRIMARY, wall), settlement("p-1", PRIMARY, wall + 1.0)):
        aws.tables[STANDBY].put_item(TableName="", Item=item)
    aws.tables[STANDBY].put_item(TableName="", Item={"pk": {"S": "LATCH"}, "sk": {"S": STANDBY}})
    held = switch.snapshot(here, deployment)
    assert held.region == STANDBY
    assert held.payments["p-1"].accepted_at == pytest.approx(here.clock.anchor + 120.0)
    assert held.settlements["p-1"][0].settled_at == pytest.approx(here.clock.anchor + 180.0)
    run.save("takeover", held)
    assert from_dict(run.load("takeover")) == held


@pytest.fixture
def failed_over(here, deployment, aws, run, approval, monkeypatch):
    monkeypatch.setattr(gates, "DRAIN_TIMEOUT_SECONDS", 12.0)
    monkeypatch.setattr(probes, "REPLICATION_TIMEOUT_SECONDS", 6.0)
    monkeypatch.setattr(clock, "PATIENCE_WALL_SECONDS", 0.0)
    switch.set(here, deployment, run, approval, reason="drill")


def test_every_gate_is_open_when_all_is_well(here, deployment, aws, failed_over):
    made = switch.gates(here, deployment)
    assert made.status == "passed"
    assert len(made.rows) == 12
    # The markers were taken away again.
    assert [pk for pk, _ in aws.tables[STANDBY].items] == ["LATCH"]


def shut_latch(here, aws):
    aws.tables[STANDBY].items.clear()


def shut_fault(here, aws):
    here.in_force[PRIMARY] = {}


def shut_deep(here, aws):
    here.regions[PRIMARY].mode = "503"


def shut_check(here, aws):
    aws.failing["hc-1"] = 1


def shut_forth(here, aws):
    aws.tables[PRIMARY].replicas = []


def shut_back(here, aws):
    aws.tables[STANDBY].replicas = []


def shut_backlog(here, aws):
    here.backlog = {"dynamodb": {PRIMARY: 3}}


def shut_queue(here, aws):
    aws.messages[f"https://sqs.{PRIMARY}/work"] = 2


def shut_dead(here, aws):
    aws.messages[f"https://sqs.{STANDBY}/dead_letter"] = 1


def shut_payment(here, aws):
    aws.tables[STANDBY].put_item(TableName="", Item=payment("p-1", PRIMARY, here.clock.anchor - 60.0))


@pytest.mark.parametrize(
    ("shut", "name"),
    [
        (shut_latch, "the latch is set"),
        (shut_fault, "no fault is in force"),
        (shut_deep, "the primary is healthy"),
        (shut_check, "its health check passes"),
        (shut_forth, "writes reach the standby"),
        (shut_back, "writes reach the primary"),
        (shut_backlog, "no replication backlog"),
        (shut_queue, "work queue drained (primary)"),
        (shut_dead, "dead-letter queue empty (standby)"),
        (shut_payment, "no payment waits"),
    ],
)
def test_each_gate_can_shut(here, deployment, aws, failed_over, shut, name):
    shut(here, aws)
    made = switch.gates(here, deployment)
    assert [row.name for row in made.failed] == [name]
    with pytest.raises(PreflightFailed, match="Failback gates: 1 of 12"):
        made.require()


def test_what_was_never_announced_is_announced_again(here, deployment, aws, failed_over, run, approval):
    old, young = here.clock.anchor - 60.0, here.clock.to_wall(here.clock.now())
    for item in (
        payment("p-lost", STANDBY, old),
        payment("p-done", PRIMARY, old),
        settlement("p-done", PRIMARY, old),
        payment("p-young", STANDBY, young),
    ):
        aws.tables[STANDBY].put_item(TableName="", Item=item)
    assert repair.announce(here, deployment, run, approval) == ["p-lost"]
    assert aws.announced == [(STANDBY, {"payment_id": "p-lost", "origin_region": STANDBY})]
    aws.tables[STANDBY].put_item(TableName="", Item=settlement("p-lost", STANDBY, old))
    assert repair.announce(here, deployment, run, approval) == []
    assert len(aws.announced) == 1
