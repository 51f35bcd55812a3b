"""What this run knows of the move that it is about: the fault, if one was injected, and the takeover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drlib.core import aws_calls
from drlib.faults import restore
from drlib.faults.restore import Fault
from drlib.payments import tables
from drlib.payments.tables import Holdings

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.runs.run import Run
    from drlib.target.base import Target


@dataclass(frozen=True)
class Story:
    """The fault, or None; what the standby held when it began to serve; and when it all began (modelled).

    If the takeover was not `kept` (nothing moved, or the run was cut off, or could not write), what the
    standby holds now stands in for it.
    """

    fault: Fault | None
    takeover: Holdings
    began_at: float
    kept: bool

    @property
    def gap(self) -> str:
        """A sentence on what the counts against the takeover rest on, if it was not kept; else ""."""
        if self.kept:
            return ""
        return "This run kept no takeover: what the standby did not know of then cannot explain it."

    def __str__(self) -> str:
        return f"Began with {self.fault.scenario}" if self.fault else "Began without a fault of ours"

    def __repr__(self) -> str:
        return str(self)


def recall(here: Target, deployment: Deployment, run: Run) -> Story:
    """Return what the run holds. Where nothing took over, what the standby holds now is the takeover."""
    fault = restore.from_dict(run.load("fault")) if run.has("fault") else None
    kept = run.has("takeover")
    if kept:
        takeover = tables.from_dict(run.load("takeover"))
    else:
        with aws_calls.purpose("observe"):
            takeover = tables.scan(here, deployment.table, deployment.standby_region)
    return Story(fault, takeover, fault.at if fault else takeover.at, kept)
