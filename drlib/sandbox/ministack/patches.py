"""Patches to the emulator: modelled time, no lost messages, clean processes for functions.

`apply` runs once, before the first request. `drlib.sandbox.ministack.emulator` checks each internal that a
patch replaces: with another version of the emulator, the sandbox does not start, and the error names the
internal.

Modelled time applies to the services whose timers AWS sets: SQS (delays, visibility, retention,
deduplication), SNS (timestamps, deduplication), CloudWatch (timestamps), EventBridge and its Scheduler
(schedules). Functions, their timeouts, their logs and the stores' "last modified" times use wall time.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from inspect import iscoroutinefunction
from pathlib import Path
from time import struct_time
from typing import Any

from drlib.core.clock import Clock
from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.acm import certificates
from drlib.sandbox.services.apigateway import guards as apigateway_guards
from drlib.sandbox.services.cloudwatch import guards as cloudwatch_guards
from drlib.sandbox.services.dynamodb import guards as dynamodb_guards
from drlib.sandbox.services.iam import condition_keys
from drlib.sandbox.services.iam.permissions import Permissions
from drlib.sandbox.services.iam.policies import PolicyChecks
from drlib.sandbox.services.lambda_ import archives, processes
from drlib.sandbox.services.lambda_.event_source_mappings import EventSourceMappings
from drlib.sandbox.services.lambda_.functions import Functions
from drlib.sandbox.services.messaging.dead_letters import DeadLetters
from drlib.sandbox.services.messaging.queues import Queues
from drlib.sandbox.services.s3 import guards as s3_guards
from drlib.sandbox.world import World

MODELLED = (
    "services.sqs", "services.sns", "services.cloudwatch", "services.eventbridge", "services.scheduler",
)  # fmt: skip
"""Modules of the emulator that use modelled time."""

HEALTH_PATHS = ("/_ministack/health", "/_localstack/health")
LOG_WAITS_WALL_SECONDS = (0.002, 0.001, 0.25)
"""Wall seconds: the wait for a function's first log line, the wait after each line, and the limit."""

ASYNC_RETRY_SECONDS = (60.0, 300.0)
"""Modelled seconds before the first retry of an asynchronous invocation, doubled for each further retry, and
the maximum: one minute, then two (Lambda developer guide, "How Lambda handles errors and retries with
asynchronous invocation")."""

STATE_CHANGE_SECONDS = 1.0
"""Modelled seconds that a new or changed function stays `Pending`."""

EVENT_SOURCE_TICK_SECONDS = 1.0
"""Modelled seconds between two polls of an idle event source, for messages that become visible again."""

_SHORTEST_TICK_WALL_SECONDS = 0.02


class ModelledTime:
    """Replaces the module `time` in a service. It has only the functions that services use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.strftime = time.strftime

    def time(self) -> float:
        """Return the current modelled time."""
        return self._clock.now()

    def gmtime(self, seconds: float | None = None) -> struct_time:
        """Return an instant (default: now) as a `struct_time` in UTC."""
        return time.gmtime(self.time() if seconds is None else seconds)

    def sleep(self, seconds: float) -> None:
        """Wait for modelled seconds."""
        self._clock.sleep(seconds)


class LimitedWait:
    """Replaces the event that wakes the poller of event sources, and limits each wait to `tick_wall_seconds`.

    Args:
        event: the emulator's event, which each producer of messages sets.
        tick_wall_seconds: the longest wait.
    """

    def __init__(self, event: threading.Event, tick_wall_seconds: float) -> None:
        self.clear = event.clear
        self.set = event.set
        self._event = event
        self._tick = tick_wall_seconds

    def wait(self, timeout: float) -> bool:
        """Wait for work for `timeout` wall seconds, at most one tick. Return whether there is work."""
        return self._event.wait(min(timeout, self._tick))


class FunctionsOs:
    """Replaces the module `os` where the emulator starts functions' processes: it has another environment."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def apply(world: World) -> None:
    """Apply all patches. Call it once, before any request.

    Raises:
        SandboxError: the emulator has another version, or an internal is different.
    """
    emulator.require_version()
    app = emulator.module("app")
    emulator.value(app, "_HEALTH_PATHS", tuple)
    # `/health` stays free for the APIs that are deployed here.
    emulator.replace(app, "_HEALTH_PATHS", HEALTH_PATHS)
    _model_time(world.clock)
    Queues()
    _guard_queues()
    DeadLetters(DELIVER_TO_SQS)
    _date_messages(world.clock)
    _poll_event_sources_faster(world.clock)
    _prepare_functions(world)
    condition_keys.apply()
    processes.apply()
    certificates.apply()
    s3_guards.apply()
    dynamodb_guards.apply(world)
    cloudwatch_guards.apply()
    apigateway_guards.apply()
    permissions = Permissions()
    PolicyChecks()
    Functions(permissions)
    EventSourceMappings(world.clock, permissions)


def tick_wall_seconds(clock: Clock) -> float:
    """Return the wall seconds between two polls of an idle event source."""
    return max(clock.wall_seconds(EVENT_SOURCE_TICK_SECONDS), _SHORTEST_TICK_WALL_SECONDS)


def _model_time(clock: Clock) -> None:
    for name in MODELLED:
        service = emulator.module(name)
        emulator.value(service, "time", type(time))
        emulator.replace(service, "time", ModelledTime(clock))


