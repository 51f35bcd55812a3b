"""The fence: an item in the table that makes one region refuse payments during a planned move.

The payments function reads it in its own region before each write, and answers 503 while it is in force.
Reads continue. All acts on it use the data plane of the fenced region. A fence expires at the instant it
contains.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from drlib.core.clock import iso
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

FENCE_SECONDS = 600.0
"""A fence expires after this time (modelled): several times the duration of a planned move."""
IN_FLIGHT_SECONDS = 10.0
"""A payment that started before the fence ends within this time: the payments function's timeout."""
IN_FLIGHT_WALL_SECONDS = 1.0
"""The same in wall time: a handler computes in wall time, even if time is modelled."""


@dataclass(frozen=True)
class Fence(Shown):
    """Whether a region refuses payments. Instants are modelled seconds since the epoch, or None.

    `destination` is the region that becomes active. A fence that is `known` and not in force has expired.
    """

    region: str
    in_force: bool
    destination: str = ""
    at: float | None = None
    expires_at: float | None = None

    @property
    def known(self) -> bool:
        """Whether the fence was written and not lifted."""
        return self.at is not None

    @property
    def summary(self) -> str:
        """When the fence started and when it ends, as a clause."""
        if self.at is None or self.expires_at is None:
            return "none"
        ends = "ends" if self.in_force else "ended"
        return f"{self.region} is fenced since {iso(self.at)}; it {ends} by itself at {iso(self.expires_at)}"

    def __str__(self) -> str:
        return f"Fence around {self.region}: {'in force' if self.in_force else 'none'}"

    def html(self) -> str:
        return f"{self}: {self.summary}" if self.known else str(self)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read(here: Target, deployment: Deployment, region: str) -> Fence:
    """Read a region's fence in its own replica, as its payments function does."""
    answer = here.client("dynamodb", region).get_item(
        TableName=deployment.table, Key=_key(region), ConsistentRead=True
    )
    item = answer.get("Item")
    if item is None:
        return Fence(region, in_force=False)
    at, expires_at = (here.clock.from_wall(float(item[name]["N"])) for name in ("fenced_at", "expires_at"))
    return Fence(
        region=region,
        in_force=expires_at > here.clock.now(),
        destination=item["destination"]["S"],
        at=at,
        expires_at=expires_at,
    )


def write(
    here: Target, deployment: Deployment, region: str, *, destination: str, seconds: float = FENCE_SECONDS
) -> None:
    """Fence a region for at most `seconds` (modelled); a second write renews the fence.

    The item contains wall time, which the functions use.
    """
    now = here.clock.now()
    item = {
        **_key(region),
        "destination": {"S": destination},
        "fenced_at": {"N": f"{here.clock.to_wall(now):.6f}"},
        "expires_at": {"N": f"{here.clock.to_wall(now + seconds):.6f}"},
    }
    here.client("dynamodb", region).put_item(TableName=deployment.table, Item=item)


def lift(here: Target, deployment: Deployment, region: str) -> None:
    """Let a region accept payments again. It is no error if there is no fence."""
    here.client("dynamodb", region).delete_item(TableName=deployment.table, Key=_key(region))


def in_flight_seconds(here: Target) -> float:
    """Return how long a region may still accept payments after the fence, in modelled seconds."""
    if here.clock.scale == 1.0:
        return IN_FLIGHT_SECONDS
    return max(IN_FLIGHT_SECONDS, here.clock.scale * IN_FLIGHT_WALL_SECONDS)


def _key(region: str) -> dict[str, Any]:
    return {"pk": {"S": "FENCE"}, "sk": {"S": region}}
