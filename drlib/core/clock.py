"""The clock: real time on AWS, modelled time in the sandbox.

A modelled clock runs `scale` times faster than the wall clock. Waits are divided by `scale`, and every
instant that is shown is a modelled one. All processes of one sandbox share the same `anchor`, so that their
instants agree. On AWS the scale is 1, and modelled and wall time are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

PATIENCE_WALL_SECONDS = 30.0
"""The shortest timeout, in wall seconds, of a wait on a modelled clock."""


@dataclass(frozen=True)
class Clock:
    """A clock whose seconds pass `scale` times faster than wall seconds.

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
        """Convert a wall instant, such as one that a Lambda function wrote, to a modelled one."""
        return self.anchor + (instant - self.anchor) * self.scale

    def to_wall(self, instant: float) -> float:
        """Convert a modelled instant to a wall instant."""
        return self.anchor + (instant - self.anchor) / self.scale

    def wall_seconds(self, seconds: float) -> float:
        """Convert a duration in modelled seconds to wall seconds."""
        return seconds / self.scale

    def steady(self) -> float:
        """Return a monotonic time in modelled seconds, for durations.

        Differences of `now` are wrong if somebody sets the machine's clock in between.
        """
        return time.monotonic() * self.scale

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds` modelled seconds."""
        if seconds > 0:
            time.sleep(self.wall_seconds(seconds))

    def patient(self, timeout: float) -> float:
        """Return `timeout` in modelled seconds, on a modelled clock at least `PATIENCE_WALL_SECONDS`.

        Computing does not run faster on a modelled clock, and a busy machine must not cause a failure.
        """
        if self.scale <= 1.0 or timeout <= 0:
            return timeout
        return max(timeout, PATIENCE_WALL_SECONDS * self.scale)

    def wait_until(self, done: Callable[[], bool], *, timeout: float, poll: float = 1.0) -> bool:
        """Call `done` every `poll` modelled seconds; return whether it became true in `patient(timeout)`."""
        deadline = self.steady() + self.patient(timeout)
        while not done():
            if self.steady() >= deadline:
                return False
            self.sleep(poll)
        return True


def iso(instant: float) -> str:
    """Format an instant in seconds since the epoch, such as `2026-01-02T03:04:05.678Z` (UTC)."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
