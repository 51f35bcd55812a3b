"""Restores a fault from its file, which is written before the injection.

Files are in `.drlib/faults/`, outside the sandbox's folders, so that they outlive a sandbox. Each contains
the fault, the orders that undo it (`drlib.faults.actions`), and the parameters of the run. Nothing else is
needed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from drlib import parameters, target
from drlib.core import aws_calls, files
from drlib.core.errors import SandboxError, StepFailed
from drlib.runs import steps
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.faults.actions import Order
    from drlib.runs.run import Run
    from drlib.target.base import Target

State = Literal["intended", "in force", "restored"]
PURPOSE = "fault"
WITHDRAW_SECONDS = 120.0  # a deferred message comes back within half a minute, one that failed within one
WITHDRAW_POLL_SECONDS = 2.0
MOST_AT_ONCE = 10  # SQS API Reference, ReceiveMessage: MaxNumberOfMessages


@dataclass(frozen=True)
class Fault(Shown):
    """A fault, from its intention to its restore. Instants are modelled seconds since the epoch.

    `at` is when it came into force. At `deadline`, it heals by itself. `what` says what is broken, in words.
    """

    fault_id: str
    scenario: str
    region: str
    what: str
    at: float
    deadline: float
    target: str
    instance_id: str
    run_id: str
    state: State
    restored_at: float | None = None

    def __str__(self) -> str:
        return f"{self.scenario}: {self.what}, {self.state}"

    def html(self) -> str:
        left = f", heals by itself {self.deadline - self.at:.0f} s after it began"
        detail = "" if self.state == "restored" else left
        return f"<b>{self}</b>{detail}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Filed:
    """What a fault's file holds: the fault, the orders that undo it, and the parameters of its run."""

    fault: Fault
    undo: tuple[Order, ...]
    parameters: Mapping[str, Any]

    @property
    def needs_watchdog(self) -> bool:
        """Whether a watchdog must undo it at the deadline; the sandbox undoes its own impairments."""
        return any(order["do"] != "heal" for order in self.undo)

    def write(self) -> Filed:
        """Write the file whole or not at all; return itself."""
        content = {
            "fault": self.fault.as_dict(),
            "undo": list(self.undo),
            "parameters": dict(self.parameters),
        }
        files.write(folder() / f"{self.fault.fault_id}.json", json.dumps(content, indent=1) + "\n")
        return self

    def marked(self, **changes: Any) -> Filed:
        """Return it with a fault that has changed, written down."""
        return replace(self, fault=replace(self.fault, **changes)).write()


def folder() -> Path:
    """Return where the files are."""
    return parameters.home() / ".drlib" / "faults"


def read(fault_id: str) -> Filed:
    """Return what a fault's file holds. Raises StepFailed when there is none, or one of an older form."""
    try:
        found = json.loads((folder() / f"{fault_id}.json").read_text(encoding="utf-8"))
        return Filed(Fault(**found["fault"]), tuple(found["undo"]), found["parameters"])
    except (FileNotFoundError, KeyError):
        raise StepFailed(f"There is no file of the fault {fault_id}.", resource=fault_id) from None


def place(filed: Filed) -> Target:
    """Return where a fault is, by its file alone. Raises SandboxError when no sandbox runs there."""
    return target.open(parameters.make(dict(filed.parameters)), start=False)


def open_files() -> list[Filed]:
    """Return every fault that is not restored, of any target, oldest first."""
    found: list[Filed] = []
    for file in folder().glob("*.json"):
        with contextlib.suppress(StepFailed):  # one of an older form, or taken away meanwhile
            found.append(read(file.stem))
    return sorted((one for one in found if one.fault.state != "restored"), key=lambda one: one.fault.at)


def is_pending(here: Target, filed: Filed) -> bool:
    """Return whether a fault may be in force here. After its deadline too, if its watchdog may have died."""
    fault = filed.fault
    alive = filed.needs_watchdog or fault.deadline > here.clock.now()
    return fault.state != "restored" and fault.instance_id == here.instance_id and alive


