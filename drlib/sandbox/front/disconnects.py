"""Whether the client of the current request is still connected.

An invocation can wait here for a free process; on AWS it runs at once. If its client disconnects first, the
sandbox skips it. Otherwise a machine that is too slow for its load serves only clients that have
disconnected, and never catches up.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator

from drlib.sandbox.front.listener import Receive

_left: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("caller_left", default=None)


def gone() -> bool:
    """Return whether the client has disconnected; False outside a request to an edge."""
    left = _left.get()
    return left is not None and left.is_set()


@contextlib.asynccontextmanager
async def awaited(receive: Receive) -> AsyncIterator[None]:
    """Detect that the client disconnects. Use it after the request was read. `gone` returns the result, also
    in threads that run in the task's context."""
    left = threading.Event()
    _left.set(left)
    watch = asyncio.ensure_future(disconnected(receive))
    watch.add_done_callback(lambda done: None if done.cancelled() else left.set())
    try:
        yield
    finally:
        watch.cancel()


async def disconnected(receive: Receive) -> None:
    """Wait until the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
