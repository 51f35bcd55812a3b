"""Errors that a person can act on.

The tree, with the exit code that the command line gives for each::

    DrError                    5  a step failed
     |- BadParameters          2  a parameter is unknown, ill-typed or not allowed
     |- PreflightFailed        3  the machine, the account or the stack is not ready
     |- NotApproved            4  a mutating step lacks its approval
     |- VerdictRed             1  everything ran, and the result is not "passed"
     |- StepFailed             5  an act did not reach its goal
         |- SandboxError       5  the local AWS is missing, dead or of an earlier life
         |- DeadlineExceeded   5  an awaited event did not come in time
         |- OnlyPlanned        5  a change was asked for, and the parameter mode is plan

`PlanShown` is no error: it ends a runbook that only plans, with exit code 0.

Every error says what happened in one sentence, and carries `remedy`, the next thing to do, and `see`, where
the runbook 90-troubleshoot has more on it. Identities and secrets are masked when it is made.
"""

from __future__ import annotations

import re

from drlib.core.redaction import mask

HANDBOOK = "90-troubleshoot"


def see(entry: str) -> str:
    """Return where 90-troubleshoot explains something: the runbook's name and the entry's heading."""
    return f"{HANDBOOK}#{entry}"


def slug(name: str) -> str:
    """Return the heading for a check's or a class's name, such as `the-worker-is-on`; no role in brackets."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name.split(" (")[0]).replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


class DrError(Exception):
    """Root of all errors that drlib raises on purpose.

    Args:
        message: one plain sentence, naming the thing that is wrong.
        remedy: what to do about it, as an instruction.
        region: AWS region concerned, if one is.
        resource: name of the resource concerned, if one is.
        entry: heading of 90-troubleshoot that explains it; by default, the class's own.
    """

    exit_code = 5

    def __init__(
        self, message: str, *, remedy: str = "", region: str = "", resource: str = "", entry: str = ""
    ) -> None:
        self.message, self.remedy = mask(message), mask(remedy)
        super().__init__(self.message)
        self.region = region
        self.resource = resource
        self.see = see(entry or slug(type(self).__name__))

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def _render_traceback_(self) -> list[str]:
        """Lines that IPython, papermill and nbval print in place of a traceback."""
        where = " ".join(part for part in (self.region, self.resource) if part)
        lines = [f"{type(self).__name__}: {self.message}"]
        if where:
            lines.append(f"  where: {where}")
        if self.remedy:
            lines.append(f"  next:  {self.remedy}")
        if HANDBOOK not in self.remedy:  # the hints of checks have their own
            lines.append(f"  more:  {self.see}")
        return lines


class BadParameters(DrError):
    """A parameter is unknown, of the wrong type, or outside what is allowed. Nothing was created."""

    exit_code = 2


class PreflightFailed(DrError):
    """A read-only check says that the machine, the account or the stack is not ready."""

    exit_code = 3


class NotApproved(DrError):
    """A mutating step was asked for without its approval phrase."""

    exit_code = 4


class VerdictRed(DrError):
    """Every step ran, and the verdict is not `passed`."""

    exit_code = 1


class StepFailed(DrError):
    """An act did not reach its goal."""


class SandboxError(StepFailed):
    """The sandbox is not there, has died, or is not the one that the stack was deployed to."""


class DeadlineExceeded(StepFailed):
    """An awaited event did not come in time."""


class OnlyPlanned(StepFailed):
    """Something would change what is in AWS, and the parameter `mode` says that nothing may."""


class PlanShown(SystemExit):
    """The good end of a runbook whose parameter `mode` is `plan`: no error, and exit code 0."""

    def __init__(self) -> None:
        super().__init__(0)


PlanShown.__name__ = SystemExit.__name__
"""A kernel reports an exception by its class's name, and papermill takes SystemExit alone for a good end."""
