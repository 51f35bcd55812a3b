"""What the acts refuse before they begin, and what they say when there is nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drlib.core.errors import NotApproved, StepFailed
from drlib.runs import steps
from drlib.runs.approval import Approval
from drlib.runs.folders import open_run
from drlib.runs.run import Run
from drlib.stack import engine, stack
from drlib.stack.plan import Plan, PlannedResource
from tests.fakes import StackTarget

APPROVED = Approval("test", "drill@sandbox")
TABLE = {
    "type": "aws:dynamodb/table:Table",
    "inputs": {"name": "pay-payments-drill", "deletionProtectionEnabled": True},
}


@pytest.fixture
def here(tmp_path: Path) -> StackTarget:
    return StackTarget(tmp_path)


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the engine's state is said to be; opening the engine is an error."""
    found: dict[str, Any] = {}

    def never(*args: Any, **options: Any) -> None:
        raise AssertionError("the engine was opened")

    monkeypatch.setattr(engine, "state", lambda here: found)
    monkeypatch.setattr(engine, "open", never)
    return found


@pytest.mark.parametrize("act", [stack.up, stack.destroy])
def test_an_act_wants_its_own_approval(act: Any, here: Any, state: dict[str, Any]) -> None:
    with pytest.raises(NotApproved, match="other@sandbox"):
        act(here, Approval("test", "other@sandbox"))


def test_nothing_deployed_says_what_to_run(here: Any, state: dict[str, Any]) -> None:
    with pytest.raises(StepFailed, match=r"Nothing is deployed. Run 10-deploy."):
        stack.current(here)


def test_a_stack_of_an_earlier_sandbox_is_missed_by_name(here: Any, state: dict[str, Any]) -> None:
    here.gone = "The stack was deployed to an earlier sandbox, which is gone."
    with pytest.raises(StepFailed, match="earlier sandbox"):
        stack.current(here)


def test_half_a_stack_is_no_deployment(here: Any, state: dict[str, Any]) -> None:
    state["resources"] = [{"type": "pulumi:pulumi:Stack", "outputs": {}}, TABLE]
    with pytest.raises(StepFailed, match="not whole: 1 resources"):
        stack.current(here)


def test_destroying_nothing_is_no_error(here: Any, state: dict[str, Any]) -> None:
    stack.destroy(here, APPROVED)
    assert here.forgotten == 1


def test_protected_data_stops_a_destroy_before_it_begins(here: Any, state: dict[str, Any]) -> None:
    state["resources"] = [TABLE]
    here.protected = {"us-east-2": False, "us-west-2": True}
    with pytest.raises(StepFailed, match="protected against deletion") as caught:
        stack.destroy(here, APPROVED)
    assert caught.value.region == "us-west-2"
    assert here.forgotten == 0


def test_data_is_protected_where_it_is_real(tmp_path: Path) -> None:
    live = {"target": "aws", "approval": "", "state_backend": "s3://state", "domain_name": "pay.acme.net"}
    real, drill = (
        StackTarget(tmp_path, suffix="prod", **live),
        StackTarget(tmp_path, suffix="drill-2", **live),
    )
    for here in (real, drill):
        here.origin = "live"
    assert stack.protects_data(real)  # type: ignore[arg-type]
    assert not stack.protects_data(drill)  # type: ignore[arg-type]
    assert not stack.protects_data(StackTarget(tmp_path, suffix="prod", approval=""))  # type: ignore[arg-type]


@pytest.fixture
def run(here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DRLIB_HOME", str(tmp_path / "home"))
    return open_run(here.settings, runbook="10-deploy")


def planned(*ops: str) -> Plan:
    return Plan(
        "Plan", tuple(PlannedResource("aws:sqs/queue:Queue", f"q{n}", op) for n, op in enumerate(ops))
    )


def test_a_deployment_that_the_run_has_made_is_verified_by_its_plan(
    here: Any, state: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    run.note(steps.DEPLOY, mutating=True)
    monkeypatch.setattr(stack, "current", lambda here: "deployed")
    assert stack.up(here, APPROVED, plan=planned("same", "same"), run=run) == "deployed"
    assert capsys.readouterr().out == "deploy: done earlier, verified.\n"


@pytest.mark.parametrize("before", ["intent", "done"])
def test_a_deployment_that_lacks_something_is_made_again_and_said(
    here: Any, state: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any, before: str
) -> None:
    run.note(steps.DEPLOY, before, mutating=True)
    monkeypatch.setattr(stack, "_program", lambda here: None)
    with pytest.raises(AssertionError, match="the engine was opened"):
        stack.up(here, APPROVED, plan=planned("same", "create"), run=run)
    assert "1 of 2 resources are not as planned. It is done again." in capsys.readouterr().out
    assert [line["phase"] for line in run.lines((steps.DEPLOY,))] == [before, "intent", "failed"]


def test_a_stack_that_is_destroyed_is_not_destroyed_again(
    here: Any, state: dict[str, Any], run: Run, capsys: Any
) -> None:
    stack.destroy(here, APPROVED, run=run)
    assert [line["phase"] for line in run.lines((steps.DESTROY,))] == ["intent", "done"]
    stack.destroy(here, APPROVED, run=run)
    assert capsys.readouterr().out == "destroy: done earlier, verified.\n"
    assert here.forgotten == 1


def test_what_is_approved_is_every_resource_and_what_is_asked_of_it() -> None:
    def plan(**inputs: Any) -> Plan:
        resource = PlannedResource("aws:sqs/queue:Queue", "q", "create", inputs=inputs)
        return Plan("Plan", (resource,))

    assert str(plan(delay=1)) == str(plan(delay=2)), "the table is the same"
    assert plan(delay=1).as_plan() != plan(delay=2).as_plan()
    assert plan(a=1, b=2).as_plan() == plan(b=2, a=1).as_plan()
