"""A whole drill through the library: fail over, measure, restore, fail back, reconcile.

What is asserted holds on a slow machine too: what agrees with the sandbox's own record, what adds up, and
what must never happen. How long it took is asserted from below only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drlib import parameters, target
from drlib.checks import steady_state
from drlib.core import aws_calls
from drlib.deployed import latch, probes
from drlib.deployed.deployment import Deployment
from drlib.faults import restore
from drlib.faults.inject import inject
from drlib.payments import probing, reconcile, steady, tables
from drlib.payments.announce import announce
from drlib.payments.ledger import Ledger
from drlib.payments.losses import LossCounts
from drlib.runner import notebook
from drlib.runs import folders
from drlib.runs.approval import Approval, approve
from drlib.runs.run import Run
from drlib.show.checklist import Checks
from drlib.stack import stack
from drlib.switch import failback, failback_gates, failover
from drlib.timeline import watcher
from drlib.timeline.observations import Watch
from drlib.timeline.prediction import Prediction, predict
from drlib.timeline.recovery import RecoveryTime, measure
from tests.conftest import PACE
from tests.soak import truth
from tests.soak.kills import act
from tests.soak.kills.plan import MOVE, Kill

pytestmark = pytest.mark.timeout(900)
SUFFIX = "drilled"
ROUNDING_SECONDS = 0.01
REST_SECONDS = 60.0  # longer than a settlement is put off
CHANGES = {"request", "replicated", "replication_conflict", "fault", "healed", "impaired", "mended"}
"""What the sandbox records of somebody's doing; checkers, alarms and DNS go on by themselves."""


@dataclass
class Story:
    """What happened, for the tests to look at."""

    here: Any
    run: Run
    deployment: Deployment
    ready: Checks
    prediction: Prediction
    watch: Watch
    recovery: RecoveryTime
    fault: restore.Fault
    takeover: tables.Holdings
    latched: latch.Latch
    answer_after_healing: str
    gates: Checks
    back: Watch
    losses: LossCounts
    ready_again: Checks


@pytest.fixture(scope="module")
def story(sandbox: Any) -> Iterator[Story]:
    chosen = parameters.make(
        {
            "suffix": SUFFIX,
            "domain_name": f"{SUFFIX}.test",
            "approval": f"{SUFFIX}@sandbox",
            **PACE,
        }
    )
    here = target.open_target(chosen)
    run = folders.open_run(chosen, here, runbook="drill")
    approval = approve(chosen, "the drill")
    deployment = stack.up(here, approval)
    steady_state.steady_state(here, deployment)  # warms what a cold start would delay
    yield tell(here, run, deployment, approval)
    stack.destroy(here, approval)


def tell(here: Any, run: Run, deployment: Deployment, approval: Approval) -> Story:
    here.clock.wait_until(
        lambda: not steady_state.drill_ready(here, deployment).failed, timeout=1200, poll=30
    )
    ready = steady_state.drill_ready(here, deployment)
    prediction = predict(here.settings, deployment)
    with probing.start(here, deployment, run) as prober:
        steady.settle(prober, seconds=30, timeout_seconds=600)
        fault = inject(here, deployment, run, approval)
        try:
            watch = watcher.watch(here, deployment, prober, fault)
            takeover = failover.snapshot(here, deployment)
        finally:
            restore.restore(here, fault, run)
    run.save("takeover", takeover)
    fault = restore.from_dict(run.load("fault"))
    latched = latch.read(here, deployment)
    announce(here, deployment, run, approval)
    gates = failback_gates.gates(here, deployment, run)
    answer = probes.public_answer(here, deployment)
    with probing.start(here, deployment, run) as prober:
        released = failback.release(here, deployment, run, approval)
        back = watcher.watch_return(here, deployment, prober, since=released.set_at)
    losses = reconcile.count(here, deployment, prober.ledger, takeover, fault)
    failback.arm(here, deployment, run, approval)
    return Story(
        here=here,
        run=run,
        deployment=deployment,
        ready=ready,
        prediction=prediction,
        watch=watch,
        recovery=measure(watch, prediction),
        fault=fault,
        takeover=takeover,
        latched=latched,
        answer_after_healing=answer,
        gates=gates,
        back=back,
        losses=losses,
        ready_again=steady_state.drill_ready(here, deployment),
    )


def test_the_stack_was_ready(story: Story) -> None:
    assert [f"{row.name}: {row.detail}" for row in story.ready.failed] == []


def test_every_client_that_follows_the_name_recovered_in_the_standby(story: Story) -> None:
    cohorts = story.recovery.cohorts
    assert {name: (one.clients, one.recovered) for name, one in cohorts.items()} == {
        "obeys-ttl": (6, 6),
        "keeps-connection": (1, 1),
        "behind-caching-resolver": (1, 1),
        "pins-dns": (1, 0),
    }
    assert cohorts["pins-dns"].note == "not recovered until the region came back"


def test_the_stages_add_up_to_the_rto(story: Story) -> None:
    stages = [round(seconds * 1000) for seconds in story.recovery.stages.values()]
    assert all(stage >= 0 for stage in stages)
    assert sum(stages) == round(story.recovery.measured_seconds * 1000)


def test_it_did_not_recover_sooner_than_it_can(story: Story) -> None:
    assert story.recovery.measured_seconds >= story.prediction.earliest_seconds - 2


