"""Faults: scenarios as data, injection with a way back written down first, and the restore.

    fault = faults.inject(here, deployment, run, approval)
    faults.restore(here, fault, run)

Before anything is broken, a file says how it is mended; `restore` needs nothing but that file. Three things
end a fault: the restore, an interruption of the injection, and the deadline, at which the sandbox heals by
itself whatever became of the runbook.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drlib import planes, show
from drlib import settings as parameters
from drlib.errors import BadParameters, NotApproved, StepFailed

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.journal import Approval, Run
    from drlib.target import Target

State = Literal["intended", "in force", "restored"]
DEADLINE_SECONDS = 900.0  # modelled: several times any failover that could still pass


@dataclass(frozen=True)
class Scenario:
    """What is broken in a drill, and what is expected to follow (the hypothesis, stated beforehand)."""

    name: str
    title: str
    role: Literal["primary", "standby"]
    hypothesis: tuple[str, ...]
    deadline_seconds: float = DEADLINE_SECONDS

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.title}", *(f"  - {line}" for line in self.hypothesis)])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        rows = [(number, line) for number, line in enumerate(self.hypothesis, start=1)]
        table = show.Table(("", "expected"), rows, title=f"{self.name}: {self.title}")
        return {"text/plain": str(self), "text/html": table.html()}


SCENARIOS = (
    Scenario(
        name="region-outage",
        title="the primary region answers nothing: no payments, no health checks, no AWS API, no replication",
        role="primary",
        hypothesis=(
            "Route 53 turns the public name to the standby, and no control plane is called for it.",
            "Clients that obey the TTL are served again within the RTO target.",
            "No acknowledged payment is lost once the region is back; those that are missing at takeover lie "
            "within the RPO target.",
            "A payment is settled twice only if the primary had settled it and the standby could not know.",
            "Traffic stays on the standby when the region comes back.",
        ),
    ),
)


def scenarios() -> tuple[Scenario, ...]:
    """Return all scenarios."""
    return SCENARIOS


def scenario(name: str) -> Scenario:
    """Return the scenario of this name. Raises BadParameters when there is none."""
    for known in SCENARIOS:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in SCENARIOS)
    raise BadParameters(f"scenario must be one of {names}, and is {name!r}.")


@dataclass(frozen=True)
class Fault:
    """A fault, from its intention to its restore. Instants are modelled seconds since the epoch.

    `at` is when it came into force. At `deadline`, the sandbox heals by itself.
    """

    fault_id: str
    scenario: str
    region: str
    mode: str
    at: float
    deadline: float
    target: str
    instance_id: str
    run_id: str
    state: State
    restored_at: float | None = None

    def __str__(self) -> str:
        return f"{self.scenario}: {self.region} ({self.mode}), {self.state}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        left = f", heals by itself {self.deadline - self.at:.0f} s after it began"
        detail = "" if self.state == "restored" else left
        return {"text/plain": str(self), "text/html": f"<b>{self}</b>{detail}"}

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def inject(here: Target, deployment: Deployment, run: Run, approval: Approval) -> Fault:
    """Break what the scenario of `here.settings` says, and return the fault.

    Called again while the same fault is in force, it returns that one. Undo: `restore`, or `drlib restore`.

    Raises:
        NotApproved: the approval is for another stack or target.
        StepFailed: another fault is in force, or the target cannot be broken.
    """
    if approval.phrase != here.settings.approval_phrase:
        raise NotApproved(
            f"The fault is approved for {approval.phrase!r}, and not for {here.settings.approval_phrase!r}.",
            remedy="Ask for an approval with this runbook's own parameters.",
        )
    plan = scenario(here.settings.scenario)
    region = deployment.primary_region if plan.role == "primary" else deployment.standby_region
    for other in pending(here):
        if (other.scenario, other.region, other.run_id) == (plan.name, region, run.run_id):
            planes.assume(planes.FAILOVER)
            return other
        raise StepFailed(
            f"A fault is in force already: {other}.", remedy="Run `drlib restore` first.", region=other.region
        )
    fault = _intended(here, plan, region, run)
    with run.step("inject", mutating=True, resource=region, detail=fault.as_dict()) as step:
        _write(fault)
        try:
            with planes.purpose("fault"):
                told = here.inject(region, mode=fault.mode, deadline_seconds=plan.deadline_seconds)
        except BaseException:  # an interruption too: nobody knows whether the fault is in force
            with planes.purpose("fault"), contextlib.suppress(StepFailed):
                here.restore(region)
                _write(replace(fault, state="restored", restored_at=here.clock.now()))
            raise
        fault = replace(fault, at=float(told["at"]), deadline=float(told["deadline"]), state="in force")
        _write(fault)
        step.detail.update(fault.as_dict())
    run.save("fault", fault)
    # Until the restore nothing may need a control plane: a call that nobody declared counts against the run.
    planes.assume(planes.FAILOVER)
    return fault


def restore(here: Target, fault: Fault, run: Run | None = None) -> Fault:
    """Mend what the fault broke, and return the restored fault. Mending twice is no error."""
    planes.assume()
    if fault.state == "restored":
        return fault
    step = run.step("restore", mutating=True, resource=fault.region) if run else contextlib.nullcontext()
    with step, planes.purpose("fault"):
        told = here.restore(fault.region)
    healed = replace(fault, state="restored", restored_at=float(told["at"]))
    _write(healed)
    if run and run.run_id == fault.run_id:
        run.save("fault", healed)
    return healed


def pending(here: Target) -> list[Fault]:
    """Return the faults that were meant and not restored, and whose deadline has not passed."""
    found = [_read(file) for file in sorted(_folder().glob("*.json"))]
    now = here.clock.now()
    return [
        fault
        for fault in found
        if fault.state != "restored" and fault.deadline > now and fault.instance_id == here.instance_id
    ]


@contextlib.contextmanager
def injected(here: Target, deployment: Deployment, run: Run, approval: Approval) -> Iterator[Fault]:
    """Keep a fault in force while the block lasts, and restore it however the block ends."""
    fault = inject(here, deployment, run, approval)
    try:
        yield fault
    finally:
        restore(here, fault, run)


def from_dict(data: dict[str, Any]) -> Fault:
    """Make a fault from what `as_dict` gave, such as `run.load("fault")`."""
    return Fault(**data)


def _intended(here: Target, plan: Scenario, region: str, run: Run) -> Fault:
    now = here.clock.now()
    return Fault(
        fault_id=f"{run.run_id}-{plan.name}",
        scenario=plan.name,
        region=region,
        mode=here.settings.outage_mode,
        at=now,
        deadline=now + plan.deadline_seconds,
        target=here.name,
        instance_id=here.instance_id,
        run_id=run.run_id,
        state="intended",
    )


def _folder() -> Path:
    """Return where the files are: beside the sandbox's folders, so that one outlives a sandbox that died."""
    return parameters.home() / ".drlib" / "faults"


def _write(fault: Fault) -> None:
    """Write the fault's file whole or not at all."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{fault.fault_id}.part"
    draft.write_text(json.dumps(fault.as_dict(), indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / f"{fault.fault_id}.json")


def _read(file: Path) -> Fault:
    return from_dict(json.loads(file.read_text(encoding="utf-8")))
