"""Actions and probes for the Chaos Toolkit: what an exported experiment calls (`drlib.interchange`).

Each is a plain function of plain values, as its python provider wants. They act on the stack that is deployed
already; `file` names the parameters, as on the command line, and without it those of the open run hold, or
the defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drlib import checks, faults, journal, planes, probes, runner, stack, switch, target
from drlib import settings as parameters
from drlib.checks.payment import pay
from drlib.deployment import Deployment
from drlib.errors import DrError, StepFailed
from drlib.target import Target

ROLES = ("primary", "standby")
BETWEEN_LOOKS_SECONDS = 2.0


def inject(scenario: str, file: str = "", deadline_seconds: float | None = None) -> dict[str, Any]:
    """Break what a scenario says, if the stack is ready for a drill. Returns the fault.

    Raises NotApproved, BadParameters, PreflightFailed, or StepFailed.
    """
    planned = faults.scenario(scenario)
    chosen = parameters.make(_values(file) | {"scenario": planned.name})
    planned.require_target(chosen.target)
    here = target.open(chosen, start=False)
    deployment = stack.current(here)
    checks.drill_ready(here, deployment).require()
    run = journal.join(chosen, "game-day", here, unfinished=True)
    approval = journal.approve(chosen, f"the fault {scenario}", here=here, run=run, plan=planned)
    return faults.inject(here, deployment, run, approval, deadline_seconds=deadline_seconds).as_dict()


def fail_over(reason: str, file: str = "") -> dict[str, Any]:
    """Set the latch, as an operator does who has decided so. Returns the latch. Undo: 40-failback."""
    here = _here(file)
    run = journal.join(here.settings, "game-day", here)
    approval = journal.approve(here.settings, "the failover", here=here, run=run, plan=reason)
    return switch.set(here, stack.current(here), run, approval, reason=reason).as_dict()


def restore() -> list[str]:
    """End every fault that is in force, and return a line for each."""
    found = [f"{fault.region} ({fault.scenario})" for fault in faults.restore_all(journal.current())]
    return found + runner.restore(_here(""), journal.current())


def runbook(name: str, file: str = "") -> str:
    """Run a runbook headless, and return the path of the executed notebook."""
    return str(runner.run(name, _values(file), say=lambda _: None))


def serves(file: str = "") -> bool:
    """Tell whether a payment under the public name is taken, by whichever region serves."""
    here = _here(file)
    return _served_by(here, stack.current(here)) != ""


def served_by(role: str, within_seconds: float, file: str = "") -> float:
    """Wait until a region serves payments under the public name, and return how long that took, from here on.

    That is no RTO: the name is resolved anew each time, and no client's cache is waited for.

    Args:
        role: `primary` or `standby`.
        within_seconds: modelled, and how long to wait at most.

    Raises StepFailed when it did not come to that.
    """
    here = _here(file)
    deployment = stack.current(here)
    region = _region(deployment, role)
    start = here.clock.now()

    def served() -> bool:
        return _served_by(here, deployment) == region

    if not here.clock.wait_until(served, timeout=within_seconds, poll=BETWEEN_LOOKS_SECONDS):
        raise StepFailed(
            f"{region} does not serve after {within_seconds:g} s.", region=region, entry="stages"
        )
    return round(here.clock.now() - start, 1)


def stays_with(role: str, for_seconds: float, file: str = "") -> bool:
    """Watch for a while (modelled seconds), and tell whether the public name led to that region alone."""
    here = _here(file)
    deployment = stack.current(here)
    region = _region(deployment, role)
    with planes.purpose("observe"):
        left = here.clock.wait_until(
            lambda: probes.public_answer(here, deployment) != region,
            timeout=for_seconds,
            poll=BETWEEN_LOOKS_SECONDS,
        )
    return not left


def _served_by(here: Target, deployment: Deployment) -> str:
    """Return the region that takes a payment now; "" if none does."""
    try:
        with planes.purpose("observe"):
            reply = pay(here, deployment)
    except (DrError, OSError):
        return ""
    return str(reply.body.get("region", "")) if reply.status == 201 else ""


def _region(deployment: Deployment, role: str) -> str:
    if role not in ROLES:
        raise StepFailed(f"role must be {' or '.join(ROLES)}, and is {role!r}.")
    return deployment.primary_region if role == "primary" else deployment.standby_region


def _values(file: str) -> dict[str, Any]:
    if file:
        return parameters.read(Path(file))
    run = journal.current()
    return run.settings.values() if run else {}


def _here(file: str) -> Target:
    return target.open(parameters.make(_values(file)), start=False)
