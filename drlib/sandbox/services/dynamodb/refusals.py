"""Requests on a global table that DynamoDB refuses and the emulator accepts.

A table that was the source of a new replica in the last 24 hours cannot be deleted while that replica exists.
Delete the replicas first, the newest one first, then the table (DynamoDB Developer Guide, "Global tables";
API Reference, `DeleteTable` and `UpdateTable`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SOURCE_SECONDS = 24 * 3600.0
"""Modelled seconds for which the source of a new replica cannot be deleted before that replica."""

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
    """Records from which table each replica was created, and when."""

    def __init__(self) -> None:
        self._replicas: dict[TableKey, dict[str, float]] = {}

    def add(self, source: TableKey, region: str, at: float) -> None:
        """Record that a replica in `region` was created from `source`; `at` in modelled epoch seconds."""
        self._replicas.setdefault(source, {})[region] = at

    def remove(self, table: TableKey) -> None:
        """Remove a deleted table or replica."""
        account, region, name = table
        self._replicas.pop(table, None)
        for (other_account, _, other_name), replicas in self._replicas.items():
            if (other_account, other_name) == (account, name):
                replicas.pop(region, None)

    def recent(self, source: TableKey, now: float) -> list[str]:
        """Return the regions of the replicas that were created from `source` in the last 24 hours."""
        replicas = self._replicas.get(source, {})
        return sorted(region for region, at in replicas.items() if now - at < SOURCE_SECONDS)


def deletion(
    name: str, region: str, *, protected: bool, group: Iterable[str], recent_replicas: list[str]
) -> str | None:
    """Return why a table or a replica cannot be deleted, or None.

    Args:
        name: the table's name.
        region: the region of the table or replica to delete.
        protected: its deletion protection; each replica has its own.
        group: the regions of the global table; empty for an ordinary table.
        recent_replicas: the regions of its recent replicas, from `ReplicaSources.recent`.
    """
    if protected and len(list(group)) > 1:
        return (
            f"Cannot delete table {name} in region {region} because it has deletion protection enabled. "
            "Disable deletion protection first."
        )
    if protected:
        return PROTECTED_TABLE
    return RECENT_SOURCE if recent_replicas else None


def update(request: Mapping[str, object], *, replicated: bool, on_demand: bool) -> str | None:
    """Return why `UpdateTable` is refused, or None; `replicated`: the table has replicas."""
    stream = request.get("StreamSpecification")
    if replicated and isinstance(stream, Mapping) and not stream.get("StreamEnabled"):
        return STREAM_NEEDED
    updates = request.get("ReplicaUpdates")
    creates = isinstance(updates, list) and any("Create" in update for update in updates)
    return FIXED_CAPACITY if creates and not on_demand else None
