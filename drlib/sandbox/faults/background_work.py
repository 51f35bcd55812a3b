"""Work that starts without a request: it stops while a region is down, and resumes when the region heals.

- Event sources of the region are not polled: its queues keep their messages.
- Its schedules do not fire, and the missed invocations are not repeated.
- Its functions' processes are killed: a running invocation ends without an answer.
- SNS keeps its deliveries to the region's queues and functions, and makes them in order after it heals.
  It does the same while the route to the region is cut. On AWS, SNS retries for 23 days, in the end every 20
  seconds (SNS developer guide, "Message delivery retries").

The emulator's scheduler runs every 10 wall seconds, and its schedules drift. This one runs every modelled
second, and a rule with a rate keeps its interval.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from drlib.sandbox.faults.deliveries import DeliveryQueue
from drlib.sandbox.faults.in_transit import Route
from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.ministack.patches import DELIVER_TO_SQS, tick_wall_seconds
from drlib.sandbox.world import World

SNS = "sns"
SNS_RETRY_SECONDS = 20.0
"""Modelled seconds between two SNS retries after a long outage."""

LONGEST_TICK_WALL_SECONDS = 0.05
"""Longest wall time between a region's failure and the end of its functions' processes."""

log = logging.getLogger("drlib.sandbox")


class Background:
    """The component that controls the emulator's background work."""

    def __init__(self, world: World) -> None:
        self._deliveries = SnsDeliveries(world)
        self._thread = BackgroundThread(world, EventSuspension(world))

    def start(self) -> None:
        """Start the threads."""
        self._deliveries.start()
        self._thread.start()

    def stop(self) -> None:
        """End the threads."""
        self._thread.stop()
        self._deliveries.stop()


DELIVER_TO_LAMBDA = (
    "endpoint", "envelope", "topic_arn", "sub_arn", "msg_id", "raw_message", "message_attributes",
)  # fmt: skip


class EventSuspension:
    """Suspends the event sources and the schedules of regions that are down."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._responses = emulator.module("core.responses")
        functions = emulator.module("services.lambda_svc")
        self._all_event_sources = internals.function(functions, "_iter_all_esms")
        emulator.replace(functions, "_iter_all_esms", self._event_sources)
        self._events = emulator.module("services.eventbridge")
        self._scheduler = emulator.module("services.scheduler")
        self._fire = internals.function(self._events, "_invoke_target", "target", "event", "rule", "view")
        emulator.replace(self._events, "_invoke_target", self._fire_unless_down)
        self._tick_rules = internals.function(self._events, "_tick_scheduled_rules")
        self._tick_schedules = internals.function(self._scheduler, "_tick_schedules")
        self._rate_seconds = internals.function(self._events, "_parse_rate_seconds", "expr")
        # The emulator's scheduler calls these two functions.
        emulator.replace(self._events, "_tick_scheduled_rules", _nothing)
        emulator.replace(self._scheduler, "_tick_schedules", _nothing)
        self._rules = emulator.value(self._events, "_rules", self._responses.AccountRegionScopedDict)
        self._fired: dict[Any, float] = emulator.value(self._events, "_rule_last_fired", dict)

    def tick(self) -> None:
        """Fire every schedule that is due. Call it in one thread only."""
        before = dict(self._fired)
        self._tick_rules()
        for key, fired in list(self._fired.items()):
            rule = self._rules._data.get(key)
            if rule is None:
                # A later rule with the same name starts with a new interval.
                del self._fired[key]
                continue
            interval = self._rate_seconds(rule.get("ScheduleExpression", ""))
            if interval:
                last = before.get(key, rule.get("CreationTime", fired))
                self._fired[key] = fired - (fired - last) % interval
        self._tick_schedules()

    def _event_sources(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for account, region, event_source in self._all_event_sources():
            if not self._world.is_down(region):
                yield account, region, event_source

    def _fire_unless_down(self, *args: Any, **kwargs: Any) -> None:
        if not self._world.is_down(self._responses.get_region()):
            self._fire(*args, **kwargs)


class SnsDeliveries:
    """Holds SNS deliveries to a region that is down, and makes them after the region heals."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._responses = emulator.module("core.responses")
        sns = emulator.module("services.sns")
        self._delivery_queue = DeliveryQueue(world, name="drlib-sns")
        retry = world.random(f"{SNS}/retry")
        self._delivery_queue.serve(
            SNS, delay=lambda: 0.0, delay_after_outage=lambda: retry.uniform(0.0, SNS_RETRY_SECONDS)
        )
        for name, parameters, start in (
            ("_deliver_to_sqs", DELIVER_TO_SQS, _at_once),
            ("_deliver_to_lambda", DELIVER_TO_LAMBDA, _in_thread),
        ):
            deliver = internals.function(sns, name, *parameters)
            emulator.replace(sns, name, self._holding(deliver, start))

    def start(self) -> None:
        """Start the delivery thread."""
        self._delivery_queue.start()

    def stop(self) -> None:
        """End the thread."""
        self._delivery_queue.stop()

    def _holding(self, deliver: Callable[..., None], start: Callable[..., None]) -> Callable[..., None]:
        """Return a `deliver(endpoint, ...)` that waits while the endpoint's region is down or cut off.

        `start` calls it with its arguments when the region heals.
        """

        @functools.wraps(deliver)
        def held(endpoint: str, *args: Any, **kwargs: Any) -> None:
            route = Route(SNS, self._responses.get_region(), region_of(endpoint))
            cut = self._world.impairments.is_cut(SNS, route.source, route.target)
            if (
                not self._world.is_down(route.target)
                and not cut
                and not self._delivery_queue.waits(route, endpoint)
            ):
                deliver(endpoint, *args, **kwargs)
                return
            context = contextvars.copy_context()
            call = functools.partial(start, context.run, deliver, endpoint, *args, **kwargs)
            self._delivery_queue.send(route, endpoint, lambda now: call())

        return held