def mend(here: Target, filed: Filed) -> Filed:
    """Undo all orders, the last first, and write the result. A second call is no error.

    Raises StepFailed when a part could not be undone; the others are.
    """
    failed: list[str] = []
    with aws_calls.purpose(PURPOSE):
        for order in reversed(filed.undo):
            try:
                perform(here, order, deadline_seconds=0.0)
            except (StepFailed, ClientError, BotoCoreError) as error:
                failed.append(f"{_named(order)}: {error}")
    if failed:
        raise StepFailed(
            f"Not everything could be restored. {' '.join(failed)}",
            remedy="Run `drlib restore` again.",
            region=filed.fault.region,
        )
    return filed.marked(state="restored", restored_at=here.clock.now())


def perform(here: Target, order: Order, *, deadline_seconds: float) -> float:
    """Carry out an order, and return when it took effect, modelled seconds since the epoch."""
    at = here.clock.now()
    match order["do"]:
        case "inject":
            done = here.inject(order["region"], mode=order["mode"], deadline_seconds=deadline_seconds)
            return float(done["at"])
        case "impair":
            done = here.impair(order["name"], order["order"], deadline_seconds=deadline_seconds)
            return float(done["at"])
        case "heal":
            return float(here.restore(order["name"])["at"])
        case "call":
            client = here.client(order["service"], order["region"])
            getattr(client, order["operation"])(**order["parameters"])
        case "withdraw":
            _withdraw(here, order)
        case other:
            raise StepFailed(f"{other!r} is an unknown order.")
    return at


def _withdraw(here: Target, order: Order) -> None:
    """Delete the marked messages of the queues, and return other messages at once.

    A receive counts as a delivery, so it reads the dead-letter queue first, and the work queue only if
    messages are still missing.
    """
    sqs = here.client("sqs", order["region"])
    gone: set[str] = set()

    def look(url: str) -> None:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=MOST_AT_ONCE, VisibilityTimeout=30)
        for message in got.get("Messages", []):
            handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
            if order["mark"] in message["Body"]:
                sqs.delete_message(**handle)
                gone.add(message["Body"])
            else:
                with contextlib.suppress(ClientError):  # somebody else has settled it meanwhile
                    sqs.change_message_visibility(**handle, VisibilityTimeout=0)

    wanted = int(order["messages"])

    def done() -> bool:
        for url in order["queues"]:
            if len(gone) < wanted:
                look(url)
        return len(gone) >= wanted

    if not here.clock.wait_until(done, timeout=WITHDRAW_SECONDS, poll=WITHDRAW_POLL_SECONDS):
        waiting = sum(_depth(sqs, url) for url in order["queues"])
        if waiting:
            raise StepFailed(
                f"{wanted - len(gone)} of {wanted} messages were not found, and "
                f"{waiting} messages are in the queues."
            )


def _depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found.get(name, 0)) for name in names)


def _named(order: Order) -> str:
    return str(order.get("name") or order.get("operation") or order["do"])


def restore(here: Target, fault: Fault, run: Run | None = None) -> Fault:
    """Restore a fault and return it. A second restore is no error."""
    aws_calls.assume()
    if fault.state == "restored":
        return fault
    filed = read(fault.fault_id)
    if filed.fault.state != "restored":
        with contextlib.ExitStack() as step:
            with contextlib.suppress(StepFailed):  # a journal that cannot be written keeps nothing broken
                if run:
                    step.enter_context(run.step(steps.RESTORE, mutating=True, resource=fault.region))
            filed = mend(here, filed)
    if run and run.run_id == fault.run_id:
        run.save("fault", filed.fault)
    return filed.fault


def restore_all(run: Run | None = None) -> list[Fault]:
    """Restore every fault that has a file, and return the faults. It needs only the files.

    It skips the faults of a sandbox that no longer runs.
    """
    found = []
    for filed in open_files():
        with contextlib.suppress(SandboxError):
            here = place(filed)
            if is_pending(here, filed):
                found.append(restore(here, filed.fault, run))
    return found


def pending(here: Target) -> list[Fault]:
    """Return the faults that are not restored and may still be in force here."""
    return [filed.fault for filed in open_files() if is_pending(here, filed)]


def from_dict(data: dict[str, Any]) -> Fault:
    """Return the fault from the result of `as_dict`, such as `run.load("fault")`."""
    return Fault(**data)
