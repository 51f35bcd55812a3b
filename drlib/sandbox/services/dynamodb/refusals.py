"""What DynamoDB refuses of a global table, and the emulator would let happen.

The 24-hour rule is one of order: a table that was the source of a new replica cannot be deleted while that
replica is there. Replicas go first, the latest first, and the table after them (DynamoDB Developer Guide,
"Global tables"; API Reference, `DeleteTable` and `UpdateTable`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SOURCE_SECONDS = 24 * 3600.0
"""For how long after a replica was made its source cannot be deleted before it. Modelled."""

RECENT_SOURCE = (
    "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the "
    "table in the last 24 hours."
)
PROTECTED_TABLE = (
    "Resource cannot be deleted as it is currently protected against deletion. "
    "Disable deletion protection first."
)
STREAM_NEEDED = (
    "One or more parameter values were invalid: Disabling Stream is not allowed for a Global Table replica."
)
FIXED_CAPACITY = "Table write capacity should either be Pay-Per-Request or AutoScaled."

TableKey = tuple[str, str, str]
"""Account, region, table name."""


class ReplicaSources:
    """Which replicas were made from which table, and when."""

    def __init__(self) -> None:
        self._made: dict[TableKey, dict[str, float]] = {}

    def add(self, source: TableKey, region: str, at: float) -> None:
        """Note that a replica in `region` was made from `source`, at a modelled instant."""
        self._made.setdefault(source, {})[region] = at

    def remove(self, gone: TableKey) -> None:
        """Forget a table or replica that is deleted."""
        account, region, name = gone
        self._made.pop(gone, None)
        for (other_account, _, other_name), made in self._made.items():
            if (other_account, other_name) == (account, name):
                made.pop(region, None)

    def recent(self, source: TableKey, now: float) -> list[str]:
        """Return the regions of the replicas that `source` was copied to in the last 24 hours."""
        made = self._made.get(source, {})
        return sorted(region for region, at in made.items() if now - at < SOURCE_SECONDS)


def deletion(name: str, region: str, *, protected: bool, group: Iterable[str], made: list[str]) -> str | None:
    """Say why a table, or the replica of one, cannot be deleted.

    Args:
        name: the table's name.
        region: where what is to be deleted is.
        protected: its own deletion protection; each replica has one for itself.
        group: the regions of the global table; empty if it is none.
        made: regions of the replicas that it was the source of, from `Sources.recent`.
    """
    if protected and len(list(group)) > 1:
        return (
            f"Cannot delete table {name} in region {region} because it has deletion protection enabled. "
            "Disable deletion protection first."
        )
    if protected:
        return PROTECTED_TABLE
    return RECENT_SOURCE if made else None


def update(request: Mapping[str, object], *, replicated: bool, on_demand: bool) -> str | None:
    """Say why `UpdateTable` is refused: of a table with replicas (`replicated`), or about to get one."""
    stream = request.get("StreamSpecification")
    if replicated and isinstance(stream, Mapping) and not stream.get("StreamEnabled"):
        return STREAM_NEEDED
    updates = request.get("ReplicaUpdates")
    makes = isinstance(updates, list) and any("Create" in update for update in updates)
    return FIXED_CAPACITY if makes and not on_demand else None
