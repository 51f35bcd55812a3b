"""The verbs on the stack: plan, drift, up, current, destroy, leftovers.

Every verb uses the Pulumi engine, on both targets, and can be run again at any time. A failed or interrupted
verb keeps the finished resources in the state; the next run continues.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from drlib import parameters
from drlib.core.errors import StepFailed
from drlib.deployed import stored_outputs
from drlib.deployed.deployment import Deployment
from drlib.runs import steps
from drlib.runs.approval import require
from drlib.show.output import Progress
from drlib.stack import engine
from drlib.stack.leftovers import Leftovers, find
from drlib.stack.plan import Plan

if TYPE_CHECKING:
    from drlib.runs.approval import Approval
    from drlib.runs.run import Run
    from drlib.target.base import Target

DRILL = "drill"
SERVICES = (
    "acm", "apigatewayv2", "cloudwatch", "dynamodb", "ec2", "iam", "lambda_", "route53", "s3", "sns", "sqs",
    "vpc",
)  # fmt: skip


def warm_up() -> threading.Thread:
    """Import the modules of a program in a thread, to save seconds later. Safe to call twice."""

    def load() -> None:
        for service in SERVICES:
            importlib.import_module(f"pulumi_aws.{service}")
        importlib.import_module("drlib.stack.program.program")
        importlib.import_module("pulumi.automation")

    thread = threading.Thread(target=load, name="warm-up", daemon=True)
    thread.start()
    return thread


def plan(here: Target) -> Plan:
    """Return what `up` would do, compared with the real resources in AWS. Changes nothing.

    Raises:
        StepFailed: the engine, or the provider, refuses the program; the message names the resource.
    """
    return _preview(here, "Plan")


def drift(here: Target) -> Plan:
    """Return what `up` would do to undo changes from outside. Changes nothing.

    Raises:
        StepFailed: nothing is deployed.
    """
    found = _preview(here, "Drift")
    if found.creates == len(found.resources):
        raise _nothing(here)
    return found


def up(here: Target, approval: Approval, *, plan: Plan | None = None, run: Run | None = None) -> Deployment:
    """Create missing resources in AWS, and update different ones.

    Undo: `destroy`. Interrupted or failed, run it again. If this run has done it and the plan has no change,
    the engine is not started again.

    Args:
        here: where.
        approval: from `approval.approve`.
        plan: what `plan` returned; tells the progress bar how much there is to do.
        run: the run whose journal has the step.

    Raises:
        NotApproved: the approval is for another stack or target.
        StepFailed: AWS refused something; the message names the resource and has AWS's own words.
    """
    require(here, approval)
    if run and plan:
        changes = len(plan.changes)
        wrong = f"{changes} of {len(plan.resources)} resources are not as planned" if changes else ""
        if steps.skipped(run, steps.DEPLOY, wrong=wrong):
            return current(here)
    with _step(here, run, steps.DEPLOY) as step:
        total = len(plan.resources) if plan else 0
        with Progress("Deploy", total=total) as bar, engine.open(here, _program(here)) as session:
            session.run("up", watch=_show(bar), refresh=True)
        here.record_deployed(here.settings.suffix)
        deployed = current(here)
        stored_outputs.keep(here, deployed)
        step["resources"] = deployed.resource_count
    return deployed


def current(here: Target) -> Deployment:
    """Return the deployed stack from its outputs. Reads the state only, nothing in AWS.

    Raises:
        StepFailed: the stack is not deployed, or not completely.
    """
    found = engine.state(here)
    resources = found.get("resources", [])
    outputs: dict[str, Any] = next(
        (item.get("outputs", {}) for item in resources if item["type"] == "pulumi:pulumi:Stack"), {}
    )
    count = sum(item["type"].startswith("aws:") for item in resources)
    if not count:
        raise _nothing(here)
    try:
        return Deployment.from_outputs(outputs, resource_count=count)
    except KeyError:
        raise StepFailed(
            f"The stack is not whole: {count} resources are there, and its outputs are not.",
            remedy="Run 10-deploy again: it makes what is missing.",
            resource=here.settings.suffix,
        ) from None


def destroy(here: Target, approval: Approval, *, run: Run | None = None) -> None:
    """Delete all resources of the stack, including the data. There is no undo. An empty stack is no error.

    `run` is the run whose journal has the step.

    Raises:
        NotApproved: the approval is for another stack or target.
        StepFailed: the data is protected, or AWS refused something.
    """
    require(here, approval)
    state = engine.state(here)
    count = sum(item["type"].startswith("aws:") for item in state.get("resources", []))
    wrong = f"{count} resources are in the stack's state" if count else ""
    if run and steps.skipped(run, steps.DESTROY, wrong=wrong):
        return
    with _step(here, run, steps.DESTROY) as step:
        if count:
            _require_unprotected(here, state)
            with Progress("Destroy", total=count) as bar, engine.open(here, checkpoints=False) as session:
                session.run("destroy", watch=_show(bar))
                session.remove()
        engine.clean(here)
        here.forget_deployed()
        step["resources"] = count


def leftovers(here: Target) -> Leftovers:
    """List the resources that are left of the stack, whatever the state says."""
    return find(here)


def protects_data(here: Target) -> bool:
    """Whether the data is protected against deletion: on a live stack, unless it is for drills."""
    return here.origin == "live" and not here.settings.suffix.startswith(DRILL)


@contextlib.contextmanager
def _step(here: Target, run: Run | None, name: str) -> Iterator[dict[str, Any]]:
    """Keep a step of a run, if there is one; what is put into the block's value is stored with its end."""
    if run is None:
        yield {}
        return
    with run.step(name, mutating=True, resource=here.settings.suffix) as step:
        yield step.detail


def _program(here: Target) -> Callable[[], None]:
    from drlib.stack.program import package, program

    code = package.build(parameters.home() / ".drlib" / "build")
    return program.build(here.settings, code=code, protect_data=protects_data(here))


def _preview(here: Target, title: str) -> Plan:
    with engine.open(here, _program(here)) as session:
        steps = session.preview(refresh=True)
    return Plan(title, tuple(steps.resources[urn] for urn in sorted(steps.resources)))


def _show(bar: Progress) -> engine.Watch:
    return lambda done, name: bar.update(count=done, phase=name)


def _nothing(here: Target) -> StepFailed:
    what = here.gone_deployment() or "Nothing is deployed."
    return StepFailed(what, remedy="Run 10-deploy.", resource=here.settings.suffix)


def _require_unprotected(here: Target, state: dict[str, Any]) -> None:
    """Raise before the first deletion if the table is protected, not in the middle of the deletion."""
    table = next((item for item in state["resources"] if item["type"] == "aws:dynamodb/table:Table"), None)
    if table is None or not table["inputs"].get("deletionProtectionEnabled"):
        return
    settings, name = here.settings, table["inputs"]["name"]
    for region in (settings.primary_region, settings.standby_region):
        found = here.client("dynamodb", region).describe_table(TableName=name)["Table"]
        if found.get("DeletionProtectionEnabled"):
            raise StepFailed(
                f"The table {name} is protected against deletion.",
                remedy="Turn its protection off in both regions, empty the receipts buckets, and run again.",
                region=region,
                resource=name,
            )
