"""The fence: an item in the table that keeps one region from taking payments while a planned move goes on.

The payments function reads it in its own region, just before each write, and answers 503 while it is in
force; reads go on. Writing, reading and lifting it is data plane, in the fenced region. A fence that is
forgotten ends by itself, at the instant that stands in it.
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
"""After so long (modelled) a fence ends by itself: several times what a planned move takes."""
IN_FLIGHT_SECONDS = 10.0
"""A payment that read the fence before it was written is over after this: the payments function's timeout."""
IN_FLIGHT_WALL_SECONDS = 1.0
"""The same where time is modelled: computing is not, and a handler takes what it takes."""


@dataclass(frozen=True)
class Fence(Shown):
    """Whether a region takes payments. Instants are modelled seconds since the epoch, or None.

    `destination` is the region that the move leads to. A fence that is `known` and not in force was
    forgotten, and has ended by itself.
    """

    region: str
    in_force: bool
    destination: str = ""
    at: float | None = None
    expires_at: float | None = None

    @property
    def known(self) -> bool:
        """Whether somebody wrote it, and nobody lifted it."""
        return self.at is not None

    @property
    def summary(self) -> str:
        """A clause on it, for people: since when, and until when."""
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
    """Fence a region for so many modelled seconds at most; writing it again renews it.

    The instants are the wall's: functions run on wall time.
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
    """Let a region take payments again. Lifting none is no error."""
    here.client("dynamodb", region).delete_item(TableName=deployment.table, Key=_key(region))


def in_flight_seconds(here: Target) -> float:
    """Return for how long after a fence was written a payment may still be taken, in modelled seconds."""
    if here.clock.scale == 1.0:
        return IN_FLIGHT_SECONDS
    return max(IN_FLIGHT_SECONDS, here.clock.scale * IN_FLIGHT_WALL_SECONDS)


def _key(region: str) -> dict[str, Any]:
    return {"pk": {"S": "FENCE"}, "sk": {"S": region}}
