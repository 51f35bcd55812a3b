"""A planned move: what it is, what it waits for, what it refuses to do, and what it cost."""

from dataclasses import replace

import pytest

from drlib.checks import waiting
from drlib.core.errors import NotApproved, PreflightFailed, StepFailed, VerdictRed
from drlib.deployed import fence, latch
from drlib.payments.ledger import Ledger
from drlib.payments.tables import from_dict
from drlib.runs.approval import Approval
from drlib.show.checklist import Check, Checks
from drlib.switch import failover
from drlib.switch.planned_move import acts, prepare, rest, result
from drlib.switch.planned_move.acts import Flip, Opened
from drlib.timeline.observations import Watch
from tests.aws_clients import payment, settlement
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt

FENCED, FLIPPED, TURNED, SERVED, LIFTED = 1100.0, 1110.0, 1150.0, 1180.0, 1200.0


def checks(status="passed"):
    return Checks("at rest", (Check("a-marker-goes-round", "a marker goes round", status, "seen", "hint"),))


# --- which move ---


def test_in_peace_the_primary_is_left_for_the_standby(here, deployment, aws):
    move = prepare.plan(here, deployment)
    assert (move.source, move.destination, move.to_standby, move.stopped) == (PRIMARY, STANDBY, True, "")
    assert move.longest_seconds == sum(seconds for _, seconds in move.steps)
    assert aws.tables[PRIMARY].writes == aws.tables[STANDBY].writes == []


def test_with_the_latch_set_it_is_the_way_back_which_needs_one_period_more(
    here, deployment, aws, run, approval
):
    there = prepare.plan(here, deployment)
    failover.set(here, deployment, run, approval, reason="a planned move")
    back = prepare.plan(here, deployment)
    assert (back.source, back.destination, back.to_standby) == (STANDBY, PRIMARY, False)
    assert back.longest_seconds == there.longest_seconds + 60.0


@pytest.mark.parametrize(
    ("flipped", "where"), [(False, "between its fence and its flip"), (True, "after its flip")]
)
def test_a_move_that_stopped_half_way_is_the_one_that_goes_on(
    here, deployment, aws, run, approval, flipped, where
):
    fence.write(here, deployment, PRIMARY, destination=STANDBY)
    if flipped:
        failover.set(here, deployment, run, approval, reason="a planned move")
    move = prepare.plan(here, deployment)
    assert (move.source, move.destination, move.flipped) == (PRIMARY, STANDBY, flipped)
    assert where in move.stopped
    assert str(move).startswith(move.stopped)
    acts.clear(here, deployment, run, approval, move)
    assert not fence.read(here, deployment, PRIMARY).known


def test_without_an_earlier_start_nothing_is_cleared(here, deployment, aws, run, approval):
    acts.clear(here, deployment, run, approval, prepare.plan(here, deployment))
    assert not run.done("lift fence")


# --- its acts ---


@pytest.mark.parametrize("act", ["fence", "lift"])
def test_an_act_needs_the_approval_of_this_stack(here, deployment, aws, run, act):
    move = prepare.plan(here, deployment)
    other = Approval("switch over", "other@sandbox")
    with pytest.raises(NotApproved, match="other@sandbox"):
        getattr(acts, act)(here, deployment, run, other, move)
    assert aws.tables[PRIMARY].writes == []


def test_nothing_flips_before_the_source_is_at_rest(here, deployment, aws, run, approval):
    move = prepare.plan(here, deployment)
    acts.fence(here, deployment, run, approval, move)
    with pytest.raises(PreflightFailed, match="a marker goes round"):
        acts.flip(here, deployment, run, approval, move, checks("failed"))
    assert not latch.read(here, deployment).is_set


def test_nothing_flips_behind_a_fence_that_ends_too_soon(here, deployment, aws, run, approval):
    move = prepare.plan(here, deployment)
    fence.write(here, deployment, PRIMARY, destination=STANDBY, seconds=move.longest_seconds / 2)
    with pytest.raises(StepFailed, match="fence around us-east-2 ends in"):
        acts.flip(here, deployment, run, approval, move, checks())
    assert not latch.read(here, deployment).is_set


def test_a_flip_keeps_what_the_destination_held(here, deployment, aws, run, approval):
    aws.tables[STANDBY].put_item(TableName="", Item=payment("one", PRIMARY, 1.0))
    move = prepare.plan(here, deployment)
    acts.fence(here, deployment, run, approval, move)
    flip = acts.flip(here, deployment, run, approval, move, checks())
    assert latch.read(here, deployment).is_set
    assert (flip.to_region, list(flip.takeover.payments)) == (STANDBY, ["one"])
    assert list(from_dict(run.load("takeover")).payments) == ["one"]


