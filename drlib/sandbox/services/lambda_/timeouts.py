"""The timeout of a function that waits for a call without an answer, in modelled seconds.

A function computes in wall time, and the emulator's timeout is in wall time too. A call that hangs takes as
many modelled seconds as on AWS. When the waits of an invocation reach the function's timeout, its process is
killed and the invocation fails: "Task timed out after 10.00 seconds".

https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import psutil

from drlib.core.clock import Clock
from drlib.sandbox.ministack import emulator, internals

INVOKE_PARAMETERS = (
    "self", "event", "request_id", "trace_id", "depth", "durable", "invoked_function_arn",
)  # fmt: skip
log = logging.getLogger("drlib.sandbox")


class Invocation:
    """A running invocation.

    Args:
        worker: the emulator's handle of the process that runs it.
        clock: converts modelled and wall seconds.
    """

    def __init__(self, worker: Any, clock: Clock) -> None:
        self.worker = worker
        self.timeout_seconds = float(worker.config.get("Timeout", 3))
        self.timed_out = False
        self._clock = clock
        self._waited_seconds = 0.0

    @property
    def wall_seconds_left(self) -> float:
        """Wall seconds for which it may still wait."""
        return self._clock.wall_seconds(max(0.0, self.timeout_seconds - self._waited_seconds))

    def add_wait(self, wall_seconds: float) -> None:
        """Add a wait of this many wall seconds."""
        self._waited_seconds += wall_seconds * self._clock.scale

    def kill(self) -> None:
        """Kill the process, because the invocation timed out."""
        self.timed_out = True
        process = self.worker._proc
        if process is not None:
            process.kill()

    def final_result(self, result: dict[str, Any]) -> dict[str, Any]:
        """Return the final result: a timeout, or the emulator's `result`."""
        if not self.timed_out:
            return result
        return {
            "status": "error",
            "error": f"Task timed out after {self.timeout_seconds:.2f} seconds",
            "cold_start": result.get("cold_start", False),
            "log": result.get("log", ""),
        }


class RunningInvocations:
    """The invocations that run now."""

    def __init__(self, clock: Clock) -> None:
        runtime = emulator.module("core.lambda_runtime")
        worker = emulator.value(runtime, "Worker", type)
        invoke = internals.function(worker, "invoke", *INVOKE_PARAMETERS)
        self._running: dict[int, Invocation] = {}

        def timed(worker: Any, *args: Any, **options: Any) -> dict[str, Any]:
            invocation = Invocation(worker, clock)
            self._running[id(invocation)] = invocation
            try:
                return invocation.final_result(invoke(worker, *args, **options))
            except Exception:
                if invocation.timed_out:
                    return invocation.final_result({})
                raise
            finally:
                del self._running[id(invocation)]

        emulator.replace(worker, "invoke", timed)

    def by_local_port(self, port: int) -> Invocation | None:
        """Return the invocation whose process owns the local TCP port, or None. Slow: it asks the system."""
        for invocation in list(self._running.values()):
            process = invocation.worker._proc
            with suppress(psutil.Error):
                if process is not None and any(
                    connection.laddr and connection.laddr.port == port
                    for connection in psutil.Process(process.pid).net_connections("tcp")
                ):
                    return invocation
        return None
