"""Reconciliation: compares the ledger with the tables of both regions after they recover.

    losses = reconcile.count(here, deployment, ledger, takeover, fault)

Every count lists its payments. An indeterminate attempt is counted only as indeterminate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from drlib.core import aws_calls
from drlib.core.samples import Stamp
from drlib.faults import scenario
from drlib.payments import tables as payments_tables
from drlib.payments.ledger import Attempt, Ledger
from drlib.payments.losses import LossCounts
from drlib.payments.stored_tables import Basis
from drlib.payments.tables import Holdings, Settlement, Stores

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.faults.restore import Fault
    from drlib.target.base import Target

# A payment's target time, from its acknowledgement to its settlement. Deferred messages come again every
# 30 s, and an outage within the RTO target is over in three minutes: what takes longer waited for a region.
LATE_SECONDS = 300.0
SETTLE_TIMEOUT_SECONDS = 120.0


def count(
    here: Target,
    deployment: Deployment,
    ledger: Ledger,
    takeover: Holdings,
    fault: Fault | None = None,
    *,
    since: float | None = None,
) -> LossCounts:
    """Read both regions and count, once every acknowledged payment is settled and the regions agree.

    It waits at most two minutes, and then counts the current state.
    Stop the prober first: the ledger does not contain a payment in flight.

    Args:
        here, deployment: as everywhere.
        ledger: all attempts of the run.
        takeover: the standby's contents when it began to serve, from `failover.snapshot`.
        fault: the injected fault, from which the RPO counts back.
        since: without a fault, the instant to count the RPO back from, by default that of `takeover`.
    """
    regions = (deployment.primary_region, deployment.standby_region)
    tables: list[Holdings] = []
    stores: list[Stores] = []

    def at_rest() -> bool:
        tables[:] = [payments_tables.scan(here, deployment.table, region) for region in regions]
        acknowledged = [row.payment_id for row in ledger.attempts() if row.outcome == "ok"]
        settled = all(name in held.settlements for name in acknowledged for held in tables)
        if not settled or differing(*tables):
            return False
        stores[:] = [payments_tables.stores(here, deployment, region) for region in regions]
        return all(set(acknowledged) <= store.receipts for store in stores)

    with aws_calls.purpose("observe"):
        here.clock.wait_until(
            at_rest, timeout=SETTLE_TIMEOUT_SECONDS, poll=payments_tables.BETWEEN_SCANS_SECONDS
        )
        stores = stores or [payments_tables.stores(here, deployment, region) for region in regions]
    fault_at = fault.at if fault else takeover.at if since is None else since
    counted = tally(
        ledger.attempts(), primary=tables[0], standby=tables[1], takeover=takeover, fault_at=fault_at
    )
    counted = with_stores(counted, ledger.attempts(), tables=tables, stores=stores)
    stamp = Stamp(here.origin, here.clock)
    listed = fault is not None and scenario.load(fault.scenario).expect.duplicated == "listed"
    return replace(counted, both_served=listed, basis=Basis(stamp, fault_at, takeover, tables, stores))


def again(attempts: Sequence[Attempt], basis: Basis) -> LossCounts:
    """Count again, from the stored basis of an earlier count."""
    primary, standby = basis.tables
    counted = tally(
        attempts, primary=primary, standby=standby, takeover=basis.takeover, fault_at=basis.fault_at
    )
    return with_stores(counted, attempts, tables=basis.tables, stores=basis.stores)


def tally(
    attempts: Sequence[Attempt],
    *,
    primary: Holdings,
    standby: Holdings,
    takeover: Holdings,
    fault_at: float,
) -> LossCounts:
    """Compare the attempts with the tables at takeover and now, and count."""
    by_key = {
        held.idempotency_key: name for table in (primary, standby) for name, held in table.payments.items()
    }
    settlements = _together(primary, standby)
    acknowledged = [row for row in attempts if row.outcome == "ok"]
    there = [row for row in acknowledged if row.idempotency_key in by_key]
    missing = missing_at_takeover(attempts, primary.region, takeover)
    duplicated = [row.payment_id for row in there if len(settlements.get(row.payment_id, ())) > 1]
    explained = [
        row.payment_id
        for row in there
        if row.payment_id in duplicated
        and row.finished_at <= takeover.at
        and _was_unknown(row.payment_id, primary.region, takeover)
    ]
    now = max(primary.at, standby.at)
    late = [row for row in there if _is_late(row, settlements.get(row.payment_id, ()), now=now)]
    return LossCounts(
        rpo_seconds=rpo_seconds(missing, fault_at=fault_at),
        acknowledged=_names(acknowledged),
        indeterminate=_names(row for row in attempts if row.outcome == "indeterminate"),
        lost=_names(row for row in acknowledged if row.idempotency_key not in by_key),
        stranded=_names(row for row in missing if row.idempotency_key in by_key),
        duplicated=tuple(sorted(duplicated)),
        late=_names(late),
        unexplained_late=_names(row for row in late if row not in missing),
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


def with_stores(
    counted: LossCounts, attempts: Iterable[Attempt], *, tables: Sequence[Holdings], stores: Sequence[Stores]
) -> LossCounts:
    """Add the remaining messages of the queues and the missing receipts of the buckets."""
    keys = {row.idempotency_key for row in attempts}
    settled = {
        name
        for table in tables
        for name, payment in table.payments.items()
        if payment.idempotency_key in keys and name in table.settlements
    }
    somewhere = set().union(*(store.receipts for store in stores))
    everywhere = somewhere.intersection(*(store.receipts for store in stores))
    return replace(
        counted,
        unreceipted=tuple(sorted(settled - somewhere)),
        one_sided=tuple(sorted((settled & somewhere) - everywhere)),
        messages={
            f"{queue}, {store.region}": count for store in stores for queue, count in store.messages.items()
        },
    )


def missing_at_takeover(attempts: Iterable[Attempt], source: str, takeover: Holdings) -> list[Attempt]:
    """Return the payments that `source` acknowledged before the takeover and the new region lacked then."""
    return [
        row
        for row in attempts
        if row.outcome == "ok"
        and row.region == source
        and row.finished_at <= takeover.at
        and row.payment_id not in takeover.payments
    ]


def rpo_seconds(missing: Sequence[Attempt], *, fault_at: float) -> float:
    """Return the seconds from the oldest of the missing payments' acknowledgement to the fault; 0 if none."""
    oldest = min((row.finished_at for row in missing), default=fault_at)
    return max(0.0, fault_at - oldest)


