"""The switch on a running stack: what must move the traffic, what must not, and what would be caught."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from drlib import target
from drlib.checks import incident, planes
from drlib.checks.hops import BODY
from drlib.core import aws_calls
from drlib.core.errors import PreflightFailed, StepFailed
from drlib.deployed import fence, latch, probes, stored_outputs
from drlib.payments import probing
from drlib.runs.approval import Approval
from drlib.runs.run import Run
from drlib.switch import failover
from drlib.switch.planned_move import acts, prepare, rest
from tests.red.stage import Stage

pytestmark = pytest.mark.soak

OUTAGE_SECONDS = 600.0
LOOK_SECONDS = 60.0  # two more checks of every checker, the latch's period, and a TTL


@pytest.fixture(autouse=True)
def as_it_was(stage: Stage, run: Run, approval: Approval) -> Iterator[None]:
    """Begin with every payment settled; leave no fault, no fence and no latch, and no alarm that rings."""
    stage.settle(run, approval)
    yield
    aws_calls.assume()
    for role in ("primary", "standby"):
        stage.here.restore(stage.region(role))
        fence.lift(stage.here, stage.deployment, stage.region(role))
    stage.release_latch()
    stage.calm(late=True)


def outage(stage: Stage, role: str = "primary", *, seconds: float = OUTAGE_SECONDS) -> None:
    stage.here.inject(stage.region(role), mode="refuse", deadline_seconds=seconds)


def pay(stage: Stage) -> None:
    """Pay under the public name, wherever that leads."""
    name = stage.deployment.public_name
    reply = probes.request(
        stage.here,
        name,
        "POST",
        "/payments",
        address=stage.here.resolve(name).address,
        body=BODY,
        headers={"Idempotency-Key": f"red-{uuid.uuid4()}"},
    )
    assert reply.status == 201


def fail_over(stage: Stage) -> None:
    """Take the primary away, let one client be served by the standby, and give the primary back."""
    outage(stage)
    stage.wait(lambda: stage.leads_to() == stage.region("standby"), "the failover")
    pay(stage)
    stage.here.restore(stage.region("primary"))
    stage.wait(lambda: stage.passing("primary_endpoint"), "the primary to be well")


def stays(stage: Stage, role: str) -> bool:
    """Look for a while whether the public name goes on leading to a region."""
    until = stage.here.clock.now() + LOOK_SECONDS
    while stage.here.clock.now() < until:
        if stage.leads_to() != stage.region(role):
            return False
        stage.here.clock.sleep(1.0)
    return True


def test_traffic_does_not_return_by_itself(stage: Stage) -> None:
    fail_over(stage)
    assert stays(stage, "standby")
    again = target.open(stage.here.settings)  # a notebook that was started anew
    assert latch.read(again, stored_outputs.recall(again)).is_set


def test_without_the_latch_it_returns_and_that_is_seen(stage: Stage) -> None:
    with stage.without("standby", "payments", "dynamodb:UpdateItem"):
        fail_over(stage)
        assert not latch.read(stage.here, stage.deployment).is_set
        stage.wait(lambda: not stays(stage, "standby"), "the return")


def test_a_blip_moves_nothing(stage: Stage) -> None:
    outage(stage, seconds=5.0)
    assert stays(stage, "primary")


def test_one_checker_region_alone_moves_nothing(stage: Stage) -> None:
    check = stage.deployment.checks["primary_endpoint"]
    checker = probes.checkers(stage.here, check)[0].checker
    order = {"kind": "checkers", "region": stage.region("primary"), "checkers": [checker]}
    stage.here.impair("one-checker", order, deadline_seconds=OUTAGE_SECONDS)
    stage.wait(
        lambda: [row.checker for row in probes.checkers(stage.here, check) if not row.ok] == [checker],
        "that checker to fail",
    )
    assert stays(stage, "primary")
    assert not incident.assess(stage.here, stage.deployment).recommended
    stage.here.restore("one-checker")


def test_an_unready_standby_gets_no_traffic(stage: Stage) -> None:
    outage(stage, "standby")
    check = stage.deployment.checks["standby_endpoint"]
    stage.wait(lambda: not any(row.ok for row in probes.checkers(stage.here, check)), "its checkers to fail")
    outage(stage, "primary")
    check = stage.deployment.checks["primary_endpoint"]
    stage.wait(lambda: not any(row.ok for row in probes.checkers(stage.here, check)), "its checkers to fail")
    assert stays(stage, "primary")
    seen = incident.assess(stage.here, stage.deployment)
    assert not seen.recommended


def test_an_incident_needs_the_standby_alone(
    stage: Stage, run: Run, approval: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = target.open(stage.here.settings)
    open_client = here.client

    def client(service: str, region: str) -> Any:
        if region != stage.region("standby"):
            raise EndpointConnectionError(endpoint_url=f"https://{service}.{region}")
        return open_client(service, region)

    monkeypatch.setattr(here, "client", client)
    outage(stage)
    aws_calls.assume(aws_calls.FAILOVER)
    deployment = stored_outputs.recall(here)
    with probing.start(here, deployment, run) as prober:
        stage.here.clock.sleep(15.0)
        situation = incident.assess(here, deployment, prober)
        decision = incident.decide(situation)
        assert [f"{row.name}: {row.detail}" for row in decision.failed] == []
        failover.fail_over(here, deployment, run, approval, decision, reason="an incident")
    stage.wait(lambda: stage.leads_to() == stage.region("standby"), "the failover")
    assert planes.planes_proof(here, deployment).status == "passed"
    open_client("cloudwatch", stage.region("standby")).describe_alarms(MaxRecords=1)
    told = planes.planes_proof(here, deployment)
    assert [row.id for row in told.failed] == ["no-control-plane-was-called"]


def test_a_fence_that_does_not_hold_stops_the_move(stage: Stage, run: Run, approval: Approval) -> None:
    here, deployment = stage.here, stage.deployment
    move = prepare.plan(here, deployment)
    made = acts.fence(here, deployment, run, approval, move)
    fence.write(here, deployment, move.source, destination=move.destination, seconds=0.0)
    at_rest = rest.at_rest(here, deployment, move, made)
    assert "payments-are-refused" in [row.id for row in at_rest.failed]
    with pytest.raises(PreflightFailed, match="the fence does not hold"):
        acts.flip(here, deployment, run, approval, move, at_rest)
    assert not latch.read(here, deployment).is_set


def test_a_move_that_stopped_is_known_and_goes_on(stage: Stage, run: Run, approval: Approval) -> None:
    here, deployment = stage.here, stage.deployment
    acts.fence(here, deployment, run, approval, prepare.plan(here, deployment))
    # Here the kernel dies. Another one begins from the top.
    move = prepare.plan(here, deployment)
    assert "between its fence and its flip" in move.stopped
    assert (move.source, move.flipped) == (stage.region("primary"), False)
    with pytest.raises(AssertionError):
        pay(stage)
    acts.clear(here, deployment, run, approval, move)
    pay(stage)
    assert prepare.ready(here, deployment, move).status == "passed"
    made = acts.fence(here, deployment, run, approval, move)
    at_rest = rest.at_rest(here, deployment, move, made)
    acts.flip(here, deployment, run, approval, move, at_rest)
    # And here again: the active role has moved, and the move is still the same one.
    again = prepare.plan(here, deployment)
    assert (again.source, again.flipped) == (move.source, True)
    assert "after its flip" in again.stopped
    fence.write(here, deployment, move.source, destination=move.destination, seconds=5.0)
    with pytest.raises(StepFailed, match="ends in"):
        acts.flip(here, deployment, run, approval, again, at_rest)
