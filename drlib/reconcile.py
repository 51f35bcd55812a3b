"""Reconciliation: what the clients were told, against what both regions hold once they are whole again.

    losses = reconcile.count(here, deployment, ledger, takeover, fault)

Every count comes with the payments behind it. What nobody can know is counted as that, and as nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drlib import holdings, planes, show
from drlib.errors import StepFailed
from drlib.holdings import Holdings, Settlement
from drlib.ledger import Attempt, Ledger

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.faults import Fault
    from drlib.target import Target

# A payment's target time, from its acknowledgement to its settlement. Deferred messages come again every
# 30 s, and an outage within the RTO target is over in three minutes: what takes longer waited for a region.
LATE_SECONDS = 300.0
SETTLE_TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 3.0
NAMES = (
    "acknowledged",
    "indeterminate",
    "lost",
    "stranded",
    "duplicated",
    "late",
    "recovered",
    "unexpected",
    "rejected",
)


@dataclass(frozen=True)
class LossCounts:
    """What became of the payments of a run: each field is a list of their ids.

    An attempt that was given no id is named by its idempotency key. `rpo_seconds` is modelled. `explained`
    holds those of `duplicated` whose settlement in the primary the standby did not have at takeover; nothing
    explains `unexplained_duplicates`. `differing` are records that the two tables, or a table and the ledger,
    do not agree on.
    """

    rpo_seconds: float
    acknowledged: tuple[str, ...] = ()
    indeterminate: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    stranded: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    unexplained_duplicates: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """Sentences on everything that no failover may do; empty if there is nothing of it."""
        told = (
            (self.lost, "acknowledged payments are lost"),
            (self.unexpected, "payments are there that certainly failed or were never sent"),
            (self.unexplained_duplicates, "payments were settled twice without a replication gap behind it"),
            (self.unsettled, "acknowledged payments are not settled"),
            (self.differing, "records differ between the two tables"),
        )
        return [f"{len(ids)} {words}, such as {ids[0]}." for ids, words in told if ids]

    def require(self) -> show.Verdict:
        """Return the verdict, one line.

        Raises StepFailed when a payment was lost, invented, or settled twice for no reason.
        """
        if self.reasons:
            raise StepFailed(
                " ".join(self.reasons),
                remedy="90-troubleshoot: reconciliation. Do not tear down: look first.",
            )
        return self.verdict()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-like data for the evidence."""
        lists = {name: list(getattr(self, name)) for name in (*NAMES, "unexplained_duplicates")}
        more = {f"{name}_ids": ", ".join(getattr(self, name)) for name in ("unsettled", "differing")}
        return {"rpo_seconds": round(self.rpo_seconds, 3), **lists, **more}

    def table(self) -> show.Table:
        """Return the counts, each with its first few payments."""
        rows = [(name, f"{len(getattr(self, name))}", _some(getattr(self, name))) for name in NAMES]
        rows.append(("duplicated, unexplained", f"{len(self.unexplained_duplicates)}", ""))
        rows.append(("RPO, s", f"{self.rpo_seconds:.1f}", ""))
        return show.Table(("payments", "number", "such as"), rows, varying=("number", "such as"))

    def verdict(self) -> show.Verdict:
        counts = f"{len(self.acknowledged)} acknowledged, {len(self.lost)} lost, RPO {self.rpo_seconds:.1f} s"
        words = "every acknowledged payment is accounted for" if not self.reasons else " ".join(self.reasons)
        return show.Verdict("reconciliation", not self.reasons, says=words, detail=counts)

    def __str__(self) -> str:
        return f"{self.verdict()}\n{self.table()}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        verdict = self.verdict()._repr_mimebundle_()["text/html"]
        return {"text/plain": str(self), "text/html": f"{verdict}{self.table().html()}"}


def count(
    here: Target,
    deployment: Deployment,
    ledger: Ledger,
    takeover: Holdings,
    fault: Fault | None = None,
    *,
    since: float | None = None,
) -> LossCounts:
    """Scan both tables and count, once every acknowledged payment is settled and the tables agree.

    Waits for that for up to two minutes; what is still open then is counted as it stands.
    Stop the prober first: a payment under way is in no ledger.

    Args:
        here, deployment: as everywhere.
        ledger: all attempts of the run.
        takeover: what the standby held when it began to serve, from `switch.snapshot`.
        fault: what the drill injected; the RPO counts back from it.
        since: without a fault, the instant to count the RPO back from, by default that of `takeover`.
    """
    regions = (deployment.primary_region, deployment.standby_region)
    found: list[Holdings] = []

    def at_rest() -> bool:
        found[:] = [holdings.scan(here, deployment.table, region) for region in regions]
        acknowledged = [row.payment_id for row in ledger.attempts() if row.outcome == "ok"]
        settled = all(name in held.settlements for name in acknowledged for held in found)
        return settled and not differing(*found)

    with planes.purpose("observe"):
        here.clock.wait_until(at_rest, timeout=SETTLE_TIMEOUT_SECONDS, poll=POLL_SECONDS)
    fault_at = fault.at if fault else takeover.at if since is None else since
    return tally(ledger.attempts(), primary=found[0], standby=found[1], takeover=takeover, fault_at=fault_at)