class BackgroundThread:
    """A thread that fires schedules and kills the functions of regions that are down.

    Args:
        world: its faults apply.
        suspension: fires the schedules.
    """

    def __init__(self, world: World, suspension: EventSuspension) -> None:
        self._world = world
        self._suspension = suspension
        self._runtime = emulator.module("core.lambda_runtime")
        emulator.value(self._runtime, "_workers", dict)
        emulator.value(self._runtime, "_lock", type(threading.Lock()))
        internals.function(self._runtime, "kill_workers", "workers")
        internals.function(self._runtime, "_worker_key", "func_name", "config", "qualifier")
        world.end_idle_functions = self.end_idle_functions
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drlib-background", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause = min(tick_wall_seconds(self._world.clock), LONGEST_TICK_WALL_SECONDS)
        while not self._stopping.wait(pause):
            try:
                self._suspension.tick()
                down = {region for region in list(self._world.faults) if self._world.is_down(region)}
                if down:
                    self._kill_functions(down)
            except Exception:
                log.exception("background work failed")

    def end_idle_functions(self, region: str) -> int:
        """End the idle processes of a region's functions; return how many there were."""
        return self._kill_functions({region}, idle=True)

    def _kill_functions(self, regions: set[str], *, idle: bool = False) -> int:
        """Kill the processes of functions in `regions`, or only the idle ones; return how many.

        In an outage it runs repeatedly, because a late invocation can start another process.
        """

        def is_selected(worker: Any) -> bool:
            # A worker without a process is starting; the next call handles it.
            return worker._proc is not None and not (idle and worker.in_use)

        selected = []
        with self._runtime._lock:
            for key, workers in list(self._runtime._workers.items()):
                if key.split(":")[1] in regions:
                    selected += [worker for worker in workers if is_selected(worker)]
                    self._runtime._workers[key] = [worker for worker in workers if worker not in selected]
        for worker in selected:
            process = worker._proc
            if process is not None:
                process.kill()
        if selected:
            self._runtime.kill_workers(selected)
        return len(selected)


def region_of(arn: str) -> str:
    """Return the region that an ARN names."""
    return arn.split(":")[3] if arn.count(":") >= 5 else ""


def start(world: World) -> Background:
    """Start the component. Call it once in a process, after `patches.apply`."""
    background = Background(world)
    background.start()
    return background


def _at_once(call: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    call(*args, **kwargs)


def _in_thread(call: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    # A function can run for long, and it sends requests to this server.
    threading.Thread(target=call, args=args, kwargs=kwargs, daemon=True).start()


def _nothing() -> None:
    """Replaces a function of the emulator's scheduler."""
