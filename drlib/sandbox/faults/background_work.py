"""What happens without a request: a region that is down does none of it, and resumes when it heals.

- Event sources of the region are not polled: its queues keep their messages.
- Its schedules do not fire: what should have fired meanwhile is missed.
- Its functions' processes are killed: an invocation that was running ends without an answer.
- SNS keeps what it should deliver into the region's queues and functions, and delivers it in order after
  healing; so it does while the route there is cut. On AWS it retries for 23 days, in the end every 20
  seconds (SNS developer guide, "Message delivery retries").

The emulator's own clockwork looks at schedules every 10 wall seconds and lets them drift; ours does so every
modelled second, and a rule with a rate keeps its rhythm.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from drlib.sandbox.faults.deliveries import Courier
from drlib.sandbox.faults.in_transit import Route
from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.ministack.patches import DELIVER_TO_SQS, tick_wall_seconds
from drlib.sandbox.world import World

SNS = "sns"
SNS_RETRY_SECONDS = 20.0
"""Modelled seconds between two attempts of SNS to deliver into a region that has been away for long."""

LONGEST_TICK_WALL_SECONDS = 0.05
"""Wall seconds after which the functions of a region that fails are killed at the latest."""

log = logging.getLogger("drlib.sandbox")


class Background:
    """The component: gates what the emulator does by itself."""

    def __init__(self, world: World) -> None:
        self._hold = DeliveryHold(world)
        self._keeper = Keeper(world, EventGate(world))

    def start(self) -> None:
        """Begin."""
        self._hold.start()
        self._keeper.start()

    def stop(self) -> None:
        """End the threads."""
        self._keeper.stop()
        self._hold.stop()


DELIVER_TO_LAMBDA = (
    "endpoint", "envelope", "topic_arn", "sub_arn", "msg_id", "raw_message", "message_attributes",
)  # fmt: skip


class EventGate:
    """Stops the event sources and the schedules of regions that are down."""

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
        # The emulator's own clockwork calls them by these names.
        emulator.replace(self._events, "_tick_scheduled_rules", _nothing)
        emulator.replace(self._scheduler, "_tick_schedules", _nothing)
        self._rules = emulator.value(self._events, "_rules", self._responses.AccountRegionScopedDict)
        self._fired: dict[Any, float] = emulator.value(self._events, "_rule_last_fired", dict)

    def tick(self) -> None:
        """Fire every schedule that is due. In one thread only."""
        before = dict(self._fired)
        self._tick_rules()
        for key, fired in list(self._fired.items()):
            rule = self._rules._data.get(key)
            if rule is None:
                # A rule of the same name that is created later starts anew.
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


class DeliveryHold:
    """Keeps what SNS should deliver into a region that is down, and delivers it after healing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._responses = emulator.module("core.responses")
        sns = emulator.module("services.sns")
        self._courier = Courier(world, name="drlib-sns")
        retry = world.random(f"{SNS}/retry")
        self._courier.serve(
            SNS, delay=lambda: 0.0, delay_after_outage=lambda: retry.uniform(0.0, SNS_RETRY_SECONDS)
        )
        for name, parameters, start in (
            ("_deliver_to_sqs", DELIVER_TO_SQS, _at_once),
            ("_deliver_to_lambda", DELIVER_TO_LAMBDA, _in_thread),
        ):
            deliver = internals.function(sns, name, *parameters)
            emulator.replace(sns, name, self._holding(deliver, start))

    def start(self) -> None:
        """Begin to deliver what is kept."""
        self._courier.start()

    def stop(self) -> None:
        """End the thread."""
        self._courier.stop()

    def _holding(self, deliver: Callable[..., None], start: Callable[..., None]) -> Callable[..., None]:
        """Return `deliver(endpoint, ...)`, which is kept while the endpoint's region is down or cut off.

        `start` calls it, with its arguments, when the region is whole again.
        """

        @functools.wraps(deliver)
        def held(endpoint: str, *args: Any, **kwargs: Any) -> None:
            route = Route(SNS, self._responses.get_region(), region_of(endpoint))
            cut = self._world.impairments.is_cut(SNS, route.source, route.target)
            if not self._world.is_down(route.target) and not cut and not self._courier.waits(route, endpoint):
                deliver(endpoint, *args, **kwargs)
                return
            context = contextvars.copy_context()
            call = functools.partial(start, context.run, deliver, endpoint, *args, **kwargs)
            self._courier.send(route, endpoint, lambda now: call())

        return held


class Keeper:
    """One thread: fires schedules, and kills the functions of regions that are down.

    Args:
        world: its faults decide.
        gate: holds the schedules.
    """

    def __init__(self, world: World, gate: EventGate) -> None:
        self._world = world
        self._gate = gate
        self._runtime = emulator.module("core.lambda_runtime")
        emulator.value(self._runtime, "_workers", dict)
        emulator.value(self._runtime, "_lock", type(threading.Lock()))
        internals.function(self._runtime, "kill_workers", "workers")
        internals.function(self._runtime, "_worker_key", "func_name", "config", "qualifier")
        world.chill = self.chill
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drlib-background", daemon=True)

    def start(self) -> None:
        """Begin to fire schedules."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause = min(tick_wall_seconds(self._world.clock), LONGEST_TICK_WALL_SECONDS)
        while not self._stopping.wait(pause):
            try:
                self._gate.tick()
                down = {region for region in list(self._world.faults) if self._world.is_down(region)}
                if down:
                    self._kill_functions(down)
            except Exception:
                log.exception("background work failed")

    def chill(self, region: str) -> int:
        """End the processes of a region's functions that wait for work, and return how many there were."""
        return self._kill_functions({region}, idle=True)

    def _kill_functions(self, regions: set[str], *, idle: bool = False) -> int:
        """Kill the processes of functions in `regions`, or those alone that are idle; return how many.

        In an outage repeatedly: a late invocation can start one more.
        """

        def is_doomed(worker: Any) -> bool:
            # One without a process yet is just being started: next time.
            return worker._proc is not None and not (idle and worker.in_use)

        doomed = []
        with self._runtime._lock:
            for key, workers in list(self._runtime._workers.items()):
                if key.split(":")[1] in regions:
                    doomed += [worker for worker in workers if is_doomed(worker)]
                    self._runtime._workers[key] = [worker for worker in workers if worker not in doomed]
        for worker in doomed:
            process = worker._proc
            if process is not None:
                process.kill()
        if doomed:
            self._runtime.kill_workers(doomed)
        return len(doomed)


def region_of(arn: str) -> str:
    """Return the region that an ARN names."""
    return arn.split(":")[3] if arn.count(":") >= 5 else ""


def start(world: World) -> Background:
    """Gate the emulator's background work. Once a process, after `patches.apply`."""
    background = Background(world)
    background.start()
    return background


def _at_once(call: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    call(*args, **kwargs)


def _in_thread(call: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    # A function runs for as long as it likes, and asks this very server for what it needs.
    threading.Thread(target=call, args=args, kwargs=kwargs, daemon=True).start()


def _nothing() -> None:
    """Stands in for the emulator's own clockwork."""
