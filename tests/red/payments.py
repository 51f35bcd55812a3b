"""What can go wrong with a payment on a running stack, done by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drlib.payments.losses import LossCounts
from drlib.payments.reconcile import LATE_SECONDS
from tests.red.stage import Stage

Item = dict[str, Any]


def items(stage: Stage, payment_id: str, role: str = "primary") -> list[Item]:
    """Return all items of a payment in a region's table."""
    query = {"ExpressionAttributeValues": {":pk": {"S": f"PAYMENT#{payment_id}"}}, "ConsistentRead": True}
    found = stage.client("dynamodb", role).query(
        TableName=stage.deployment.table, KeyConditionExpression="pk = :pk", **query
    )
    return list(found["Items"])


def put(stage: Stage, item: Item) -> None:
    stage.client("dynamodb").put_item(TableName=stage.deployment.table, Item=item)


def lose(stage: Stage, payment_id: str) -> str:
    """Delete a payment in both tables, with its settlement."""
    for item in items(stage, payment_id):
        key = {"pk": item["pk"], "sk": item["sk"]}
        stage.client("dynamodb").delete_item(TableName=stage.deployment.table, Key=key)
    return payment_id


def invent(stage: Stage, payment_id: str) -> str:
    """Store a payment under a key of this run that no client has sent."""
    invented = f"{payment_id[:-4]}ffff"
    for item in items(stage, payment_id):
        changes = {"pk": {"S": f"PAYMENT#{invented}"}, "payment_id": {"S": invented}}
        if item["sk"]["S"] == "PAYMENT":
            prefix = item["idempotency_key"]["S"].rsplit("-", 1)[0]
            changes["idempotency_key"] = {"S": f"{prefix}-999999"}
        put(stage, item | changes)
    return invented


def settle_again(stage: Stage, payment_id: str) -> str:
    """Settle in the standby what the primary has settled, long after the standby knew of it."""
    (done,) = (item for item in items(stage, payment_id) if item["sk"]["S"].startswith("SETTLED#"))
    standby = stage.region("standby")
    put(stage, done | {"sk": {"S": f"SETTLED#{standby}"}, "region": {"S": standby}})
    return payment_id


def settle_late(stage: Stage, payment_id: str) -> str:
    """Let a payment be settled after its target time, though no region held it back."""
    late_wall_seconds = (LATE_SECONDS + 60.0) / stage.here.clock.scale
    for item in items(stage, payment_id):
        if item["sk"]["S"].startswith("SETTLED#"):
            settled_at = float(item["settled_at"]["N"]) + late_wall_seconds
            put(stage, item | {"settled_at": {"N": f"{settled_at:.3f}"}})
    return payment_id


Wrong = Callable[[Stage, str], str]
WRONGS: dict[str, tuple[Wrong, str]] = {
    "lost": (lose, "lost"),
    "unexpected": (invent, "unexpected"),
    "unexplained_duplicates": (settle_again, "duplicated"),
    "unexplained_late": (settle_late, "late"),
}
"""Red count -> what makes it, and the count of the evidence that lists it too."""


def is_settled(stage: Stage, payment_id: str, role: str) -> bool:
    """Tell whether a region's table knows that a payment is settled."""
    return any(item["sk"]["S"].startswith("SETTLED#") for item in items(stage, payment_id, role))


def reds(losses: LossCounts) -> dict[str, tuple[str, ...]]:
    """Return the red counts that are not zero."""
    return {name: getattr(losses, name) for name in WRONGS if getattr(losses, name)}
