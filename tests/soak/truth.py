"""The counts of a run, from what the clients were told and what the sandbox itself recorded.

This reader shares no code with the reconciliation: it reads the ledger's file, both tables as they are, and
the sandbox's log of requests and of arrivals. What was in the standby at takeover is told by when each write
arrived there, and not by a scan that was made then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

LATE_SECONDS = 300.0
NAMES = (
    "acknowledged", "indeterminate", "rejected", "lost", "stranded", "duplicated", "late", "recovered",
    "unexpected",
)  # fmt: skip
Event = Mapping[str, Any]
Item = Mapping[str, Any]


def tables(here: Any, table: str, regions: Iterable[str]) -> dict[str, list[Item]]:
    """Return every item of the table, by region."""
    return {
        region: [
            item
            for page in here.client("dynamodb", region).get_paginator("scan").paginate(TableName=table)
            for item in page["Items"]
        ]
        for region in regions
    }


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the ledger's file, a dictionary a row."""
    import pyarrow.parquet

    found: list[dict[str, Any]] = pyarrow.parquet.read_table(folder / "ledger.parquet").to_pylist()
    return found


def counts(
    attempts: Iterable[Mapping[str, Any]],
    items: Mapping[str, Iterable[Item]],
    events: Iterable[Event],
    *,
    primary: str,
    standby: str,
    takeover_at: float,
    to_modelled: Any,
) -> dict[str, set[str]]:
    """Return the payments behind each count, by the names that the reconciliation gives them.

    `to_modelled` turns a wall instant of a table into a modelled one.
    """
    attempts = list(attempts)
    stored, settled = _stored(items), _settled(items)
    arrived = arrivals(events, standby)
    found: dict[str, set[str]] = {name: set() for name in NAMES}
    for row in attempts:
        name = row["payment_id"] or f"key {row['idempotency_key']}"
        payment = stored.get(row["idempotency_key"])
        outcome = row["outcome"]
        if outcome in ("indeterminate", "rejected"):
            found[outcome].add(name)
        if outcome == "indeterminate" and payment:
            found["recovered"].add(name)
        if outcome in ("fail", "rejected") and payment:
            found["unexpected"].add(payment)
        if outcome != "ok":
            continue
        found["acknowledged"].add(name)
        if payment is None:
            found["lost"].add(name)
            continue
        by_region = settled.get(payment, {})
        if len(by_region) > 1:
            found["duplicated"].add(name)
        first = min(map(to_modelled, by_region.values()), default=float("inf"))
        if first - row["finished_at"] > LATE_SECONDS:
            found["late"].add(name)
        told_by_primary = row["region"] == primary and row["finished_at"] <= takeover_at
        if told_by_primary and arrived.get(payment, float("inf")) > takeover_at:
            found["stranded"].add(name)
    sent = {row["idempotency_key"] for row in attempts}
    runs = {key.rsplit("-", 1)[0] for key in sent}
    found["unexpected"] |= {
        payment for key, payment in stored.items() if key not in sent and key.rsplit("-", 1)[0] in runs
    }
    return found


def arrivals(events: Iterable[Event], region: str) -> dict[str, float]:
    """Return when each payment arrived in a region."""
    return {
        event["detail"]["item_key"][0].removeprefix("PAYMENT#"): event["at"]
        for event in events
        if event["kind"] == "replicated"
        and event["detail"]["target"] == region
        and event["detail"]["item_key"][1] == "PAYMENT"
    }


def answers_that_do_not_fit(attempts: Iterable[Mapping[str, Any]], events: Iterable[Event]) -> list[str]:
    """Return sentences on attempts whose outcome the sandbox's log of requests contradicts."""
    answered: dict[str, set[int]] = {}
    for event in events:
        if event["kind"] == "request":
            detail = event["detail"]
            answered.setdefault(detail["idempotency_key"], set()).add(detail["status"])
    wrong = []
    for row in attempts:
        statuses = answered.get(row["idempotency_key"], set())
        if row["outcome"] == "ok" and not statuses & {200, 201}:
            wrong.append(f"{row['idempotency_key']} was acknowledged, and no region answered so.")
        if row["outcome"] == "fail" and statuses:
            wrong.append(f"{row['idempotency_key']} certainly failed, and a region answered {statuses}.")
    return wrong


def differences(losses: Any, found: Mapping[str, set[str]], *, arriving: Collection[str] = ()) -> list[str]:
    """Return sentences on every count of which the reconciliation and this reader do not have the same.

    Where replication goes on, a payment of `arriving` came while the takeover was
    read: it may be stranded or not.
    """
    told = []
    for name, payments in found.items():
        counted = set(getattr(losses, name))
        differing = sorted(counted ^ payments)
        if name == "stranded":
            differing = [payment for payment in differing if payment not in arriving]
        if differing:
            told.append(f"{name}: {len(counted)} counted, {len(payments)} in truth; {differing[:3]} differ.")
    return told


def _stored(items: Mapping[str, Iterable[Item]]) -> dict[str, str]:
    return {
        item["idempotency_key"]["S"]: item["payment_id"]["S"]
        for group in items.values()
        for item in group
        if item["sk"]["S"] == "PAYMENT"
    }


def _settled(items: Mapping[str, Iterable[Item]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for group in items.values():
        for item in group:
            if item["sk"]["S"].startswith("SETTLED#"):
                settled = found.setdefault(item["payment_id"]["S"], {})
                settled[item["region"]["S"]] = float(item["settled_at"]["N"])
    return found
