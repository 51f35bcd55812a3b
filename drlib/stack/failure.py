"""The errors of the engine, as one sentence with the resource, the message of AWS and the remedy."""

from __future__ import annotations

import re

from drlib.core.errors import StepFailed
from drlib.stack.events import Steps, plain

LOCK_HOLDER = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")
EXISTS = re.compile(
    r"AlreadyExist|AlreadyOwnedByYou|ResourceInUse|ResourceConflict|already exists", re.IGNORECASE
)


def busy(text: str) -> StepFailed:
    """Return the error for a locked stack: who holds the lock, and how to remove it."""
    holder = LOCK_HOLDER.search(text)
    who = f" by process {holder['pid']} on {holder['host']}" if holder else ""
    return StepFailed(
        f"The stack is locked{who}: another run uses it, or was interrupted.",
        remedy="Wait for it to end. If none is running, `pulumi cancel` takes the lock away; then run again.",
    )


def failed(command: str, steps: Steps, text: str) -> StepFailed:
    """Return the error for a failed command: the resource and the message of AWS, or of the engine."""
    resource, message = steps.failure()
    if not message:
        found = re.search(r"^error: (.*)$", text, re.MULTILINE)
        message = plain(found[1]) if found else plain(text)[-400:]
    remedy = "Mend the cause and run this step again: what was made is kept, and the rest follows."
    if EXISTS.search(message):
        remedy = (
            "Something of that name exists that this stack does not know. Delete it, or choose another "
            "suffix; in the sandbox, `drlib sandbox down` ends in a clean world."
        )
    what = f"{resource} failed" if resource else f"The engine could not {command} the stack"
    where = _region_of(steps, resource)
    return StepFailed(f"{what}: {message.rstrip('.')}.", remedy=remedy, resource=resource, region=where)


def _region_of(steps: Steps, name: str) -> str:
    return next((found.region for found in steps.resources.values() if found.name == name), "")
