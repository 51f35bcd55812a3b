"""Waits until a list of what is still wrong is empty, as replicas and queues catch up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from drlib.target.base import Target

T = TypeVar("T")

CATCH_UP_SECONDS = 180.0  # modelled; SQS delivers a deferred message again every 30 s


def wait_until_none(
    here: Target, find: Callable[[], Sequence[T]], *, poll: float, timeout: float | None = None
) -> Sequence[T]:
    """Call `find` every `poll` seconds until it returns nothing; return its last result, which may be empty.

    Both durations are in modelled seconds; `timeout` is CATCH_UP_SECONDS by default.
    """
    found: list[Sequence[T]] = []

    def none_left() -> bool:
        found.append(find())
        return not found[-1]

    here.clock.wait_until(none_left, timeout=CATCH_UP_SECONDS if timeout is None else timeout, poll=poll)
    return found[-1]
