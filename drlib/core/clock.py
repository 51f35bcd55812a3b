"""Time, handed down: real on AWS, modelled in the sandbox.

A modelled clock runs `scale` times faster than the wall: every duration that AWS would impose is waited for
that much shorter, and every instant shown is a modelled one. All processes of one sandbox share the same
`anchor`, so that their instants agree. On AWS the scale is 1, and modelled and wall time are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

PATIENCE_WALL_SECONDS = 30.0
"""The shortest limit, in wall seconds, of a wait on a modelled clock."""


@dataclass(frozen=True)
class Clock:
    """A clock whose seconds pass `scale` times faster than the wall's.

    Args:
        scale: modelled seconds in one wall second; 1 on AWS, 1 to 60 in the sandbox.
        anchor: wall instant, in seconds since the epoch, at which modelled and wall time agreed.
    """

    scale: float = 1.0
    anchor: float = 0.0

    def now(self) -> float:
        """Return the present instant, in modelled seconds since the epoch."""
        return self.from_wall(time.time())

    def from_wall(self, instant: float) -> float:
        """Convert a wall instant (what a Lambda function wrote, say) to a modelled one."""
        return self.anchor + (instant - self.anchor) * self.scale

    def to_wall(self, instant: float) -> float:
        """Convert a modelled instant to a wall one."""
        return self.anchor + (instant - self.anchor) / self.scale

    def wall_seconds(self, seconds: float) -> float:
        """Return how long `seconds` modelled seconds last on the wall."""
        return seconds / self.scale

    def steady(self) -> float:
        """Return modelled seconds since some instant of this process: they never go back.

        Durations are differences of these. Those of `now` are wrong if somebody sets the wall's clock.
        """
        return time.monotonic() * self.scale

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds` modelled seconds."""
        if seconds > 0:
            time.sleep(self.wall_seconds(seconds))

    def patient(self, timeout: float) -> float:
        """Return a limit of `timeout` modelled seconds, longer on a fast clock.

        What is awaited is made by real computing, which does not run faster with the clock: a limit is at
        least `PATIENCE_WALL_SECONDS` there, so that a busy machine is no failure.
        """
        return (
            max(timeout, PATIENCE_WALL_SECONDS * self.scale) if self.scale > 1.0 and timeout > 0 else timeout
        )

    def wait_until(self, done: Callable[[], bool], *, timeout: float, poll: float = 1.0) -> bool:
        """Ask `done` every `poll` modelled seconds; return whether it was true within `timeout` of them.

        The limit is `patient(timeout)`.
        """
        deadline = self.steady() + self.patient(timeout)
        while not done():
            if self.steady() >= deadline:
                return False
            self.sleep(poll)
        return True


def iso(instant: float) -> str:
    """Write an instant in seconds since the epoch as UTC, to the millisecond: `2026-01-02T03:04:05.678Z`."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
