"""What a reconciliation stood on: what both regions held, and what the standby had at takeover.

    found.keep(run.folder)
    basis.recall(run.folder)     # by somebody who counts again

Kept as samples, so that the counts can be made again by somebody who was not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drlib import samples
from drlib.holdings import Holdings, Payment, Settlement, Stores, grouped
from drlib.samples import Stamp

FILE = f"{samples.FOLDER}/holdings.parquet"
TAKEOVER, TABLE, STORES = "takeover", "table", "stores"
COLUMNS: dict[str, type] = {
    "scan": str,  # takeover, table or stores
    "region": str,  # that was asked
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
    """Return what `keep` wrote. Raises FileNotFoundError when a run has none."""
    kept = samples.read(folder / FILE)
    parts: dict[tuple[str, str], dict[str, list[Any]]] = {}
    for row in kept.rows(*COLUMNS):
        parts.setdefault(row[:2], {}).setdefault(row[2], []).append(row)
    about = kept.about
    return Basis(
        kept.stamp,
        about["fault_at"],
        _holdings(parts.get((TAKEOVER, about["takeover"][0]), {}), *about["takeover"]),
        [_holdings(parts.get((TABLE, region), {}), region, at) for region, at in about["tables"]],
        [_stores(parts.get((STORES, region), {}), region) for region in about["stores"]],
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


def _holdings(rows: dict[str, list[Any]], region: str, at: float) -> Holdings:
    payments = {row[3]: Payment(row[3], row[4], row[5], row[6], row[7]) for row in rows.get("payment", ())}
    settled = grouped(Settlement(row[3], row[6], row[7]) for row in rows.get("settlement", ()))
    return Holdings(region, at, payments, settled)


def _stores(rows: dict[str, list[Any]], region: str) -> Stores:
    messages = {row[3]: row[5] for row in rows.get("message", ())}
    return Stores(region, messages, frozenset(row[3] for row in rows.get("receipt", ())))
