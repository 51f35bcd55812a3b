"""The latch: an item in the table that keeps the standby active until it is released on purpose.

The standby's `latch` function publishes it as a metric every minute. The alarm on this metric is one of the
two health checks of the primary in Route 53. Reads and writes use data planes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target


@dataclass(frozen=True)
class Latch(Shown):
    """Whether the standby is to stay active. Instants are modelled seconds since the epoch, or None."""

    region: str
    is_set: bool
    set_at: float | None = None
    reason: str = ""
    hold_until: float | None = None

    def __str__(self) -> str:
        return f"Latch in {self.region}: {'set' if self.is_set else 'released'}"

    def html(self) -> str:
        because = f", because {self.reason}" if self.reason else ""
        return f"{self}{because}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read(here: Target, deployment: Deployment, *, region: str = "") -> Latch:
    """Read the latch in the standby, or in the replica of another region."""
    answer = here.client("dynamodb", region or deployment.standby_region).get_item(
        TableName=deployment.table, Key=_key(deployment), ConsistentRead=True
    )
    item = answer.get("Item", {})

    def instant(name: str) -> float | None:
        return here.clock.from_wall(float(item[name]["N"])) if name in item else None

    return Latch(
        region=deployment.standby_region,
        is_set=bool(item.get("is_set", {}).get("BOOL", False)),
        set_at=instant("set_at"),
        reason=item.get("reason", {}).get("S", ""),
        hold_until=instant("hold_until"),
    )


def write(
    here: Target, deployment: Deployment, region: str, *, is_set: bool, reason: str, hold_seconds: float
) -> None:
    """Write the latch into one region's replica, in wall time, which the functions use.

    For `hold_seconds` (modelled), a payment at the standby does not set the latch.
    """
    now = here.clock.now()
    item = {
        **_key(deployment),
        "is_set": {"BOOL": is_set},
        "set_at": {"N": f"{here.clock.to_wall(now):.6f}"},
        "reason": {"S": reason},
    }
    if hold_seconds:
        item["hold_until"] = {"N": f"{here.clock.to_wall(now + hold_seconds):.6f}"}
    here.client("dynamodb", region).put_item(TableName=deployment.table, Item=item)


def publish(here: Target, deployment: Deployment, value: float) -> None:
    """Publish a datapoint now; the latch function publishes one every minute."""
    facts = deployment.latch
    here.client("cloudwatch", deployment.standby_region).put_metric_data(
        Namespace=facts["namespace"],
        MetricData=[
            {
                "MetricName": facts["metric_name"],
                "Dimensions": [{"Name": name, "Value": text} for name, text in facts["dimensions"].items()],
                "Value": value,
            }
        ],
    )


def _key(deployment: Deployment) -> dict[str, Any]:
    return {"pk": {"S": "LATCH"}, "sk": {"S": deployment.standby_region}}
