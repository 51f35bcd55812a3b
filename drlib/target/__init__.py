"""Where a runbook acts: an AWS account or the sandbox. Only this package knows both.

here = target.open(settings)
here.client("dynamodb", "us-west-2").get_item(...)
"""

from __future__ import annotations

import contextlib
from typing import Any

from drlib.core import aws_calls
from drlib.core.errors import SandboxError
from drlib.parameters import Settings
from drlib.target.account import AwsTarget
from drlib.target.base import Target
from drlib.target.sandbox import SandboxTarget


def open(settings: Settings, *, start: bool = True, purpose: str = "") -> Target:
    """Return the target of `settings`; for the sandbox, attach to the running one or start it.

    Args:
        settings: the checked parameters.
        start: start a sandbox if none runs. If false, attach to the running one, whatever its options.
        purpose: the purpose of every AWS call of this process that declares none. In an incident it is
            `failover`: a call without a purpose counts as a call that the failover needed.

    Raises:
        SandboxError: the running sandbox has other options, the new one does not start, or none runs and
            `start` is false.
        BadParameters: the sandbox does not have one of the regions.
    """
    if purpose:
        aws_calls.assume(purpose)
    if not start:
        found = attach(settings)
        if found is None:
            raise SandboxError("No sandbox is running.", remedy="`drlib sandbox up` starts one.")
        return found
    if settings.target == "aws":
        return AwsTarget(settings)
    from drlib.sandbox.process import life

    before = None
    with contextlib.suppress(SandboxError):  # it has died: `up` starts a new one
        before = life.status()
    names = ("time_scale", "seed", "replication_lag_seconds")
    options: dict[str, Any] = {name: getattr(settings, name) for name in names}
    if before and all(getattr(before, name) == value for name, value in options.items()):
        return SandboxTarget(settings, before)  # whatever its idle time is
    return SandboxTarget(settings, life.up(**options), started=True)


def attach(settings: Settings) -> Target | None:
    """Return the target of `settings` without starting a sandbox; None if none runs.

    Raises:
        SandboxError: the sandbox has died.
        BadParameters: the sandbox does not have one of the regions.
    """
    if settings.target == "aws":
        return AwsTarget(settings)
    from drlib.sandbox.process import life

    running = life.status()
    return SandboxTarget(settings, running) if running else None


open_target = open
"""The name for notebooks, in which `target` is a parameter and `open` is a builtin."""