def tally(
    attempts: Sequence[Attempt],
    *,
    primary: Holdings,
    standby: Holdings,
    takeover: Holdings,
    fault_at: float,
) -> LossCounts:
    """Count what the attempts were told against what the tables held at takeover and hold now."""
    by_key = {
        held.idempotency_key: name for table in (primary, standby) for name, held in table.payments.items()
    }
    settlements = _together(primary, standby)
    acknowledged = [row for row in attempts if row.outcome == "ok"]
    there = [row for row in acknowledged if row.idempotency_key in by_key]
    missing_at_takeover = [
        row
        for row in acknowledged
        if row.region == primary.region
        and row.finished_at <= takeover.at
        and row.payment_id not in takeover.payments
    ]
    duplicated = [row.payment_id for row in there if len(settlements.get(row.payment_id, ())) > 1]
    explained = [name for name in duplicated if _was_unknown(name, primary.region, takeover)]
    now = max(primary.at, standby.at)
    return LossCounts(
        rpo_seconds=rpo_seconds(missing_at_takeover, fault_at=fault_at),
        acknowledged=_names(acknowledged),
        indeterminate=_names(row for row in attempts if row.outcome == "indeterminate"),
        lost=_names(row for row in acknowledged if row.idempotency_key not in by_key),
        stranded=_names(row for row in missing_at_takeover if row.idempotency_key in by_key),
        duplicated=tuple(sorted(duplicated)),
        late=_names(row for row in there if _is_late(row, settlements.get(row.payment_id, ()), now=now)),
        recovered=_names(
            row for row in attempts if row.outcome == "indeterminate" and row.idempotency_key in by_key
        ),
        unexpected=_unexpected(attempts, by_key),
        rejected=_names(row for row in attempts if row.outcome == "rejected"),
        explained=tuple(sorted(explained)),
        unexplained_duplicates=tuple(sorted(set(duplicated) - set(explained))),
        unsettled=_names(row for row in there if row.payment_id not in settlements),
        differing=tuple(sorted({*differing(primary, standby), *_altered(there, primary, standby)})),
    )


def rpo_seconds(missing: Sequence[Attempt], *, fault_at: float) -> float:
    """Return the seconds from the oldest of the missing payments' acknowledgement to the fault; 0 if none."""
    oldest = min((row.finished_at for row in missing), default=fault_at)
    return max(0.0, fault_at - oldest)


def differing(primary: Holdings, standby: Holdings) -> tuple[str, ...]:
    """Return the payments whose records, or whose settlements, the two tables do not agree on."""
    names = primary.payments.keys() | standby.payments.keys()
    names |= primary.settlements.keys() | standby.settlements.keys()
    return tuple(
        sorted(
            name
            for name in names
            if primary.payments.get(name) != standby.payments.get(name)
            or primary.settlements.get(name, ()) != standby.settlements.get(name, ())
        )
    )


def _altered(rows: Iterable[Attempt], *tables: Holdings) -> set[str]:
    """Return acknowledged payments that are there with another amount than was sent."""
    return {
        row.payment_id
        for row in rows
        for held in tables
        if row.payment_id in held.payments and held.payments[row.payment_id].amount_minor != row.amount_minor
    }


def _was_unknown(payment_id: str, primary_region: str, takeover: Holdings) -> bool:
    """Whether the standby had not learnt, at takeover, that the primary had settled the payment."""
    return all(one.region != primary_region for one in takeover.settlements.get(payment_id, ()))


def _is_late(row: Attempt, settlements: Sequence[Settlement], *, now: float) -> bool:
    settled_at = min((one.settled_at for one in settlements), default=now)
    return settled_at - row.finished_at > LATE_SECONDS


def _unexpected(attempts: Sequence[Attempt], by_key: Mapping[str, str]) -> tuple[str, ...]:
    """Return payments that are there though they surely failed, and those of this run that nobody sent."""
    refused = {row.idempotency_key for row in attempts if row.outcome in ("fail", "rejected")}
    known = {row.idempotency_key for row in attempts}
    runs = {key.rsplit("-", 1)[0] for key in known}
    return tuple(
        sorted(
            name
            for key, name in by_key.items()
            if key in refused or (key not in known and key.rsplit("-", 1)[0] in runs)
        )
    )


def _together(primary: Holdings, standby: Holdings) -> dict[str, tuple[Settlement, ...]]:
    """Join the settlements of both tables: one record a region and payment, wherever it is."""
    names = primary.settlements.keys() | standby.settlements.keys()
    return {
        name: tuple({*primary.settlements.get(name, ()), *standby.settlements.get(name, ())})
        for name in names
    }


def _names(rows: Iterable[Attempt]) -> tuple[str, ...]:
    return tuple(sorted(row.name for row in rows))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
