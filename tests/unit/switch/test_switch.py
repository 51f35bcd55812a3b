"""The latch, the snapshot, and each gate of the failback: open when all is well, shut when it is not."""

import pytest

from drlib import parameters
from drlib.checks import waiting
from drlib.core import clock
from drlib.core.errors import NotApproved, PreflightFailed, StepFailed
from drlib.deployed import fence, latch, probes
from drlib.evidence import evidence
from drlib.payments.announce import announce
from drlib.payments.ledger import Ledger
from drlib.payments.tables import from_dict
from drlib.runs import journal
from drlib.runs.approval import Approval
from drlib.switch import failback, failback_gates, failover
from tests.aws_clients import payment, settlement
from tests.two_regions import PRIMARY, STANDBY, deployed
from tests.unit.payments.attempts import attempt


def test_without_an_item_the_latch_is_released(here, deployment, aws):
    assert not latch.read(here, deployment).is_set


def test_setting_writes_to_the_standby_alone_and_puts_the_first_datapoint(
    here, deployment, aws, run, approval
):
    now = failover.set(here, deployment, run, approval, reason="the primary is ill")
    assert (now.is_set, now.reason) == (True, "the primary is ill")
    assert now.set_at == pytest.approx(here.clock.now(), abs=600)
    assert aws.tables[PRIMARY].writes == []
    assert aws.metrics == [{"region": STANDBY, "namespace": "PaymentsDR", "value": 1.0}]
    item = aws.tables[STANDBY].writes[0]
    # Functions compare these with their own clock, which is the wall's.
    assert here.clock.from_wall(float(item["set_at"]["N"])) == now.set_at


def test_a_planned_move_stops_the_primary_first(here, deployment, aws, run, approval):
    failover.set(here, deployment, run, approval, reason="maintenance", planned=True)
    assert len(aws.tables[PRIMARY].writes) == 1
    assert aws.tables[STANDBY].writes == []
    assert latch.read(here, deployment).is_set


def test_releasing_holds_the_latch_open_for_those_on_their_way_back(here, deployment, aws, run, approval):
    failover.set(here, deployment, run, approval, reason="drill")
    now = failback.release(here, deployment, run, approval)
    assert not now.is_set
    assert now.hold_until - now.set_at == pytest.approx(failback.HOLD_SECONDS, abs=0.01)
    assert [metric["value"] for metric in aws.metrics] == [1.0, 0.0]
    steps = [
        line["step"] for line in journal.lines(run.folder) if line["mutating"] and line["phase"] == "done"
    ]
    assert steps == ["set latch", "release latch"]


def test_arming_ends_the_hold_and_a_set_latch_is_left_alone(here, deployment, aws, run, approval):
    failback.release(here, deployment, run, approval)
    assert failback.arm(here, deployment, run, approval).hold_until is None
    failover.set(here, deployment, run, approval, reason="drill")
    with pytest.raises(StepFailed, match="The latch is set"):
        failback.arm(here, deployment, run, approval)
    assert latch.read(here, deployment).is_set


@pytest.mark.parametrize("act", [failover.set, failback.release])
def test_the_switch_needs_the_right_approval(here, deployment, aws, run, act):
    with pytest.raises(NotApproved):
        act(here, deployment, run, Approval("flip", "other@sandbox"), reason="no")
    assert aws.metrics == []


def test_a_snapshot_holds_payments_and_settlements_in_modelled_time(here, deployment, aws, run):
    wall = here.clock.anchor + 2.0
    for item in (payment("p-1", PRIMARY, wall), settlement("p-1", PRIMARY, wall + 1.0)):
        aws.tables[STANDBY].put_item(TableName="", Item=item)
    aws.tables[STANDBY].put_item(TableName="", Item={"pk": {"S": "LATCH"}, "sk": {"S": STANDBY}})
    held = failover.snapshot(here, deployment)
    assert held.region == STANDBY
    assert held.payments["p-1"].accepted_at == pytest.approx(here.clock.anchor + 120.0)
    assert held.settlements["p-1"][0].settled_at == pytest.approx(here.clock.anchor + 180.0)
    run.save("takeover", held)
    assert from_dict(run.load("takeover")) == held


@pytest.fixture
def failed_over(here, deployment, aws, run, approval, monkeypatch):
    monkeypatch.setattr(waiting, "CATCH_UP_SECONDS", 12.0)
    monkeypatch.setattr(probes, "REPLICATION_TIMEOUT_SECONDS", 6.0)
    monkeypatch.setattr(clock, "PATIENCE_WALL_SECONDS", 0.0)
    failover.set(here, deployment, run, approval, reason="drill")


def test_every_gate_is_open_when_all_is_well(here, deployment, aws, failed_over, run):
    made = failback_gates.gates(here, deployment, run)
    assert made.status == "passed"
    assert len(made.rows) == 14
    # The markers were taken away again.
    assert [pk for pk, _ in aws.tables[STANDBY].items] == ["LATCH"]


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


