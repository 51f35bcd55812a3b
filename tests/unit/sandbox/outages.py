"""Taking regions down and healing them, for tests of what happens between regions meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

EAST, WEST = "us-east-2", "us-west-2"

Control = Callable[..., tuple[int, Any]]


class Outages:
    """The faults of the sandbox's two regions, and what its log says of them."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self._mark = max((event["seq"] for event in self._log(0)), default=0)

    def fail(self, region: str) -> None:
        status, answer = self.control("PUT", f"faults/{region}", mode="503")
        assert status == 200, answer

    def heal(self, region: str) -> None:
        self.control("DELETE", f"faults/{region}")

    def heal_all(self) -> None:
        for region in (EAST, WEST):
            self.heal(region)

    @contextmanager
    def of(self, region: str) -> Iterator[None]:
        """Keep a region down for the length of a `with` block."""
        self.fail(region)
        yield
        self.heal(region)

    def turn(self, region: str) -> None:
        """Heal a region and take the other one down first: nothing passes between the two meanwhile."""
        self.fail(WEST if region == EAST else EAST)
        self.heal(region)

    def backlog(self, service: str) -> dict[str, int]:
        """Return what waits, by "source->target"."""
        status, report = self.control("GET", "replication")
        assert status == 200, report
        return dict(report[service])

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the details of the events of a kind since this object was made."""
        return [event["detail"] for event in self._log(self._mark) if event["kind"] == kind]

    def _log(self, seq: int) -> list[dict[str, Any]]:
        _, answer = self.control("GET", f"events?since={seq}")
        return list(answer["events"])
