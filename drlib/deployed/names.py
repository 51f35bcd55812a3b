"""Names of all resources, and the test whether a name belongs to this stack.

A regional resource is `pay-{role}-{suffix}-{short_region}`. The table and the dashboard are
`pay-{role}-{suffix}`: the table needs the same name in both regions, and the dashboard has no region. The
name of an IAM role contains the region, because each function has one role in each region.
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
        suffix: distinguishes this stack from other stacks, 1 to 16 characters.
        account_id: the account; its digest makes the names of buckets globally unique.
    """

    suffix: str
    account_id: str = ""

    def shared(self, role: str) -> str:
        """Return the name of a resource that has the same name in both regions."""
        return f"{PREFIX}-{role}-{self.suffix}"

    def regional(self, role: str, region: str) -> str:
        """Return the name of a resource of one region, or of a global resource that belongs to one region."""
        return f"{PREFIX}-{role}-{self.suffix}-{short_region(region)}"

    def bucket(self, role: str, region: str) -> str:
        """Return the name of a bucket, with a digest of the account: bucket names are global."""
        digest = hashlib.sha256(f"{PREFIX} {self.account_id}".encode()).hexdigest()[:8]
        return f"{self.regional(role, region)}-{digest}"

    def owned(self, names: Iterable[str], regions: Iterable[str]) -> list[str]:
        """Return the names that belong to this stack in `regions`, sorted.

        It excludes the names of another stack whose suffix ends like this one.
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