def differing(primary: Holdings, standby: Holdings) -> tuple[str, ...]:
    """Return the payments whose records or settlements differ between the two tables."""
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
    """Return acknowledged payments that are stored with a wrong amount."""
    return {
        row.payment_id
        for row in rows
        for held in tables
        if row.payment_id in held.payments and held.payments[row.payment_id].amount_minor != row.amount_minor
    }


def _was_unknown(payment_id: str, primary_region: str, takeover: Holdings) -> bool:
    """Whether the primary's settlement of the payment was not replicated at takeover."""
    return all(one.region != primary_region for one in takeover.settlements.get(payment_id, ()))


def _is_late(row: Attempt, settlements: Sequence[Settlement], *, now: float) -> bool:
    settled_at = min((one.settled_at for one in settlements), default=now)
    return settled_at - row.finished_at > LATE_SECONDS


def _unexpected(attempts: Sequence[Attempt], by_key: Mapping[str, str]) -> tuple[str, ...]:
    """Return the stored payments that certainly failed, and those of this run that no client sent."""
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
    """Join the settlements of both tables: one record for each region and payment."""
    names = primary.settlements.keys() | standby.settlements.keys()
    return {
        name: tuple({*primary.settlements.get(name, ()), *standby.settlements.get(name, ())})
        for name in names
    }


def _names(rows: Iterable[Attempt]) -> tuple[str, ...]:
    return tuple(sorted(row.name for row in rows))
