"""Starts and ends faults and impairments, and stores them on disk.

The server ends each one at its deadline, so that a caller that dies leaves no fault behind. Use it only in
the server's loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from drlib.sandbox.faults.impairments import Flapping, Impairment
from drlib.sandbox.front.listener import Listener
from drlib.sandbox.world import Fault, World

DEADLINE = "deadline"
REQUEST = "request"
FLAPPING = "flapping"

log = logging.getLogger("drlib.sandbox")


class Deadlines:
    """Ends named faults or impairments at their deadline, unless the deadline is removed first."""

    def __init__(self, world: World, end: Callable[[str, str], object]) -> None:
        self._world = world
        self._end = end
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def set(self, name: str, seconds: float) -> None:
        """Set the deadline of `name` to `seconds` modelled seconds from now; it replaces an earlier one."""
        self.forget(name)
        wall = self._world.clock.wall_seconds(seconds)
        self._timers[name] = asyncio.get_running_loop().call_later(wall, self._end, name, DEADLINE)

    def forget(self, name: str) -> None:
        """Remove the deadline of `name`."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        """Remove every deadline."""
        for name in list(self._timers):
            self.forget(name)


class Faults:
    """The regions' failures.

    Args:
        world: this changes its `faults`.
        listeners: region -> the listener of its edge.
    """

    def __init__(self, world: World, listeners: Mapping[str, Listener]) -> None:
        self._world = world
        self._listeners = listeners
        self._deadlines = Deadlines(world, self.heal)

    def inject(self, region: str, *, mode: str, latency_seconds: float, deadline_seconds: float) -> Fault:
        """Make a region fail until it is healed, or until `deadline_seconds` modelled seconds have passed.

        If the region already fails, the new failure replaces the old one.
        """
        at = self._world.clock.now()
        fault = Fault(mode=mode, latency_seconds=latency_seconds, at=at, deadline=at + deadline_seconds)
        self._world.faults[region] = fault
        self._listeners[region].fail(mode if mode in ("refuse", "reset", "hang") else "")
        self._deadlines.set(region, deadline_seconds)
        self._world.events.add("fault", at=at, region=region, **_without_at(fault))
        self._write(region, fault, healed_at=None, healed_by=None)
        log.info("%s fails: %s, for %g modelled seconds at most", region, mode, deadline_seconds)
        return fault

    def heal(self, region: str, by: str = REQUEST) -> tuple[float, bool]:
        """End a region's failure; return the instant, and whether there was a failure. Idempotent."""
        self._deadlines.forget(region)
        fault = self._world.faults.pop(region, None)
        self._listeners[region].fail("")
        at = self._world.clock.now()
        if fault is None:
            return at, False
        self._world.events.add("healed", at=at, region=region, mode=fault.mode, by=by)
        self._write(region, fault, healed_at=at, healed_by=by)
        log.info("%s has healed, by %s", region, by)
        return at, True

    def stop(self) -> None:
        """Remove every deadline."""
        self._deadlines.stop()

    def _write(self, region: str, fault: Fault, *, healed_at: float | None, healed_by: str | None) -> None:
        path = self._world.folder / "faults" / f"{region}.json"
        content = {"region": region, **fault.as_json(), "healed_at": healed_at, "healed_by": healed_by}
        self._world.write_json(path, content)


class Injection:
    """The impairments, by name.

    Args:
        world: this changes its `impairments`.
        faults: starts and ends the failures of a flapping region.
    """

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._facts: dict[str, dict[str, Any]] = {}
        self._deadlines = Deadlines(world, self.end)
        self._flapping: dict[str, asyncio.Task[None]] = {}

    def begin(self, name: str, impairment: Impairment, *, deadline_seconds: float) -> dict[str, Any]:
        """Start an impairment, for at most `deadline_seconds` (modelled). Replaces one with the same name.

        Returns its facts: name, kind, the kind's fields, at, deadline.
        """
        if name in self._facts:
            self.end(name)
        at = self._world.clock.now()
        facts = {"name": name, **impairment.as_json(), "at": at, "deadline": at + deadline_seconds}
        self._facts[name] = facts
        self._world.impairments.begin(name, impairment)
        if isinstance(impairment, Flapping):
            self._flapping[name] = asyncio.get_running_loop().create_task(self._flap(impairment))
        self._deadlines.set(name, deadline_seconds)
        self._world.events.add("impaired", **facts)
        self._write(name, healed_at=None, healed_by=None)
        log.info("%s: %s, for %g modelled seconds at most", name, impairment, deadline_seconds)
        return facts

    def end(self, name: str, by: str = REQUEST) -> tuple[float, bool]:
        """End an impairment; return the instant, and whether it was in force. Idempotent."""
        self._deadlines.forget(name)
        ended = self._world.impairments.end(name)
        at = self._world.clock.now()
        if ended is None:
            return at, False
        flapping = self._flapping.pop(name, None)
        if flapping is not None and isinstance(ended, Flapping):
            flapping.cancel()
            self._faults.heal(ended.region, by)
        self._world.events.add("mended", at=at, name=name, by=by, impairment=ended.kind)
        self._write(name, healed_at=at, healed_by=by)
        del self._facts[name]
        log.info("%s has ended, by %s", name, by)
        return at, True

    def in_force(self) -> dict[str, dict[str, Any]]:
        """Return the impairments in force: name -> facts."""
        return dict(self._facts)

    def stop(self) -> None:
        """Remove every deadline, and stop flapping regions."""
        self._deadlines.stop()
        for task in self._flapping.values():
            task.cancel()

    async def _flap(self, order: Flapping) -> None:
        for _ in range(order.times):
            self._faults.inject(
                order.region, mode=order.mode, latency_seconds=0.0, deadline_seconds=2 * order.down_seconds
            )
            await asyncio.sleep(self._world.clock.wall_seconds(order.down_seconds))
            self._faults.heal(order.region, FLAPPING)
            await asyncio.sleep(self._world.clock.wall_seconds(order.up_seconds))

    def _write(self, name: str, *, healed_at: float | None, healed_by: str | None) -> None:
        path = self._world.folder / "faults" / f"{name}.json"
        content = {**self._facts[name], "healed_at": healed_at, "healed_by": healed_by}
        self._world.write_json(path, content)


def _without_at(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in fault.as_json().items() if name != "at"}
