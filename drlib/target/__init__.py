"""Where a runbook acts: an AWS account, or the sandbox. The one place that knows both.

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
    """Return where `settings` say to act; in the sandbox, start it or attach to the one that runs.

    Args:
        settings: the checked parameters.
        start: start a sandbox if none runs. If not, attach to the one that runs, whatever its options.
        purpose: what every AWS call of this process is for, unless it says otherwise. In an incident it is
            `failover`: a call that nobody declared counts as one that the failover needed.

    Raises:
        SandboxError: one runs with other options, or it does not come up, or `start` is false and none runs.
        BadParameters: a region that the sandbox has not.
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
    with contextlib.suppress(SandboxError):  # it died: `up` starts another
        before = life.status()
    options: dict[str, Any] = {
        "time_scale": settings.time_scale,
        "seed": settings.seed,
        "replication_lag_seconds": settings.replication_lag_seconds,
    }
    if before and all(getattr(before, name) == value for name, value in options.items()):
        return SandboxTarget(settings, before)  # whatever it was told about idling
    return SandboxTarget(settings, life.up(**options), started=True)


def attach(settings: Settings) -> Target | None:
    """Return where `settings` say to act, and start nothing: None if that is the sandbox, and none runs.

    Raises:
        SandboxError: the sandbox has died.
        BadParameters: a region that the sandbox has not.
    """
    if settings.target == "aws":
        return AwsTarget(settings)
    from drlib.sandbox.process import life

    running = life.status()
    return SandboxTarget(settings, running) if running else None


open_target = open
"""The same, under a name that fits a notebook: there, `target` is a parameter, and `open` a builtin."""
