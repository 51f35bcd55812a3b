"""Approvals: a person allows a step. Also the end of a runbook that only plans.

In the sandbox the parameter `approval` is enough. On aws, and in the sandbox if `confirm` is not empty, a
person approves a plan: `confirm` must name the stack and its primary region, and the command

    drlib approve RUN_ID --plan HASH

must have approved exactly the plan that the runbook shows, with credentials of the same account; an approval
expires. Until then the verdict of the run is `pending-approval`. A running runbook never prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from drlib.core import aws_calls
from drlib.core.aws_calls import Recorder
from drlib.core.clock import Clock, iso
from drlib.core.errors import BadParameters, NotApproved, PlanShown, PreflightFailed, see
from drlib.parameters import Settings
from drlib.runs import journal
from drlib.runs.run import Run
from drlib.show.checklist import Check, Checks
from drlib.show.output import say

if TYPE_CHECKING:
    from drlib.target.base import Target

AWS = "aws"
VALID_MINUTES, LONGEST_MINUTES = 60, 24 * 60
SKEW_SECONDS = 300.0  # an approval that begins later than this from now: a clock was set back
ASKED, GIVEN = "plan shown", "plan approved"
# These parameters do not change what the step does, so they do not change the plan either.
NOT_PLANNED = ("approval", "confirm", "mode", "force_reason")
WALL = Clock()


@dataclass(frozen=True)
class Approval:
    """A person's approval of a step, which every step that changes something requires.

    `plan` is the hash of the approved plan, if the step needs one.
    """

    what: str
    phrase: str
    plan: str = ""

    def __str__(self) -> str:
        return f"Approved: {self.what} ({self.phrase})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def is_bound(settings: Settings) -> bool:
    """Return whether a plan must be approved: always on aws, in the sandbox if `confirm` is not empty."""
    return settings.target == AWS or bool(settings.confirm)


def approve(
    settings: Settings, what: str, *, here: Target | None = None, run: Run | None = None, plan: object = ""
) -> Approval:
    """Return the approval for a step. With `mode: plan`, end the runbook instead.

    Args:
        settings: those of the runbook.
        what: the step, in a few words.
        here, run: the target, and the run whose journal contains the plan.
        plan: the plan that was shown. Its `as_plan()`, or else its text, is approved. A plan whose `is_empty`
            is true needs no approval of its own.

    Raises:
        NotApproved: the approval is missing, is for another plan, or has expired. The remedy has the command.
        PlanShown: the parameter `mode` is `plan`: the plan was shown, and nothing was changed.
    """
    is_empty = bool(getattr(plan, "is_empty", False))
    if settings.plans and not is_empty:
        _end_of_plan(what, here, run)
    if settings.approval != settings.approval_phrase:
        given = f"{settings.approval!r}" if settings.approval else "empty"
        raise NotApproved(
            f"{what} is not approved: the parameter approval is {given}.",
            remedy=f"To go ahead, set approval to {settings.approval_phrase!r} and run again.",
        )
    if is_empty or not is_bound(settings):
        return Approval(what, settings.approval)
    if here is None or run is None:
        raise NotApproved(
            f"{what} is not approved: it needs an approval of its plan, which only the runbook shows.",
            remedy="Run the runbook of this step, and approve the plan that it shows.",
        )
    return _approved_plan(settings, what, here, run, plan)


def require(here: Target, approval: Approval) -> None:
    """Check the approval of a step before it begins.

    Raises:
        NotApproved: it is for another stack or target, or it lacks the plan that it needs.
    """
    wanted = here.settings.approval_phrase
    if approval.phrase != wanted:
        raise NotApproved(
            f"The approval is for {approval.phrase!r}, and not for {wanted!r}.",
            remedy="Request an approval with the parameters of this runbook.",
        )
    if here.settings.plans or (is_bound(here.settings) and not approval.plan):
        raise NotApproved(
            f"{approval.what} is not approved: its plan has no approval.",
            remedy="Run the runbook from its first cell: it shows the plan and the command to approve it.",
        )


def give(here: Target, run: Run, plan: str, *, minutes: int = VALID_MINUTES) -> str:
    """Approve a plan that a run has shown: write it to the run's journal, and return a sentence about it.

    Args:
        here: the target, with the approver's own credentials.
        run: the run.
        plan: the hash of the plan, or at least its first 12 digits.
        minutes: how long the approval is valid, 1 to 1440.

    Raises:
        BadParameters: the run has not shown this plan.
        NotApproved: the credentials belong to another account than those of the run.
    """
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise BadParameters(f"minutes must be from 1 to {LONGEST_MINUTES}, and is {minutes}.")
    shown = [line["detail"] for line in run.lines((ASKED,))]
    found = {one["plan"]: one for one in shown if len(plan) >= 12 and one["plan"].startswith(plan)}
    if len(found) != 1:
        raise BadParameters(
            f"The run {run.run_id} has shown no plan {plan!r}.",
            remedy="Copy the complete command that the runbook printed.",
        )
    (one,) = found.values()
    if one["identity"] != _identity(here, run):
        raise NotApproved(
            "The run that shows this plan uses credentials of another account than these.",
            remedy="Sign in to the account of the run, and approve again.",
        )
    until = WALL.now() + 60.0 * minutes
    detail = {"plan": one["plan"], "what": one["what"], "from_wall": WALL.now(), "until_wall": until}
    run.note(GIVEN, detail=detail)
    return f"Approved: {one['what']}, until {iso(until)}. Run the runbook, or resume the drill, again."


def _approved_plan(settings: Settings, what: str, here: Target, run: Run, plan: object) -> Approval:
    if settings.confirm != settings.confirmation:
        given = f"{settings.confirm!r}" if settings.confirm else "empty"
        raise NotApproved(
            f"{what} is not approved: the parameter confirm is {given}.",
            remedy=f"If you mean this stack, set confirm to {settings.confirmation!r} and run again.",
        )
    identity = _identity(here, run)
    digest = journal.sha256(journal.canonical(_planned(settings, what, run, plan, identity)))
    if not any(line["detail"]["plan"] == digest for line in run.lines((ASKED,))):
        run.note(ASKED, detail={"what": what, "plan": digest, "identity": identity})
    wrong = _missing(run, what, digest)
    if wrong:
        raise NotApproved(
            f"{what} is not approved: {wrong}.",
            remedy=f"Read the plan; `drlib approve {run.run_id} --plan {digest[:16]}`; then run this again.",
        )
    return Approval(what, settings.approval, digest)


def _missing(run: Run, what: str, digest: str) -> str:
    """Return the reason why the plan of a step is not approved now, or ""."""
    given = [line["detail"] for line in run.lines((GIVEN,)) if line["detail"]["what"] == what]
    mine = [one for one in given if one["plan"] == digest]
    if not mine:
        return "another plan was approved than the one above" if given else "nobody has approved this plan"
    begun, ends, now = mine[-1]["from_wall"], mine[-1]["until_wall"], WALL.now()
    if now > ends:
        return f"the approval of this plan ended at {iso(ends)}"
    if now < begun - SKEW_SECONDS:
        return f"the approval of this plan begins at {iso(begun)}, which is later than this machine's clock"
    return ""


def _planned(settings: Settings, what: str, run: Run, plan: object, identity: str) -> Mapping[str, Any]:
    """Return everything that the hash of a plan covers."""
    parameters = {name: value for name, value in settings.values().items() if name not in NOT_PLANNED}
    content = plan.as_plan() if hasattr(plan, "as_plan") else str(plan)
    facts = {"run_id": run.run_id, "runbook": run.runbook, "what": what, "identity": identity}
    return {**facts, "parameters": parameters, "plan": content}


def _identity(here: Target, run: Run) -> str:
    """Return a digest of the credentials' account. The call goes to the standby: the primary may be down."""
    try:
        with aws_calls.purpose("observe"):
            answer = here.client("sts", here.settings.standby_region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise PreflightFailed(
            f"The account of the credentials cannot be determined: {type(error).__name__}.",
            remedy="Sign in again, and retry.",
        ) from error
    return journal.sha256(f"{run.run_id} {answer['Account']}")


def _end_of_plan(what: str, here: Target | None, run: Run | None) -> None:
    """Check that nothing was changed, save the result, and end the runbook."""
    if here is not None and run is not None:
        proof = unchanged(here.calls)
        run.save(f"checks.{run.runbook}", {"rows": proof.as_dicts()})
        run.save(f"planes.{run.runbook}", {"calls": here.calls.rows()})
        proof.require()
    say(f"Planned: {what}. Nothing was changed: mode is plan, and the runbook ends here.")
    raise PlanShown


def unchanged(calls: Recorder) -> Checks:
    """Check in the recorded calls that nothing was changed in AWS."""
    rows = calls.rows()
    writes = [
        f"{row['service']} {row['operation']} in {row['region']}" for row in rows if row["access"] != "read"
    ]
    seen = f"{sum(row['count'] for row in rows)} calls, all of them read"
    wrong = f"{len(writes)} kinds of calls that write, such as {writes[0]}" if writes else ""
    check = Check(
        "no-call-changed-anything",
        "no call changed anything",
        "failed" if wrong else "passed",
        wrong or seen,
        f"See {see('only-planned')}.",
    )
    return Checks("Planned", (check,))