def _guard_queues() -> None:
    """Let only one thread at a time change a queue.

    The poller of event sources runs in its own thread and replaces a queue's list of messages. A message that
    the loop appends to the old list at the same time is lost. The emulator locks only the poller.
    """
    sqs = emulator.module("services.sqs")
    emulator.value(sqs, "_queues_lock", type(threading.Lock()))
    lock = threading.RLock()
    emulator.replace(sqs, "_queues_lock", lock)
    handlers = emulator.value(sqs, "_HANDLERS", dict)
    guarded = {
        action: handler if iscoroutinefunction(handler) else _under(lock, handler)
        for action, handler in handlers.items()
    }
    emulator.replace(sqs, "_HANDLERS", guarded)
    # ReceiveMessage awaits between its reads of the queue, so the lock covers only its parts.
    for name, parameters in (
        ("_expire_retained", ("q",)),
        ("_dlq_sweep", ("q",)),
        ("_collect_msgs", ("q", "max_n", "vis_timeout")),
    ):
        emulator.replace(sqs, name, _under(lock, internals.function(sqs, name, *parameters)))
    sns = emulator.module("services.sns")
    deliver = internals.function(sns, "_deliver_to_sqs", *DELIVER_TO_SQS)
    emulator.replace(sns, "_deliver_to_sqs", _under(lock, deliver))
    events = emulator.module("services.eventbridge")
    dispatch = internals.function(events, "_dispatch_to_sqs", "spec", "payload", "sqs_parameters")
    emulator.replace(events, "_dispatch_to_sqs", _under(lock, dispatch))


DELIVER_TO_SQS = (
    "endpoint", "envelope", "raw", "raw_message", "message_group_id", "message_dedup_id",
    "message_attributes", "topic_arn",
)  # fmt: skip


def _date_messages(clock: Clock) -> None:
    """Set the modelled time in messages of S3 and of failed functions: these services use wall time."""
    sqs = emulator.module("services.sqs")
    find_queue = internals.function(sqs, "_queue_by_arn", "arn")
    s3 = emulator.module("services.s3")
    functions = emulator.module("services.lambda_svc")
    senders = (
        (s3, "_deliver_event_to_sqs", ("arn", "event_payload", "bucket_region", "bucket_name")),
        (functions, "_route_async_failure", ("target_arn", "func_name", "event", "result")),
    )
    for owner, name, parameters in senders:
        original = internals.function(owner, name, *parameters)

        def dated(arn: str, *args: Any, original: Callable[..., Any] = original, **kwargs: Any) -> Any:
            with sqs._queues_lock:
                queue = find_queue(arn) if ":sqs:" in arn else None
                before = len(queue["messages"]) if queue else 0
                result = original(arn, *args, **kwargs)
                for message in queue["messages"][before:] if queue else ():
                    later = clock.from_wall(message["sent_at"]) - message["sent_at"]
                    message["sent_at"] += later
                    message["visible_at"] += later
                    message["sys"]["SentTimestamp"] = str(int(message["sent_at"] * 1000))
            return result

        emulator.replace(owner, name, dated)


def _poll_event_sources_faster(clock: Clock) -> None:
    """Poll event sources every modelled second. The emulator polls them every wall second."""
    functions = emulator.module("services.lambda_svc")
    tick = tick_wall_seconds(clock)
    wake = emulator.value(functions, "_esm_wake", threading.Event)
    internals.function(functions, "_poll_loop")
    emulator.replace(functions, "_esm_wake", LimitedWait(wake, tick))
    for name, seconds in (
        (
            "_ESM_IDLE_WAKE_GAP_SECONDS",
            min(tick, emulator.value(functions, "_ESM_IDLE_WAKE_GAP_SECONDS", float)),
        ),
        (
            "_ESM_BACKOFF_SECONDS",
            clock.wall_seconds(emulator.value(functions, "_ESM_BACKOFF_SECONDS", float)),
        ),
    ):
        emulator.replace(functions, name, seconds)


def _prepare_functions(world: World) -> None:
    functions = emulator.module("services.lambda_svc")
    first, longest = ASYNC_RETRY_SECONDS
    for name, seconds in (
        ("_LAMBDA_ASYNC_RETRY_BASE_SECONDS", first),
        ("_LAMBDA_ASYNC_RETRY_MAX_SECONDS", longest),
        ("_LAMBDA_STATE_TRANSITION_DELAY", STATE_CHANGE_SECONDS),
    ):
        emulator.value(functions, name, float)
        emulator.replace(functions, name, world.clock.wall_seconds(seconds))
    runtime = emulator.module("core.lambda_runtime")
    worker = emulator.value(runtime, "Worker", type)
    # Without this, each call of a function that logs nothing waits 50 ms for a first line.
    drain = internals.function(
        worker, "_drain_stderr_bounded", "self", "first_line_wait", "idle_confirm", "hard_cap"
    )
    emulator.replace(drain, "__defaults__", LOG_WAITS_WALL_SECONDS)
    emulator.value(runtime, "os", type(os))
    internals.function(worker, "_spawn", "self")
    emulator.replace(runtime, "os", FunctionsOs(function_environment(world)))
    archives.install(world.folder / "tmp" / "code")


def function_environment(world: World) -> dict[str, str]:
    """Return the environment of each function's process, without the function's own variables and its keys.

    It excludes the server's environment, which has the emulator's settings and the sandbox's root key.
    """
    tmp = world.folder / "tmp"
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(tmp),
        # A folder without the user's ~/.aws.
        "HOME": str(tmp),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{world.aws_port}",
    }


def _under(lock: AbstractContextManager[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return function(*args, **kwargs)

    return guarded
