"""The errors of drlib. Each has a message, an exit code and a remedy.

The tree, with the exit code that the command line gives for each::

    DrError                    5  a step failed
     |- BadParameters          2  a parameter is unknown, of the wrong type or not allowed
     |- PreflightFailed        3  the machine, the account or the stack is not ready
     |- NotApproved            4  a mutating step lacks its approval
     |- VerdictRed             1  everything ran, and the result is not "passed"
     |- StepFailed             5  a step did not reach its goal
         |- SandboxError       5  the sandbox is missing, has died, or is not the expected one
         |- DeadlineExceeded   5  an event did not happen in time
         |- OnlyPlanned        5  a step would change something, and the parameter mode is plan

`PlanShown` is not an error: it ends a runbook that only plans, with exit code 0.

An error has a message of one sentence, a `remedy` (what to do next) and `see` (its entry in the runbook
90-troubleshoot). Identities and secrets are masked when the error is created.
"""

from __future__ import annotations

import re

from drlib.core.redaction import mask

HANDBOOK = "90-troubleshoot"


def see(entry: str) -> str:
    """Return the reference to an entry of 90-troubleshoot: the runbook's name and the entry's heading."""
    return f"{HANDBOOK}#{entry}"


def slug(name: str) -> str:
    """Return the heading for the name of a check or a class, such as `the-worker-is-on`, without the role."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name.split(" (")[0]).replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


class DrError(Exception):
    """Base class of the errors that drlib raises on purpose.

    Args:
        message: one sentence that names what is wrong.
        remedy: what to do about it, as an instruction.
        region: AWS region concerned, if any.
        resource: name of the resource concerned, if any.
        entry: heading in 90-troubleshoot; by default that of the class.
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
        """Return the lines that IPython, papermill and nbval print instead of a traceback."""
        where = " ".join(part for part in (self.region, self.resource) if part)
        lines = [f"{type(self).__name__}: {self.message}"]
        if where:
            lines.append(f"  where: {where}")
        if self.remedy:
            lines.append(f"  next:  {self.remedy}")
        if HANDBOOK not in self.remedy:  # the hint of a check already has it
            lines.append(f"  more:  {self.see}")
        return lines


class BadParameters(DrError):
    """A parameter is unknown, of the wrong type, or not allowed. Nothing was created."""

    exit_code = 2


class PreflightFailed(DrError):
    """A read-only check found that the machine, the account or the stack is not ready."""

    exit_code = 3


class NotApproved(DrError):
    """A step that changes something lacks its approval."""

    exit_code = 4


class VerdictRed(DrError):
    """Every step ran, and the verdict is not `passed`."""

    exit_code = 1


class StepFailed(DrError):
    """A step did not reach its goal."""


class SandboxError(StepFailed):
    """The sandbox does not run, has died, or is not the one that the stack was deployed to."""


class DeadlineExceeded(StepFailed):
    """An event did not happen in time."""


class OnlyPlanned(StepFailed):
    """A call would change something in AWS, and the parameter `mode` is `plan`."""


class PlanShown(SystemExit):
    """Ends a runbook whose parameter `mode` is `plan`. It is not an error: the exit code is 0."""

    def __init__(self) -> None:
        super().__init__(0)


# A kernel reports an exception by the name of its class, and papermill accepts only SystemExit as success.
PlanShown.__name__ = SystemExit.__name__