def test_the_check_turned_when_the_sandbox_says_so(story: Story) -> None:
    check = story.deployment.checks["primary_endpoint"]
    turned = next(
        event["at"]
        for event in story.here.events()
        if event["kind"] == "health_check"
        and event["at"] >= story.fault.at
        and event["detail"]["id"] == check
        and not event["detail"]["healthy"]
    )
    assert story.watch.events["unhealthy"] == pytest.approx(turned, abs=ROUNDING_SECONDS)


def test_the_failover_used_no_control_plane(story: Story) -> None:
    assert aws_calls.control_calls(story.here.calls.rows(), purpose="failover") == 0
    assert aws_calls.control_calls(story.here.calls.rows(), purpose="failback") == 0
    assert any(row["purpose"] == "failback" for row in story.here.calls.rows())


def test_the_standby_latched_itself_and_kept_the_traffic_when_the_primary_came_back(story: Story) -> None:
    assert story.latched.is_set
    assert story.latched.reason == "a payment came to the standby under the public name"
    assert story.answer_after_healing == story.deployment.standby_region


def test_nothing_was_lost_or_invented_and_the_tables_agree(story: Story) -> None:
    assert story.losses.reasons == []
    held = tables.scan(story.here, story.deployment.table, story.deployment.primary_region)
    assert set(story.losses.acknowledged) <= held.payments.keys()
    assert len(story.losses.acknowledged) > 50
    assert len(story.losses.recovered) <= len(story.losses.indeterminate)
    assert story.losses.rpo_seconds <= story.here.settings.rpo_target_seconds


def test_the_ledger_on_the_disk_has_what_was_counted(story: Story) -> None:
    stored = Ledger.load(story.run.folder).attempts()
    assert len({row.idempotency_key for row in stored}) == len(stored)
    assert sum(row.outcome == "ok" for row in stored) == len(story.losses.acknowledged)
    assert sum(row.outcome == "indeterminate" for row in stored) == len(story.losses.indeterminate)


def test_the_gates_opened_and_the_clients_came_back(story: Story) -> None:
    assert [f"{row.name}: {row.detail}" for row in story.gates.failed] == []
    assert story.back.to_region == story.deployment.primary_region
    assert story.back.seconds is not None


def test_the_stack_is_ready_for_the_next_drill(story: Story) -> None:
    assert [f"{row.name}: {row.detail}" for row in story.ready_again.failed] == []


def test_the_fault_is_restored_and_written_down(story: Story) -> None:
    assert story.fault.state == "restored"
    assert restore.pending(story.here) == []
    assert story.run.done("inject")
    assert story.run.done("restore")


@pytest.mark.parametrize(
    "name",
    [
        *(
            pytest.param(name, marks=pytest.mark.soak)
            for name in ("20-verify", "40-failback", "50-incident-failover", "60-switchover", "80-teardown")
        ),
        "30-drill-failover",
    ],
)
def test_a_runbook_that_plans_changes_nothing(story: Story, name: str) -> None:
    """By the calls that it recorded, by the sandbox's own record, by the table, and by the stack's state."""
    here, before = story.here, at_rest(story)
    notebook.run(name, story.here.settings.values() | {"mode": "plan"}, say=lambda _: None)
    run = folders.current()
    assert run is not None
    proof = {row["id"]: row["status"] for row in run.load(f"checks.{name}")["rows"]}
    assert proof["no-call-changed-anything"] == "passed"
    assert {row["access"] for row in run.load(f"planes.{name}")["calls"]} == {"read"}
    assert [line["step"] for line in run.lines() if line["mutating"]] == []
    assert seen(story) == before
    assert here.faults() == {}


def test_a_drill_killed_in_its_fault_ends_in_peace_and_says_what_is_not_measured(
    story: Story, tmp_path: Path
) -> None:
    """Runner and kernels are killed with SIGKILL, and it is resumed. `make soak` kills many, anywhere."""
    file = tmp_path / "killed.json"
    file.write_text(json.dumps(story.here.settings.values()))
    kill = Kill(MOVE, "all", boundary=("30-drill-failover", "inject", "done"))
    result = act.killed(kill, story.here, file)
    assert result.wrong == []
    assert result.killed_in.startswith("30-drill-failover")
    assert result.verdict == "aborted"
    assert any("cut off after its fault" in reason for reason in result.reasons)
    assert "The payments were not reconciled." not in result.reasons


def at_rest(story: Story) -> dict[str, Any]:
    """Wait until nothing goes on any more, a settlement that was put off for example; return what is seen."""
    for _ in range(20):
        found = seen(story)
        story.here.clock.sleep(REST_SECONDS)
        if seen(story) == found:
            return found
    raise AssertionError("the stack does not come to rest")


def seen(story: Story) -> dict[str, Any]:
    """Return what the sandbox has recorded of requests, arrivals and faults, every item, and the state."""
    here, state = story.here, story.here.folder / "pulumi" / ".pulumi" / "stacks"
    return {
        "events": [event for event in here.events() if ours(event, story.deployment.table)],
        "items": truth.tables(here, story.deployment.table, story.deployment.regions),
        "state": {file.name: file.read_bytes() for file in state.rglob(f"{SUFFIX}.json")},
    }


def ours(event: dict[str, Any], table: str) -> bool:
    """Tell whether an event is of somebody's doing, here: another stack's table is not ours."""
    return event["kind"] in CHANGES and event["detail"].get("table", table) == table
