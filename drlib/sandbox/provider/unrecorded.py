"""New resources that may not be in the engine's state.

If the engine is killed after AWS's response and before it stores its state, it creates the same resource
again, and AWS refuses because the name exists. So the provider keeps a new resource's id by its URN until the
engine sends that id, which shows that its state has it. A repeated creation uses the existing resource.

The official AWS provider does not do this: its error names the resource, and a person imports or deletes it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any


class UnrecordedResources:
    """The ids of new resources, by URN. Thread-safe."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def note(self, urn: str, inputs: Mapping[str, Any], id: str) -> None:
        """Store the id of a resource that was just created from `inputs`."""
        with self._lock:
            self._made[urn] = id, inputs

    def find(self, urn: str, inputs: Mapping[str, Any]) -> str:
        """Return the id of an unrecorded resource with the same inputs; empty if there is none."""
        with self._lock:
            id, before = self._made.get(urn, ("", {}))
        return id if before == inputs else ""

    def forget(self, urn: str) -> None:
        """Remove a resource that the engine's state has."""
        with self._lock:
            self._made.pop(urn, None)
