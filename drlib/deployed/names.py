"""Names: what every resource is called, and which names are ours.

`pay-{role}-{suffix}-{short_region}` for what lives in one region, `pay-{role}-{suffix}` for the table (its
name must be equal in both regions) and the dashboard (it has no region). IAM roles are global and carry the
region too: each function in each region has a role of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "pay"
FUNCTIONS = ("payments", "settlement", "latch")
SHARED_ROLES = frozenset({"payments", "dr"})
REGIONAL_ROLES = frozenset(
    {
        *FUNCTIONS,
        "alerts",
        "api",
        "dead-letter",
        "dns-alerts",
        "endpoints",
        "events",
        "functions",
        "network",
        "receipts",
        "replication",
        "undelivered",
        "work",
    }
)
ALARM_ROLE = re.compile(r"alarm-[a-z0-9-]+")
DIRECTIONS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "central": "c",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
}


def short_region(region: str) -> str:
    """Shorten a region for use in names: `us-east-2` to `use2`, `ap-southeast-1` to `apse1`."""
    *place, direction, number = region.split("-")
    letters = [part if len(part) <= 2 else part[0] for part in place]
    return "".join([*letters, DIRECTIONS.get(direction, direction[:1]), number])


def partition(region: str) -> str:
    """Return the AWS partition of a region, the second part of its ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


@dataclass(frozen=True)
class Names:
    """The names of one stack.

    Args:
        suffix: tells this stack's names from another stack's, 1 to 16 characters.
        account_id: the account; a digest of it makes bucket names, which are global, our own.
    """

    suffix: str
    account_id: str = ""

    def shared(self, role: str) -> str:
        """Name something that is called the same in both regions."""
        return f"{PREFIX}-{role}-{self.suffix}"

    def regional(self, role: str, region: str) -> str:
        """Name something that lives in one region, or is global and belongs to one."""
        return f"{PREFIX}-{role}-{self.suffix}-{short_region(region)}"

    def bucket(self, role: str, region: str) -> str:
        """Name a bucket: all accounts share one space of names, so a digest of the account is added."""
        digest = hashlib.sha256(f"{PREFIX} {self.account_id}".encode()).hexdigest()[:8]
        return f"{self.regional(role, region)}-{digest}"

    def owned(self, names: Iterable[str], regions: Iterable[str]) -> list[str]:
        """Return those of `names` that this stack gives in `regions`, sorted.

        Another stack's are not among them, even where its suffix ends as ours does.
        """
        short = "|".join(sorted({re.escape(short_region(region)) for region in regions}))
        pattern = re.compile(
            rf"{PREFIX}-(?P<role>[a-z0-9-]+?)-{re.escape(self.suffix)}(?P<at>-(?:{short})(?:-[0-9a-f]{{8}})?)?"
        )
        return sorted(name for name in names if (found := pattern.fullmatch(name)) and _is_role(found))


def _is_role(found: re.Match[str]) -> bool:
    role = found["role"]
    if found["at"] is None:
        return role in SHARED_ROLES
    return role in REGIONAL_ROLES or ALARM_ROLE.fullmatch(role) is not None
