"""What a run recorded about its move: the fault, if it injected one, and the takeover."""

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
class PastMove:
    """The recorded move.

    Attributes:
        fault: the injected fault, or None.
        takeover: the content of the standby's table when it began to serve. If the run did not save it
            (`kept` is False), the content of the table now.
        began_at: when the fault began, or else the takeover; modelled seconds since the epoch.
        kept: whether the run saved the takeover.
    """

    fault: Fault | None
    takeover: Holdings
    began_at: float
    kept: bool

    @property
    def gap(self) -> str:
        """A sentence for the reader of the counts if the run did not save the takeover; else ""."""
        if self.kept:
            return ""
        return (
            "This run saved no takeover, so missing replication at that time cannot explain these payments."
        )

    def __str__(self) -> str:
        return f"Began with {self.fault.scenario}" if self.fault else "Began without a fault of ours"

    def __repr__(self) -> str:
        return str(self)


def recall(here: Target, deployment: Deployment, run: Run) -> PastMove:
    """Return the move that the run recorded. Without a saved takeover, scan the standby's table now."""
    fault = restore.from_dict(run.load("fault")) if run.has("fault") else None
    kept = run.has("takeover")
    if kept:
        takeover = tables.from_dict(run.load("takeover"))
    else:
        with aws_calls.purpose("observe"):
            takeover = tables.scan(here, deployment.table, deployment.standby_region)
    return PastMove(fault, takeover, fault.at if fault else takeover.at, kept)
