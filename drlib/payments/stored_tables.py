"""The input of a reconciliation: the contents of both regions, and the standby's at takeover.

    found.keep(run.folder)
    stored_tables.recall(run.folder)     # to count again

It is stored as samples, so that an auditor can repeat the count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drlib.core import samples
from drlib.core.samples import Stamp
from drlib.payments.tables import Holdings, Payment, Settlement, Stores, grouped

FILE = f"{samples.FOLDER}/holdings.parquet"
TAKEOVER, TABLE, STORES = "takeover", "table", "stores"
COLUMNS: dict[str, type] = {
    "scan": str,  # takeover, table or stores
    "region": str,  # that was read
    "kind": str,  # payment, settlement, receipt or message
    "name": str,  # the payment's id, or the queue
    "idempotency_key": str,
    "amount_minor": int,  # or how many messages
    "by": str,  # the region that accepted or settled it
    "at": float,
}
Row = tuple[str, str, str, str, str, int, str, float]


@dataclass(frozen=True)
class Basis:
    """The takeover, both regions' tables and stores (the primary's first), and the fault's instant."""

    stamp: Stamp
    fault_at: float
    takeover: Holdings
    tables: Sequence[Holdings]
    stores: Sequence[Stores]

    def keep(self, folder: Path) -> Path:
        """Write it into a run's folder."""
        rows = [*_held(TAKEOVER, self.takeover)]
        for table in self.tables:
            rows += _held(TABLE, table)
        for store in self.stores:
            rows += _stored(store)
        columns = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
        about = {
            "fault_at": self.fault_at,
            "takeover": [self.takeover.region, self.takeover.at],
            "tables": [[table.region, table.at] for table in self.tables],
            "stores": [store.region for store in self.stores],
        }
        columns = {name: columns.get(name, []) for name in COLUMNS}
        return samples.write(folder / FILE, columns, COLUMNS, stamp=self.stamp, about=about)


def recall(folder: Path) -> Basis:
    """Return the stored basis of a run. Raises FileNotFoundError when there is none."""
    kept = samples.read(folder / FILE)
    about = kept.about
    return Basis(
        kept.stamp,
        about["fault_at"],
        _holdings(kept.where(scan=TAKEOVER), *about["takeover"]),
        [_holdings(kept.where(scan=TABLE, region=region), region, at) for region, at in about["tables"]],
        [_stores(kept.where(scan=STORES, region=region), region) for region in about["stores"]],
    )


def _held(scan: str, held: Holdings) -> Iterator[Row]:
    for one in held.payments.values():
        paid = (one.payment_id, one.idempotency_key, one.amount_minor, one.region, one.accepted_at)
        yield (scan, held.region, "payment", *paid)
    for group in held.settlements.values():
        for done in group:
            yield (scan, held.region, "settlement", done.payment_id, "", 0, done.region, done.settled_at)


def _stored(store: Stores) -> Iterator[Row]:
    for name in sorted(store.receipts):
        yield (STORES, store.region, "receipt", name, "", 0, "", 0.0)
    for queue, count in store.messages.items():
        yield (STORES, store.region, "message", queue, "", count, "", 0.0)


def _holdings(rows: samples.Table, region: str, at: float) -> Holdings:
    paid, done = rows.where(kind="payment"), rows.where(kind="settlement")
    names = paid.column("name")
    payments = map(Payment, names, *map(paid.column, ("idempotency_key", "amount_minor", "by", "at")))
    settled = map(Settlement, *map(done.column, ("name", "by", "at")))
    return Holdings(region, at, dict(zip(names, payments, strict=True)), grouped(settled))


def _stores(rows: samples.Table, region: str) -> Stores:
    messages = rows.where(kind="message").rows("name", "amount_minor")
    return Stores(region, dict(messages), frozenset(rows.where(kind="receipt").column("name")))
