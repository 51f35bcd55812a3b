"""Approvals: a phrase in the sandbox; on aws the plan that was shown, for a while, in the same account."""

from __future__ import annotations

import pytest

from drlib import parameters
from drlib.core import aws_calls
from drlib.core.clock import Clock
from drlib.core.errors import BadParameters, NotApproved, OnlyPlanned, PlanShown, PreflightFailed
from drlib.evidence import evidence
from drlib.evidence.verdict import PENDING
from drlib.runs import approval, folders, journal
from drlib.runs.run import Run
from tests.fakes import AccountTarget

PLAN = "Plan\nservice  create\nsqs      4"


@pytest.fixture
def here(home: object) -> AccountTarget:
    return AccountTarget()


@pytest.fixture
def run(here: AccountTarget) -> Run:
    return folders.open_run(here.settings, here, runbook="10-deploy")


def ask(here: AccountTarget, run: Run, plan: object = PLAN) -> approval.Approval:
    return approval.approve(here.settings, "deploy", here=here, run=run, plan=plan)


def refused(here: AccountTarget, run: Run, plan: object = PLAN) -> NotApproved:
    with pytest.raises(NotApproved) as caught:
        ask(here, run, plan)
    assert caught.value.exit_code == 4
    return caught.value


def shown(run: Run) -> str:
    return str(run.lines((approval.ASKED,))[-1]["detail"]["plan"])


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = Clock().now()
    monkeypatch.setattr("drlib.core.clock.time.time", lambda: now + seconds)


def test_a_plan_that_nobody_approved_is_pending_and_names_the_command(here: AccountTarget, run: Run) -> None:
    error = refused(here, run)
    assert error.message == "deploy is not approved: nobody has approved this plan."
    assert f"`drlib approve {run.run_id} --plan {shown(run)[:16]}`" in error.remedy
    assert here.asked == [("sts", "us-west-2")], "the standby is asked: the primary may be gone"


def test_the_approved_plan_goes_ahead_and_acts_take_it(here: AccountTarget, run: Run) -> None:
    refused(here, run)
    said = approval.give(here, run.as_runbook("approval"), shown(run)[:16])
    assert said.startswith("Approved: deploy, until ")
    given = ask(here, run)
    assert given.plan == shown(run)
    approval.require(here, given)
    line = run.lines((approval.GIVEN,))[-1]
    assert line["actor"]
    assert line["detail"]["until_wall"] - line["detail"]["from_wall"] == pytest.approx(3600, abs=1)
    assert len(run.lines((approval.ASKED,))) == 1, "a plan is written down once"
    assert "123456789012" not in (run.folder / journal.JOURNAL).read_text()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"confirm": ""}, "the parameter confirm is empty."),
        ({"confirm": "staging/us-west-2"}, "the parameter confirm is 'staging/us-west-2'."),
        ({"confirm": "prod/us-east-2"}, "the parameter confirm is 'prod/us-east-2'."),
        ({"approval": ""}, "the parameter approval is empty."),
        ({"approval": "staging@sandbox"}, "the parameter approval is 'staging@sandbox'."),
    ],
)
def test_what_a_person_must_type_is_asked_for_by_name(
    home: object, changes: dict[str, str], said: str
) -> None:
    here = AccountTarget(**changes)
    run = folders.open_run(here.settings, here, runbook="10-deploy")
    assert said in refused(here, run).message
    assert here.asked == []


def test_another_plan_needs_another_approval(here: AccountTarget, run: Run) -> None:
    refused(here, run)
    approval.give(here, run, shown(run))
    assert "another plan was approved" in refused(here, run, "Plan\nsqs 5").message
    assert "another plan was approved" in refused(here, run.as_runbook("80-teardown")).message
    with pytest.raises(NotApproved, match="nobody has approved this plan"):
        approval.approve(here.settings, "tear down", here=here, run=run, plan=PLAN)
    assert ask(here, run).plan


def test_a_plan_is_what_it_says_to_be_approved_and_not_its_short_table(here: AccountTarget, run: Run) -> None:
    class Plan:
        def __init__(self, name: str) -> None:
            self.name = name

        def __str__(self) -> str:
            return "1 queue"

        def as_plan(self) -> list[str]:
            return [self.name]

    refused(here, run, Plan("work"))
    approval.give(here, run, shown(run))
    assert ask(here, run, Plan("work")).plan
    refused(here, run, Plan("other"))


def test_another_account_is_another_plan_and_cannot_approve(here: AccountTarget, run: Run) -> None:
    refused(here, run)
    plan = shown(run)
    here.account = "210987654321"
    with pytest.raises(NotApproved, match="credentials of another account"):
        approval.give(here, run, plan)
    here.account = "123456789012"
    approval.give(here, run, plan)
    here.account = "210987654321"
    assert "another plan was approved" in refused(here, run).message