def test_the_fence_is_lifted_and_the_latch_armed_where_the_primary_serves_again(
    here, deployment, aws, run, approval
):
    failover.set(here, deployment, run, approval, reason="a planned move")
    back = prepare.plan(here, deployment)
    acts.fence(here, deployment, run, approval, back)
    acts.flip(here, deployment, run, approval, back, checks())
    assert latch.read(here, deployment).hold_until is not None
    opened = acts.lift(here, deployment, run, approval, back)
    assert opened.region == STANDBY
    assert not fence.read(here, deployment, STANDBY).known
    assert latch.read(here, deployment).hold_until is None


# --- at rest ---


def test_a_payment_that_is_not_settled_is_waited_for_and_named(here, deployment, aws, monkeypatch):
    monkeypatch.setattr(waiting, "CATCH_UP_SECONDS", 0.0)
    for table in aws.tables.values():
        table.put_item(TableName="", Item=payment("one", PRIMARY, 1.0))
    move = prepare.plan(here, deployment)
    found = rest.at_rest(here, deployment, move, fence.Fence(PRIMARY, in_force=True, at=0.0))
    row = found["every-payment-is-settled"]
    assert (row.status, "such as one" in row.detail) == ("failed", True)
    assert found["both-tables-hold-the-same"].status == "passed"


def test_a_settlement_that_one_table_lacks_is_named(here, deployment, aws, monkeypatch):
    monkeypatch.setattr(waiting, "CATCH_UP_SECONDS", 0.0)
    for table in aws.tables.values():
        table.replicas = []
        table.put_item(TableName="", Item=payment("one", PRIMARY, 1.0))
    aws.tables[PRIMARY].put_item(TableName="", Item=settlement("one", PRIMARY, 2.0))
    move = prepare.plan(here, deployment)
    found = rest.at_rest(here, deployment, move, fence.Fence(PRIMARY, in_force=True, at=0.0))
    row = found["both-tables-hold-the-same"]
    assert (row.status, "such as one" in row.detail) == ("failed", True)


# --- what it cost ---

FENCE = fence.Fence(PRIMARY, in_force=True, destination=STANDBY, at=FENCED, expires_at=FENCED + 600)


@pytest.fixture
def move(here, deployment, aws):
    return prepare.plan(here, deployment)


def outcome(move, rows, *, held=()):
    takeover = from_dict({"region": STANDBY, "at": FLIPPED, "payments": [], "settlements": []})
    takeover = replace(takeover, payments=dict.fromkeys(held))
    first = attempt(98, region=STANDBY, finished_at=SERVED)
    watch = Watch(
        zero=FENCED,
        ended_at=SERVED + 10,
        to_region=STANDBY,
        primary_region=PRIMARY,
        standby_region=STANDBY,
        threshold=3,
        scenario="",
        origin="simulated",
        streak=(first, first),
        events={"dns_answer": TURNED},
        attempts=rows,
    )
    opened = Opened(PRIMARY, LIFTED)
    return result.outcome(move, FENCE, Flip(FLIPPED, STANDBY, takeover), watch, opened, Ledger(rows))


def refused(seq, at, status=503):
    return attempt(
        seq, outcome="rejected", status=status, payment_id="", region="", started_at=at - 0.1, finished_at=at
    )


def test_its_stages_add_up_to_the_window(move):
    found = outcome(move, [refused(1, FENCED + 5)])
    assert found.stages == {
        "until the flip": 10.0, "until the name turned": 40.0, "until the clients turned": 30.0,
    }  # fmt: skip
    assert sum(found.stages.values()) == found.window_seconds == 80.0
    assert (found.refused, found.outside, found.rpo_seconds) == (1, (), 0.0)
    assert result.verdict(found, checks()).passed


@pytest.mark.parametrize(
    "row",
    [
        refused(1, FENCED - 1),
        refused(1, LIFTED + 1),
        refused(1, FENCED + 5, status=422),
    ],
    ids=["before the fence", "after the fence", "by the API itself"],
)
def test_what_was_refused_outside_the_fence_is_red(move, row):
    found = outcome(move, [row])
    assert (found.refused, found.outside) == (0, (row.name,))
    with pytest.raises(VerdictRed, match="1 payments were refused outside the fence"):
        result.verdict(found, checks())


def test_a_payment_that_the_destination_does_not_hold_at_the_flip_is_missing(move):
    rows = [
        attempt(1, finished_at=FENCED - 20),
        attempt(2, finished_at=FENCED - 10),
        attempt(3, finished_at=FLIPPED + 1, region=STANDBY),
    ]
    assert outcome(move, rows, held=["id-1", "id-2"]).missing == ()
    found = outcome(move, rows, held=["id-1"])
    assert found.missing == ("id-2",)
    assert found.rpo_seconds == FLIPPED - (FENCED - 10)
    with pytest.raises(VerdictRed, match="were not in the destination at the flip"):
        found.require()


def test_an_attempt_without_an_answer_is_counted_and_not_judged_here(move):
    found = outcome(move, [attempt(1, outcome="indeterminate", finished_at=FENCED + 1, region="")])
    assert (found.unclear, found.reasons) == (1, [])


def test_a_control_plane_that_was_needed_is_red(move):
    with pytest.raises(VerdictRed):
        result.verdict(outcome(move, []), checks("failed"))