def shut_tables(here, aws):
    aws.receipts = {f"receipts-{region}" for region in aws.tables}
    for region, wall in ((PRIMARY, 60.0), (STANDBY, 61.0)):
        table = aws.tables[region]
        table.replicas = []
        table.put_item(TableName="", Item=payment("p-1", PRIMARY, here.clock.anchor - 70.0))
        table.put_item(TableName="", Item=settlement("p-1", PRIMARY, here.clock.anchor - wall))
    aws.tables[PRIMARY].replicas, aws.tables[STANDBY].replicas = [aws.tables[STANDBY]], [aws.tables[PRIMARY]]


def shut_receipts(here, aws):
    for item in (payment, settlement):
        aws.tables[STANDBY].put_item(TableName="", Item=item("p-1", PRIMARY, here.clock.anchor - 60.0))
    aws.receipts = {f"receipts-{PRIMARY}"}


def shut_fence(here, aws):
    fence.write(here, deployed(), PRIMARY, destination=STANDBY)


def shut_queue(here, aws):
    aws.messages[f"https://sqs.{PRIMARY}/work"] = 2


def shut_dead(here, aws):
    aws.put_aside(f"https://sqs.{STANDBY}/dead_letter", "p-unknown")


def shut_payment(here, aws):
    aws.tables[STANDBY].put_item(TableName="", Item=payment("p-1", PRIMARY, here.clock.anchor - 60.0))


@pytest.mark.parametrize(
    ("shut", "name"),
    [
        (shut_fault, "no-fault-in-force"),
        (shut_deep, "the-primary-is-healthy"),
        (shut_check, "every-checker-passes"),
        (shut_forth, "replication-to-standby"),
        (shut_back, "replication-to-primary"),
        (shut_tables, "both-tables-hold-the-same"),
        (shut_receipts, "receipts-are-in-both-buckets"),
        (shut_fence, "no-fence-in-force"),
        (shut_queue, "work-queue-drained-primary"),
        (shut_dead, "nothing-unaccounted-for-was-put-aside-standby"),
        (shut_payment, "no-payment-waits"),
    ],
)
def test_each_gate_can_shut(here, deployment, aws, failed_over, run, shut, name):
    shut(here, aws)
    made = failback_gates.gates(here, deployment, run)
    assert [row.id for row in made.failed] == [name]
    assert all(row.hint for row in made.failed)
    with pytest.raises(PreflightFailed, match="Failback gates: 1 of 14"):
        failback_gates.passed(here, run, made)


def test_a_red_gate_is_passed_for_a_reason_that_the_evidence_keeps(here, deployment, aws, failed_over, run):
    shut_queue(here, aws)
    made = failback_gates.gates(here, deployment, run)
    here.settings = parameters.make({**here.settings.values(), "force_reason": "the queue is known"})
    assert str(failback_gates.passed(here, run, made)) == "Failback gates: 13 of 14 passed, forced"
    told = evidence.update(run).reasons
    assert "30-drill-failover: forced past work queue drained (primary), because the queue is known." in told


def test_what_was_put_aside_and_is_settled_is_accounted_for(here, deployment, aws, failed_over, run):
    aws.receipts = {f"receipts-{region}" for region in aws.tables}
    for item in (payment, settlement):
        aws.tables[STANDBY].put_item(TableName="", Item=item("p-1", PRIMARY, here.clock.anchor - 60.0))
    aws.put_aside(f"https://sqs.{PRIMARY}/dead_letter", "p-1")
    made = failback_gates.gates(here, deployment, run)
    assert made.status == "passed"
    assert "all of them settled" in made["nothing-unaccounted-for-was-put-aside-primary"].detail


def test_a_payment_that_is_nowhere_shuts_the_last_gate(here, deployment, aws, failed_over, run):
    Ledger([attempt(1)]).save(run.folder)
    made = failback_gates.gates(here, deployment, run)
    assert [row.id for row in made.failed] == ["every-payment-is-accounted-for"]
    assert "This run saved no takeover" in made["every-payment-is-accounted-for"].detail
    failover.keep_takeover(here, deployment, run)
    made = failback_gates.gates(here, deployment, run)
    assert "saved no takeover" not in made["every-payment-is-accounted-for"].detail


def test_where_nothing_moved_there_is_nothing_to_ask_and_nothing_to_release(
    here, deployment, aws, run, approval
):
    made = failback_gates.gates(here, deployment, run)
    assert str(failback_gates.passed(here, run, made)) == "Failback gates: 1 of 1 passed"
    assert not failback.release(here, deployment, run, approval).is_set
    assert aws.metrics == []
    here.points_to = STANDBY  # the name leads there, though nobody set the latch
    assert len(failback_gates.gates(here, deployment, run).rows) == 14


def test_what_was_never_announced_is_announced_again(here, deployment, aws, failed_over, run, approval):
    old, young = here.clock.anchor - 60.0, here.clock.to_wall(here.clock.now())
    for item in (
        payment("p-lost", STANDBY, old),
        payment("p-done", PRIMARY, old),
        settlement("p-done", PRIMARY, old),
        payment("p-young", STANDBY, young),
    ):
        aws.tables[STANDBY].put_item(TableName="", Item=item)
    assert announce(here, deployment, run, approval) == ["p-lost"]
    assert aws.announced == [(STANDBY, {"payment_id": "p-lost", "origin_region": STANDBY})]
    aws.tables[STANDBY].put_item(TableName="", Item=settlement("p-lost", STANDBY, old))
    assert announce(here, deployment, run, approval) == []
    assert len(aws.announced) == 1