@pytest.mark.parametrize(
    ("seconds", "said"), [(3601, "the approval of this plan ended at"), (-3600, "later than this machine's")]
)
def test_an_approval_ends_and_is_not_of_a_later_hour(
    here: AccountTarget, run: Run, monkeypatch: pytest.MonkeyPatch, seconds: float, said: str
) -> None:
    refused(here, run)
    approval.give(here, run, shown(run))
    set_clock(monkeypatch, seconds)
    assert said in refused(here, run).message


@pytest.mark.parametrize("plan", ["", "0123456789abcdef", "short"])
def test_a_plan_that_was_not_shown_cannot_be_approved(here: AccountTarget, run: Run, plan: str) -> None:
    refused(here, run)
    with pytest.raises(BadParameters, match="has shown no plan"):
        approval.give(here, run, plan)
    assert run.lines((approval.GIVEN,)) == []


@pytest.mark.parametrize("minutes", [0, 1441])
def test_an_approval_is_good_for_a_day_at_most(here: AccountTarget, run: Run, minutes: int) -> None:
    with pytest.raises(BadParameters, match="minutes must be from 1 to 1440"):
        approval.give(here, run, "x" * 64, minutes=minutes)


def test_no_credentials_are_a_red_preflight(here: AccountTarget, run: Run) -> None:
    here.account = None
    with pytest.raises(PreflightFailed, match="account of the credentials"):
        ask(here, run)


def test_an_act_on_aws_takes_no_phrase_alone(here: AccountTarget) -> None:
    with pytest.raises(NotApproved, match="needs an approval of its plan"):
        approval.approve(here.settings, "deploy")
    with pytest.raises(NotApproved, match="its plan has no approval"):
        approval.require(here, approval.Approval("deploy", "staging@aws"))
    with pytest.raises(NotApproved, match="for 'drill@sandbox', and not for"):
        approval.require(here, approval.Approval("deploy", "drill@sandbox", plan="x"))


def test_the_sandbox_asks_for_a_plan_only_where_confirm_is_given(home: object) -> None:
    assert approval.approve(parameters.make({}), "deploy").plan == ""
    with pytest.raises(NotApproved, match="needs an approval of its plan"):
        approval.approve(parameters.make({"confirm": "drill/us-east-2"}), "deploy")


def test_the_verdict_of_a_run_that_waits_is_pending(here: AccountTarget, run: Run) -> None:
    error = refused(here, run)
    run.note("runbook", "failed", detail={"error": "NotApproved", "message": str(error)})
    assert evidence.refresh(run).verdict == PENDING


def test_a_runbook_that_only_plans_ends_there_and_papermill_takes_it_for_a_good_end(
    home: object, capsys: pytest.CaptureFixture[str]
) -> None:
    here = AccountTarget(mode="plan", approval="", confirm="")
    run = folders.open_run(here.settings, here, runbook="10-deploy")
    here.calls.add("ec2", "DescribeVpcs", "us-east-2")
    with pytest.raises(PlanShown) as ended:
        ask(here, run)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Planned: deploy. Nothing was changed")
    (row,) = run.load("checks.10-deploy")["rows"]
    assert (row["id"], row["status"]) == ("no-call-changed-anything", "passed")
    with pytest.raises(NotApproved):
        approval.require(here, approval.Approval("deploy", "staging@aws", plan="x"))


def test_a_call_that_writes_is_refused_while_planning_and_red_if_it_was_made(home: object) -> None:
    here = AccountTarget(mode="plan")
    with pytest.raises(OnlyPlanned, match="sqs CreateQueue would change something"):
        here.calls.add("sqs", "CreateQueue", "us-east-2")
    assert here.calls.rows() == []
    here.calls = aws_calls.Recorder()
    here.calls.add("sqs", "CreateQueue", "us-east-2")
    run = folders.open_run(here.settings, here, runbook="10-deploy")
    with pytest.raises(PreflightFailed, match="sqs CreateQueue in us-east-2"):
        ask(here, run)


def test_a_runbook_without_an_approval_has_the_proof_in_its_evidence(home: object) -> None:
    here = AccountTarget(mode="plan")
    run = folders.open_run(here.settings, here, runbook="20-verify")
    here.name = "aws"  # type: ignore[attr-defined]
    evidence.update(run, here)  # type: ignore[arg-type]
    assert [row["id"] for row in run.load("checks.20-verify")["rows"]] == ["no-call-changed-anything"]


@pytest.mark.parametrize(("command", "access"), [("Preview", "read"), ("Export", "read"), ("Up", "write")])
def test_the_engine_reads_when_it_plans(command: str, access: str) -> None:
    assert aws_calls.classify("pulumi", command, "us-east-2").access == access
