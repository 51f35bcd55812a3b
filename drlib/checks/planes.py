"""The AWS calls of this runbook: their table, and the proof that a failover called only data planes.

Every call of `here.client` is recorded with its service, region, plane and purpose (`drlib.core.aws_calls`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drlib.core import aws_calls
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe
from drlib.show.output import Table

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

Row = dict[str, Any]


def calls(here: Target) -> Table:
    """Return the table of this runbook's AWS calls so far. Only the html contains the numbers of calls."""
    columns = ("plane", "service", "operation", "region", "purpose", "calls")
    names = ("plane", "service", "operation", "region", "purpose", "count")
    rows = sorted(tuple(row[name] for name in names) for row in here.calls.rows())
    return Table(columns, rows, varying=("calls",))


def planes_proof(here: Target, deployment: Deployment, *, planned: bool = False) -> Checks:
    """Check that the failover called no control plane, did not write to IAM, and called only the standby.

    Every call with the purpose `failover` counts (`aws_calls.assume` sets the default); calls that only
    observe do not. A planned move may call both regions' data planes, and nothing else for any purpose.

    AWS Whitepaper "AWS Fault Isolation Boundaries", static stability.
    """
    made = [row for row in here.calls.rows() if planned or row["purpose"] == aws_calls.FAILOVER]
    ours = {deployment.primary_region, deployment.standby_region}
    allowed = ours if planned else {deployment.standby_region}
    where = "nothing outside the two regions was called" if planned else "nothing but the standby was called"
    return checklist.make(
        "Planes",
        [
            Probe(
                "no-control-plane-was-called",
                "no control plane was called",
                _none(made, lambda row: row["plane"] == "control"),
            ),
            Probe("nothing-was-written-to-iam", "nothing was written to IAM", _none(made, _writes_iam)),
            Probe("regions-called", where, _none(made, lambda row: row["region"] not in allowed)),
        ],
    )


def _writes_iam(row: Row) -> bool:
    return bool(row["service"] == "iam" and row["access"] == "write")


def _none(made: list[Row], wrong: Callable[[Row], bool]) -> Callable[[], str]:
    def ask() -> str:
        found = [f"{row['service']} {row['operation']} in {row['region']}" for row in made if wrong(row)]
        if found:
            raise Failed(f"{len(found)} kinds of calls, such as {found[0]}")
        return f"{sum(row['count'] for row in made)} calls"

    return ask
