"""Whether the client whose request is under way still waits for the answer.

An invocation that waits here for a free process would run at once on AWS. If its client gives up before its
turn comes, carrying it out serves nobody, and makes all that wait behind it later: on a machine that is too
slow for its load, everything served would belong to clients that are gone, and it would never catch up.
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
    """Say whether the caller has left; False for work that no client of an edge waits for."""
    left = _left.get()
    return left is not None and left.is_set()


@contextlib.asynccontextmanager
async def awaited(receive: Receive) -> AsyncIterator[None]:
    """Watch for the caller's leaving, once its request has been read. Threads that are given the context of
    the task learn of it by `gone`."""
    left = threading.Event()
    _left.set(left)
    watch = asyncio.ensure_future(disconnected(receive))
    watch.add_done_callback(lambda done: None if done.cancelled() else left.set())
    try:
        yield
    finally:
        watch.cancel()


async def disconnected(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
