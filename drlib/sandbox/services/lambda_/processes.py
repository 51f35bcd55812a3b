"""Limit on the number of processes of a function.

AWS gives each concurrent invocation a separate execution environment. Here each is a process whose start
takes some tenths of a second of one CPU core. On a busy machine invocations overlap because they are slow,
and more processes make all of them slower. So a function has a few processes, and further invocations wait
for a free one. An invocation whose client gives up is dropped. The emulator handles reserved concurrency.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from drlib.sandbox.front import disconnects
from drlib.sandbox.ministack import emulator, internals

MAX_PROCESSES = 2
"""Processes of one function. A warm handler takes about 10 ms, so two serve all clients of the sandbox."""

MAX_WAIT_WALL_SECONDS = 3.0
"""After this wait an invocation may start one more process, so that a function that calls itself does not
deadlock. It is a little longer than the clients' timeout: otherwise calls of clients that have given up would
use the processes."""

MAX_PROCESSES_AFTER_WAIT = 4
"""With this number of processes an invocation that has waited is throttled, as on AWS at the concurrency
limit. Without this limit a slow machine would start ever more processes."""

THROTTLED = "func_cap"
"""The emulator's code for a throttled invocation."""


def apply() -> None:
    """Let invocations wait for a free process of their function.

    Raises:
        SandboxError: the replacements do not fit this version of the emulator.
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
