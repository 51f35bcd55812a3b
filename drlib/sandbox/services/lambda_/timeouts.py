"""A function that waits for what never comes runs out of time: its timeout, in modelled seconds of waiting.

A function computes on wall time, and so does the timeout that the emulator imposes. Waiting is no computing:
a call that hangs takes as many modelled seconds as it does on AWS, and when these have used up the function's
timeout, its process ends and the invocation with it: "Task timed out after 10.00 seconds".

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
    """An invocation under way.

    Args:
        worker: the emulator's handle of the process that runs it.
        clock: the clock whose seconds its waiting takes.
    """

    def __init__(self, worker: Any, clock: Clock) -> None:
        self.worker = worker
        self.timeout_seconds = float(worker.config.get("Timeout", 3))
        self.timed_out = False
        self._clock = clock
        self._waited_seconds = 0.0

    @property
    def wall_seconds_left(self) -> float:
        """How long it may still wait, in wall seconds."""
        return self._clock.wall_seconds(max(0.0, self.timeout_seconds - self._waited_seconds))

    def add_wait(self, wall_seconds: float) -> None:
        """Count the wall seconds of a wait that is over."""
        self._waited_seconds += wall_seconds * self._clock.scale

    def kill(self) -> None:
        """End the process: the time is up."""
        self.timed_out = True
        process = self.worker._proc
        if process is not None:
            process.kill()

    def result_of(self, result: dict[str, Any]) -> dict[str, Any]:
        """Return what the invocation ended with; `result` is what the emulator made of it."""
        if not self.timed_out:
            return result
        return {
            "status": "error",
            "error": f"Task timed out after {self.timeout_seconds:.2f} seconds",
            "cold_start": result.get("cold_start", False),
            "log": result.get("log", ""),
        }


class RunningInvocations:
    """Knows the invocations that are under way."""

    def __init__(self, clock: Clock) -> None:
        runtime = emulator.module("core.lambda_runtime")
        worker = emulator.value(runtime, "Worker", type)
        invoke = internals.function(worker, "invoke", *INVOKE_PARAMETERS)
        self._running: dict[int, Invocation] = {}

        def timed(worker: Any, *args: Any, **options: Any) -> dict[str, Any]:
            invocation = Invocation(worker, clock)
            self._running[id(invocation)] = invocation
            try:
                return invocation.result_of(invoke(worker, *args, **options))
            except Exception:
                if invocation.timed_out:
                    return invocation.result_of({})
                raise
            finally:
                del self._running[id(invocation)]

        emulator.replace(worker, "invoke", timed)

    def by_local_port(self, port: int) -> Invocation | None:
        """Return the invocation whose process owns the local TCP port, or None. It asks the system: slow."""
        for invocation in list(self._running.values()):
            process = invocation.worker._proc
            with suppress(psutil.Error):
                if process is not None and any(
                    connection.laddr and connection.laddr.port == port
                    for connection in psutil.Process(process.pid).net_connections("tcp")
                ):
                    return invocation
        return None
