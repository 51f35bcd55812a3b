"""What was made, and may not be in the engine's state.

An engine that is killed between AWS's answer and its own record makes the same resource again, and AWS
refuses: its name is taken. So a new resource's id is remembered under its URN until the engine names it,
which shows that its state has it. A creation that is asked for again meanwhile takes up what is there.

The AWS provider has no such memory. There, the error names the resource, and a person imports or deletes it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any


class Births:
    """The ids of new resources, by URN. Thread-safe."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def note(self, urn: str, inputs: Mapping[str, Any], id: str) -> None:
        """Remember a resource that has just been made of `inputs`."""
        with self._lock:
            self._made[urn] = id, inputs

    def find(self, urn: str, inputs: Mapping[str, Any]) -> str:
        """Return the id of what was made of the same inputs and not named since; empty if nothing was."""
        with self._lock:
            id, before = self._made.get(urn, ("", {}))
        return id if before == inputs else ""

    def forget(self, urn: str) -> None:
        """Note that the engine has named the resource."""
        with self._lock:
            self._made.pop(urn, None)
