"""Injects a fault, after it writes the file that restores it.

    planned = inject.plan(here)
    fault = inject.inject(here, deployment, run, approval)
    restore.restore(here, fault, run)

`restore` needs only this file (`drlib.faults.restore`). Three events end a fault: the restore, an
interruption of the injection, and the deadline. At the deadline the sandbox restores it, or a watchdog if
AWS calls made it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from drlib.core import aws_calls
from drlib.core.errors import StepFailed
from drlib.faults import actions, restore, scenario, watchdog
from drlib.faults.restore import Fault, Filed, pending
from drlib.faults.scenario import Scenario
from drlib.runs import steps
from drlib.runs.approval import require
from drlib.runs.run import DONE
from drlib.show.output import say

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.faults.actions import Act
    from drlib.runs.approval import Approval
    from drlib.runs.run import Run
    from drlib.target.base import Target


def plan(here: Target) -> Scenario:
    """Return the scenario that the parameters name. Raises BadParameters when it cannot run here."""
    return scenario.load(here.settings.scenario).require_target(here.name)


def inject(
    here: Target,
    deployment: Deployment,
    run: Run,
    approval: Approval,
    *,
    deadline_seconds: float | None = None,
) -> Fault:
    """Inject the fault of the scenario in `here.settings`, and return it.

    If the same fault is in force, it returns that fault. A run has only one fault: an interrupted measurement
    cannot continue. Undo: `restore`, or `drlib restore`.

    Args:
        here, deployment, run: as everywhere.
        approval: from `approval.approve`.
        deadline_seconds: time until it ends by itself, modelled; by default the scenario's.

    Raises:
        NotApproved: the approval is for another stack or target.
        BadParameters: the scenario cannot run on this target.
        StepFailed: another fault is in force, this run has had its fault, or the target cannot be broken.
    """
    require(here, approval)
    planned = plan(here)
    for other in pending(here):
        if (other.scenario, other.run_id) == (planned.name, run.run_id):
            aws_calls.assume(aws_calls.FAILOVER)
            say("inject: done earlier, verified: it is in force.")
            return other
        raise StepFailed(
            f"A fault is in force already: {other}.", remedy="Run `drlib restore` first.", region=other.region
        )
    if spent(run):
        raise StepFailed(
            "This run has had its fault: a second one would not be measured by it.",
            remedy="Run 40-failback, which counts this run's payments; after it, a drill is a new run.",
            region=deployment.primary_region,
        )
    steps.skipped(run, steps.INJECT, wrong="nothing is broken by it")
    seconds = planned.deadline_seconds if deadline_seconds is None else deadline_seconds
    fault_id = _name(run, planned.name)
    with aws_calls.purpose(restore.PURPOSE):
        acts = actions.acts(here, deployment, planned, fault_id)
    filed = _intended(here, deployment, planned, run, acts, fault_id=fault_id, seconds=seconds)
    run.save("scenario", planned)
    with run.step(
        steps.INJECT, mutating=True, resource=filed.fault.region, detail=filed.fault.as_dict()
    ) as step:
        filed.write()
        fault = _act(here, filed, acts, seconds).fault
        step.detail.update(fault.as_dict())
    run.save("fault", fault)
    # Until the restore nothing may need a control plane: a call that nobody declared counts against the run.
    aws_calls.assume(aws_calls.FAILOVER)
    return fault


def spent(run: Run) -> bool:
    """Return whether this runbook's fault has come into force in this run, or may have: it has but one.

    One that was undone at once, or was cut off before its file said how it is mended, has broken nothing.
    """
    ended = steps.earlier(run, steps.INJECT)
    meant = restore.folder() / f"{_name(run, run.settings.scenario)}.json"
    return ended == DONE or (ended == steps.CUT and meant.exists())


def _name(run: Run, scenario_name: str) -> str:
    return f"{run.run_id}-{scenario_name}".lower()


def _act(here: Target, filed: Filed, acts: list[Act], seconds: float) -> Filed:
    """Perform every order; after an interruption undo all, because the progress is unknown."""
    try:
        if filed.needs_watchdog:
            watchdog.start(filed.fault.fault_id)
        with aws_calls.purpose(restore.PURPOSE):
            began = [
                restore.perform(here, order, deadline_seconds=seconds) for act in acts for order in act.do
            ]
    except BaseException:
        with contextlib.suppress(StepFailed, ClientError, BotoCoreError):
            restore.mend(here, filed)
        raise
    at = min(began)
    return filed.marked(state="in force", at=at, deadline=at + seconds)


def _intended(
    here: Target,
    deployment: Deployment,
    planned: Scenario,
    run: Run,
    acts: list[Act],
    *,
    fault_id: str,
    seconds: float,
) -> Filed:
    now = here.clock.now()
    in_standby = getattr(planned.faults[0], "where", "") == "standby" and not planned.moves
    fault = Fault(
        fault_id=fault_id,
        scenario=planned.name,
        region=deployment.standby_region if in_standby else deployment.primary_region,
        what="; ".join(act.summary for act in acts),
        at=now,
        deadline=now + seconds,
        target=here.name,
        instance_id=here.instance_id,
        run_id=run.run_id,
        state="intended",
    )
    return Filed(fault, tuple(order for act in acts for order in act.undo), here.settings.values())
