"""A person's word that an act may be done, and the end of a runbook that only plans.

In the sandbox the parameter `approval` is enough. On aws, and in the sandbox where `confirm` says anything,
a plan is approved, not a runbook: `confirm` must name the stack and its primary region, and

    drlib approve RUN_ID --plan HASH

must have been run, by credentials of the same account, for the very plan that the runbook shows again, and
not too long ago. Until then the run is `pending-approval`. Nobody is ever asked while a runbook runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

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

AWS = "aws"
VALID_MINUTES, LONGEST_MINUTES = 60, 24 * 60
SKEW_SECONDS = 300.0  # an approval that seems to be of a later hour than this: a clock was set back
ASKED, GIVEN = "plan shown", "plan approved"
# Who may act and how, not what is done: changing these does not make it another plan.
NOT_PLANNED = ("approval", "confirm", "mode", "force_reason")
WALL = Clock()


class Here(Protocol):
    """What an approval needs to know of a target."""

    settings: Settings
    calls: Recorder

    def client(self, service: str, region: str) -> Any:
        """Return a boto3 client."""


@dataclass(frozen=True)
class Approval:
    """A person's word that an act may be done. Acts that change anything ask for one.

    `plan` is the hash of the plan that was approved, where one has to be.
    """

    what: str
    phrase: str
    plan: str = ""

    def __str__(self) -> str:
        return f"Approved: {self.what} ({self.phrase})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def is_bound(settings: Settings) -> bool:
    """Return whether it is a plan that has to be approved: always on aws, elsewhere if `confirm` is given."""
    return settings.target == AWS or bool(settings.confirm)


def approve(
    settings: Settings, what: str, *, here: Here | None = None, run: Run | None = None, plan: object = ""
) -> Approval:
    """Return the approval for an act, if there is one. With `mode: plan`, the runbook ends here instead.

    Args:
        settings: of the runbook.
        what: the act, in a few words.
        here, run: where, and the run that the plan is written down in.
        plan: what was shown; its text is what is approved, or what its `as_plan()` returns. If its `is_empty`
            says that there is nothing to do, nobody has to approve it.

    Raises:
        NotApproved: there is none, it is for another plan, or it has ended. It names the command.
        PlanShown: the parameter `mode` is `plan`: everything was shown, and nothing was changed.
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
            f"{what} is not approved: here it needs an approval of its plan, which a runbook shows.",
            remedy="Run the runbook that does this, and approve the plan that it shows.",
        )
    return _bound(settings, what, here, run, plan)


def require(here: Here, approval: Approval) -> None:
    """Stop an act whose approval is for another stack or target, or of no plan where one is needed.

    Raises:
        NotApproved: it is.
    """
    wanted = here.settings.approval_phrase
    if approval.phrase != wanted:
        raise NotApproved(
            f"This is approved for {approval.phrase!r}, and not for {wanted!r}.",
            remedy="Ask for an approval with this runbook's own parameters.",
        )
    if here.settings.plans or (is_bound(here.settings) and not approval.plan):
        raise NotApproved(
            f"{approval.what} is not approved: no plan of it was.",
            remedy="Run the runbook from its first cell: it shows the plan, and says how it is approved.",
        )


def give(here: Here, run: Run, plan: str, *, minutes: int = VALID_MINUTES) -> str:
    """Approve a plan that a run has shown, and return a sentence. It is written into the run's journal.

    Args:
        here: the target, with the approver's own credentials.
        run: the run.
        plan: the hash of the plan, or enough of its beginning.
        minutes: for how long it is good, 1 to 1440.

    Raises:
        BadParameters: the run has shown no such plan.
        NotApproved: the credentials are of another account than those that the plan was shown to.
    """
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise BadParameters(f"minutes must be from 1 to {LONGEST_MINUTES}, and is {minutes}.")
    shown = [line["detail"] for line in run.lines((ASKED,))]
    found = {one["plan"]: one for one in shown if len(plan) >= 12 and one["plan"].startswith(plan)}
    if len(found) != 1:
        raise BadParameters(
            f"The run {run.run_id} has shown no plan {plan!r}.",
            remedy="Copy the whole command that the runbook printed.",
        )
    (one,) = found.values()
    if one["identity"] != _identity(here, run):
        raise NotApproved(
            "The plan was shown to credentials of another account than these.",
            remedy="Sign in to the account that the run is about, and approve again.",
        )
    until = WALL.now() + 60.0 * minutes
    detail = {"plan": one["plan"], "what": one["what"], "from_wall": WALL.now(), "until_wall": until}
    run.note(GIVEN, detail=detail)
    return f"Approved: {one['what']}, until {iso(until)}. Run the runbook, or resume the drill, again."


def _bound(settings: Settings, what: str, here: Here, run: Run, plan: object) -> Approval:
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
    """Return a clause on why the plan of an act is not approved now, or ""."""
    given = [line["detail"] for line in run.lines((GIVEN,)) if line["detail"]["what"] == what]
    mine = [one for one in given if one["plan"] == digest]
    if not mine:
        return "another plan was approved than the one above" if given else "nobody has approved this plan"
    begun, ends, now = mine[-1]["from_wall"], mine[-1]["until_wall"], WALL.now()
    if now > ends:
        return f"the approval of this plan ended at {iso(ends)}"
    if now < begun - SKEW_SECONDS:
        return f"the approval of this plan is of {iso(begun)}, which is later than this machine's clock"
    return ""


def _planned(settings: Settings, what: str, run: Run, plan: object, identity: str) -> Mapping[str, Any]:
    """Return everything that is approved: change any of it, and it is another plan."""
    parameters = {name: value for name, value in settings.values().items() if name not in NOT_PLANNED}
    content = plan.as_plan() if hasattr(plan, "as_plan") else str(plan)
    return {
        "run_id": run.run_id,
        "runbook": run.runbook,
        "what": what,
        "identity": identity,
        "parameters": parameters,
        "plan": content,
    }


def _identity(here: Here, run: Run) -> str:
    """Return a digest of the account that the credentials are of. The standby is asked: it is there."""
    try:
        with aws_calls.purpose("observe"):
            answer = here.client("sts", here.settings.standby_region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise PreflightFailed(
            f"Whose credentials these are cannot be told: {type(error).__name__}.",
            remedy="Sign in again, and retry.",
        ) from error
    return journal.sha256(f"{run.run_id} {answer['Account']}")


def _end_of_plan(what: str, here: Here | None, run: Run | None) -> None:
    """Show and keep the proof that nothing was changed, and end the runbook."""
    if here is not None and run is not None:
        proof = unchanged(here)
        run.save(f"checks.{run.runbook}", {"rows": proof.as_dicts()})
        run.save(f"planes.{run.runbook}", {"calls": here.calls.rows()})
        proof.require()
    say(f"Planned: {what}. Nothing was changed: mode is plan, and the runbook ends here.")
    raise PlanShown


class Calls(Protocol):
    """A target whose calls are recorded."""

    calls: Recorder


def unchanged(here: Calls) -> Checks:
    """Check, by the recorded calls, that nothing was changed in AWS."""
    rows = here.calls.rows()
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
