"""What the emulator must do differently: live in modelled time, lose no message, start functions cleanly.

`apply` is called once, before the first request. Every internal that it touches is checked on the way
(`drlib.sandbox.ministack.emulator`), so that another version of the emulator stops the sandbox with a
sentence.

Modelled time reaches the services whose timers AWS imposes: SQS (delays, visibility, retention,
deduplication), SNS (timestamps, deduplication), CloudWatch (timestamps), EventBridge and its Scheduler
(schedules). Functions run on wall time, and so do their timeouts, their logs, and what the stores say of when
something was last modified.
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
"""Modules of the emulator whose `time` is modelled."""

HEALTH_PATHS = ("/_ministack/health", "/_localstack/health")
LOG_WAITS_WALL_SECONDS = (0.002, 0.001, 0.25)
"""Wall seconds to wait for a function's first log line, after its last one, and at most."""

ASYNC_RETRY_SECONDS = (60.0, 300.0)
"""Modelled seconds before the first retry of an asynchronous invocation, doubled for each further one, and
the longest: one minute, then two (Lambda developer guide, "How Lambda handles errors and retries with
asynchronous invocation")."""

STATE_CHANGE_SECONDS = 1.0
"""Modelled seconds that a new or changed function stays `Pending`."""

EVENT_SOURCE_TICK_SECONDS = 1.0
"""Modelled seconds between two looks at an idle event source, for messages that become visible again."""

_SHORTEST_TICK_WALL_SECONDS = 0.02


class ModelledTime:
    """Stands in for the module `time` inside a service. What no service uses is missing on purpose."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.strftime = time.strftime

    def time(self) -> float:
        """Return the present instant, modelled."""
        return self._clock.now()

    def gmtime(self, seconds: float | None = None) -> struct_time:
        """Split an instant, or the present one, into its parts in UTC."""
        return time.gmtime(self.time() if seconds is None else seconds)

    def sleep(self, seconds: float) -> None:
        """Wait for modelled seconds."""
        self._clock.sleep(seconds)


class PromptWake:
    """Stands in for the event that wakes the poller of event sources: no wait on it lasts longer than `tick`.

    Args:
        event: the emulator's own event, which every producer of messages sets.
        tick_wall_seconds: the longest wait.
    """

    def __init__(self, event: threading.Event, tick_wall_seconds: float) -> None:
        self.clear = event.clear
        self.set = event.set
        self._event = event
        self._tick = tick_wall_seconds

    def wait(self, timeout: float) -> bool:
        """Wait for work, for `timeout` wall seconds or a tick; return whether it was announced."""
        return self._event.wait(min(timeout, self._tick))


class FunctionsOs:
    """Stands in for the module `os` where functions' processes are made: with an environment of their own."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def apply(world: World) -> None:
    """Change the emulator to what the sandbox promises. Called once, before any request.

    Raises:
        SandboxError: the emulator is another version, or an internal is not what it was.
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
    _hasten_event_sources(world.clock)
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
    """Return the wall seconds between two looks at an idle event source."""
    return max(clock.wall_seconds(EVENT_SOURCE_TICK_SECONDS), _SHORTEST_TICK_WALL_SECONDS)


def _model_time(clock: Clock) -> None:
    for name in MODELLED:
        service = emulator.module(name)
        emulator.value(service, "time", type(time))
        emulator.replace(service, "time", ModelledTime(clock))


def _guard_queues() -> None:
    """Let one thread at a time change a queue.

    The poller of event sources runs in a thread of its own and replaces a queue's list of messages; a message
    that the loop appends to the old list meanwhile is lost. The emulator guards only the poller's side.
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
    # ReceiveMessage awaits between its looks at the queue, so only its parts can be guarded.
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
    """Give messages of S3 and of failed functions the modelled time that their services do not know."""
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


def _hasten_event_sources(clock: Clock) -> None:
    """Look at event sources every modelled second. The emulator does so every wall second."""
    functions = emulator.module("services.lambda_svc")
    tick = tick_wall_seconds(clock)
    wake = emulator.value(functions, "_esm_wake", threading.Event)
    internals.function(functions, "_poll_loop")
    emulator.replace(functions, "_esm_wake", PromptWake(wake, tick))
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
    # A function that logs nothing would wait 50 ms for its first line, in every call.
    drain = internals.function(
        worker, "_drain_stderr_bounded", "self", "first_line_wait", "idle_confirm", "hard_cap"
    )
    emulator.replace(drain, "__defaults__", LOG_WAITS_WALL_SECONDS)
    emulator.value(runtime, "os", type(os))
    internals.function(worker, "_spawn", "self")
    emulator.replace(runtime, "os", FunctionsOs(function_environment(world)))
    archives.install(world.folder / "tmp" / "code")


def function_environment(world: World) -> dict[str, str]:
    """Return what every function's process finds in its environment, beside its own variables and its keys.

    The server's environment stays out: it holds the emulator's settings, and the root key of the sandbox.
    """
    tmp = world.folder / "tmp"
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(tmp),
        # Where no ~/.aws of this machine's user is found.
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
