"""How many processes one function may have.

AWS gives each concurrent invocation an execution environment of its own. Here each is a process that takes
some tenths of a second of one of the machine's few cores to start: on a busy machine invocations overlap
because they are slow, and starting more processes makes all of them slower still. So a function has a few
processes, and further invocations wait their turn; those whose clients give up meanwhile are dropped.
Reserved concurrency is the emulator's, and untouched.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from drlib.sandbox.front import disconnects
from drlib.sandbox.ministack import emulator, internals

MAX_PROCESSES = 2
"""Processes of one function. With a warm handler of some 10 ms, two serve more than clients here ask."""

MAX_WAIT_WALL_SECONDS = 3.0
"""After that an invocation may have a process more: a function that waits for itself is not stuck. It is a
little longer than clients are patient: a queue of calls whose callers are gone would never become shorter."""

MAX_PROCESSES_AFTER_WAIT = 4
"""Beyond these an invocation that has waited is throttled, as on AWS at a limit of concurrency: on a machine
that is too slow for its work, processes without end would make it slower without end."""

THROTTLED = "func_cap"
"""The emulator's word for a function that has no process left: the invocation is throttled."""


def apply() -> None:
    """Let invocations wait for a free process of their function.

    Raises:
        SandboxError: the emulator's own functions are not what they were.
    """
    service = emulator.module("services.lambda_svc")
    acquire = internals.function(
        service, "acquire_worker", "func_name", "config", "code_zip", "qualifier", "max_concurrency"
    )
    release = internals.function(service, "release_worker", "worker")
    freed = threading.Condition()

    def acquire_or_wait(
        func_name: str,
        config: Any,
        code_zip: bytes,
        qualifier: str = "$LATEST",
        max_concurrency: int | None = None,
    ) -> Any:
        give_up_at = time.monotonic() + MAX_WAIT_WALL_SECONDS
        with freed:
            while (left := give_up_at - time.monotonic()) > 0:
                if disconnects.gone():
                    return None, THROTTLED
                cap = max_concurrency or MAX_PROCESSES
                found = acquire(func_name, config, code_zip, qualifier=qualifier, max_concurrency=cap)
                if found[0] is not None:
                    return found
                freed.wait(left)
        if disconnects.gone():
            return None, THROTTLED
        cap = max_concurrency or MAX_PROCESSES_AFTER_WAIT
        return acquire(func_name, config, code_zip, qualifier=qualifier, max_concurrency=cap)

    def release_and_notify(worker: Any) -> None:
        release(worker)
        with freed:
            freed.notify_all()

    emulator.replace(service, "acquire_worker", acquire_or_wait)
    emulator.replace(service, "release_worker", release_and_notify)
