"""Contents of a region: payments and settlements in its table, messages in queues, receipts in its bucket.

Lambda functions write wall time into the table; this module converts it to modelled time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from drlib.core.clock import Clock
from drlib.deployed import probes
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

RECEIPTS = "receipts/"
BETWEEN_SCANS_SECONDS = 15.0
"""Interval between two scans of a wait: each scan reads whole tables. A deferred message returns every 30
s."""


@dataclass(frozen=True)
class Payment:
    """A payment's record: who accepted it, when (modelled), and what it is."""

    payment_id: str
    idempotency_key: str
    amount_minor: int
    region: str
    accepted_at: float


@dataclass(frozen=True)
class Settlement:
    """A settlement's record: which region settled the payment, and when (modelled)."""

    payment_id: str
    region: str
    settled_at: float


@dataclass(frozen=True)
class Holdings(Shown):
    """All payments and settlements of one region's table, as a scan found them; `at` is when it ended."""

    region: str
    at: float
    payments: Mapping[str, Payment] = field(default_factory=dict)
    settlements: Mapping[str, tuple[Settlement, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"What the table in {self.region} holds"

    def html(self) -> str:
        settled = sum(1 for payment_id in self.payments if payment_id in self.settlements)
        seen = f"{len(self.payments)} payments, {settled} of them settled"
        return f"{self}: {seen}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-like data, to be saved with the run."""
        return {
            "region": self.region,
            "at": self.at,
            "payments": [asdict(payment) for payment in self.payments.values()],
            "settlements": [asdict(one) for group in self.settlements.values() for one in group],
        }


@dataclass(frozen=True)
class Stores:
    """A region's messages by queue, and the payments that have a receipt.

    Messages are counted, not received: a receive hides a message from its worker and counts as a delivery
    (SQS Developer Guide, "Amazon SQS visibility timeout"). AWS counts approximately.
    """

    region: str
    messages: Mapping[str, int] = field(default_factory=dict)
    receipts: frozenset[str] = frozenset()


def from_dict(data: Mapping[str, Any]) -> Holdings:
    """Return the holdings from the result of `as_dict`."""
    payments = {row["payment_id"]: Payment(**row) for row in data["payments"]}
    settlements = grouped(Settlement(**row) for row in data["settlements"])
    return Holdings(data["region"], data["at"], payments, settlements)


def scan(here: Target, table: str, region: str) -> Holdings:
    """Read the whole table in one region, consistently; other items are left out.

    Needs `dynamodb:Scan` on that region's table.
    """
    pages = here.client("dynamodb", region).get_paginator("scan")
    items = [item for page in pages.paginate(TableName=table, ConsistentRead=True) for item in page["Items"]]
    payments = {row.payment_id: row for row in _payments(items, here.clock)}
    return Holdings(region, here.clock.now(), payments, grouped(_settlements(items, here.clock)))


def stores(here: Target, deployment: Deployment, region: str) -> Stores:
    """Count the messages of a region's queues, and list the receipts in its bucket.

    Needs `sqs:GetQueueAttributes` on its queues and `s3:ListBucket` on its bucket.
    """
    outputs = deployment.regions[region]
    messages = {
        name: sum(probes.queue_depth(here, queue["url"], region)) for name, queue in outputs.queues.items()
    }
    pages = here.client("s3", region).get_paginator("list_objects_v2")
    keys = [
        item["Key"]
        for page in pages.paginate(Bucket=outputs.bucket, Prefix=RECEIPTS)
        for item in page.get("Contents", ())
    ]
    receipts = frozenset(key.removeprefix(RECEIPTS).removesuffix(".json") for key in keys)
    return Stores(region, messages, receipts)


def _payments(items: list[dict[str, Any]], clock: Clock) -> Iterator[Payment]:
    for item in items:
        if item["sk"]["S"] == "PAYMENT":
            yield Payment(
                payment_id=item["payment_id"]["S"],
                idempotency_key=item["idempotency_key"]["S"],
                amount_minor=int(item["amount_minor"]["N"]),
                region=item["region"]["S"],
                accepted_at=clock.from_wall(float(item["accepted_at"]["N"])),
            )


def _settlements(items: list[dict[str, Any]], clock: Clock) -> Iterator[Settlement]:
    for item in items:
        if item["sk"]["S"].startswith("SETTLED#"):
            yield Settlement(
                payment_id=item["payment_id"]["S"],
                region=item["region"]["S"],
                settled_at=clock.from_wall(float(item["settled_at"]["N"])),
            )


def grouped(settlements: Iterable[Settlement]) -> dict[str, tuple[Settlement, ...]]:
    """Return settlements by payment, each group in the order of time."""
    groups: dict[str, tuple[Settlement, ...]] = {}
    for one in sorted(settlements, key=lambda row: (row.settled_at, row.region)):
        groups[one.payment_id] = (*groups.get(one.payment_id, ()), one)
    return groups
