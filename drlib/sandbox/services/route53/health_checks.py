"""Route 53's health checkers: their schedule, their checks and the resulting statuses.

Each endpoint check has one checker in each of its regions (by default all eight of Route 53), with the same
interval and evenly spread phases, so that the detection time can be predicted. A fault in a region does not
stop the checker of that region, because the checkers belong to Route 53.

Source: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
from collections.abc import Mapping
from typing import Any

from drlib.sandbox.services.route53 import check_targets, checker, control_plane, status_board
from drlib.sandbox.services.route53.evaluation import CheckerStatus, StatusEvaluator, phases
from drlib.sandbox.services.route53.refusals import CHECKER_REGIONS, ENDPOINT_TYPES
from drlib.sandbox.services.route53.status_board import CheckerObservation
from drlib.sandbox.world import World

RECONCILE_WALL_SECONDS = 1.0
MAX_CONCURRENT_CHECKS = 2
"""Checks of one endpoint that run at the same time: on a slow machine each further one would start another
process of the function. Route 53 has no such limit."""
MAX_SLOT_WAIT_WALL_SECONDS = 1.0
"""Wall seconds for which a check waits for a slot; then it runs without one."""

log = logging.getLogger("drlib.sandbox")


class HealthCheckers:
    """Runs the checkers, in a separate event loop and thread: they and the server do not delay each other.

    Args:
        world: the clock, the edges, the faults, and the log of events.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._board = status_board.board_of(world)
        self._evaluator = StatusEvaluator(self._board)
        self._tls = checker.insecure_context()
        self._checks: dict[str, dict[str, Any]] = {}
        self._running: dict[str, tuple[str, list[asyncio.Task[None]]]] = {}
        self._checker_statuses: dict[str, dict[str, CheckerStatus]] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._stopping = False
        self._unsubscribe = [
            self._board.subscribe(topic, self._wake) for topic in (status_board.CHECKS, status_board.STREAMS)
        ]
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name="drlib-health", daemon=True
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop every check and the thread."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._stopping = True
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._changed.set)

    async def _run(self) -> None:
        """Follow the existing checks until `stop`; also poll, because a reset sends no notification."""
        self._loop = asyncio.get_running_loop()
        while not self._stopping:
            try:
                self._reconcile()
            except Exception:
                # One broken health check must not stop the others.
                log.exception("following the health checks failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), RECONCILE_WALL_SECONDS)
            self._changed.clear()
        for check_id in list(self._running):
            self._stop_checkers(check_id)
        await asyncio.sleep(0)

    def _reconcile(self) -> None:
        checks = control_plane.health_checks()
        self._checks = {check_id: check["config"] for check_id, check in checks.items()}
        wanted = {check_id: schedule(config) for check_id, config in self._checks.items()}
        for check_id in list(self._running):
            if wanted.get(check_id) != self._running[check_id][0]:
                self._stop_checkers(check_id)
        for check_id, key in wanted.items():
            if key and check_id not in self._running:
                self._start_checkers(check_id, key, checks[check_id]["caller_reference"])
        self._update()

    def _start_checkers(self, check_id: str, key: str, name: str) -> None:
        config = self._checks[check_id]
        regions = sorted(config.get("Regions") or CHECKER_REGIONS)
        random = self._world.random(f"health/{name}")
        interval = float(config.get("RequestInterval") or 30)
        offsets = phases(
            len(regions),
            interval=interval,
            start=random.uniform(0, interval),
            jitters=[random.uniform(-1, 1) for _ in regions],
        )
        self._checker_statuses[check_id] = {region: CheckerStatus() for region in regions}
        self._slots[check_id] = asyncio.Semaphore(MAX_CONCURRENT_CHECKS)
        first_result = asyncio.Event()
        tasks = [
            asyncio.create_task(
                self._check_repeatedly(check_id, region, interval, offset, first_result, first=not index)
            )
            for index, (region, offset) in enumerate(zip(regions, offsets, strict=True))
        ]
        self._running[check_id] = key, tasks

    def _stop_checkers(self, check_id: str) -> None:
        for task in self._running.pop(check_id)[1]:
            task.cancel()
        self._checker_statuses.pop(check_id, None)
        self._slots.pop(check_id, None)
        self._board.forget(check_id)

    async def _check_repeatedly(
        self,
        check_id: str,
        region: str,
        interval: float,
        offset: float,
        first_result: asyncio.Event,
        *,
        first: bool,
    ) -> None:
        """Check once in each interval, at the checker's phase; a late checker skips the missed checks.

        AWS counts the interval from a response to the next request; a fixed grid keeps the phases spread. The
        other checkers start after the first response: a new function would otherwise start one process for
        each checker.
        """
        clock, slots = self._world.clock, self._slots[check_id]
        if not first:
            with contextlib.suppress(TimeoutError):
                longest = clock.wall_seconds(interval) + checker.MIN_LIMIT_WALL_SECONDS
                await asyncio.wait_for(first_result.wait(), longest)
        round_number = 0
        while True:
            round_number = max(round_number + 1, math.ceil((clock.now() - clock.anchor - offset) / interval))
            await asyncio.sleep(
                clock.wall_seconds(clock.anchor + offset + round_number * interval - clock.now())
            )
            try:
                passed, text = await self._check(region, self._checks[check_id], slots)
            except Exception as error:
                log.exception("checking %s failed", check_id)
                passed, text = False, f"Failure: {type(error).__name__}"
            if self._slots.get(check_id) is not slots:
                return  # stopped during the check: the result can arrive before the cancellation
            self._record_result(check_id, region, passed, text)
            first_result.set()

    def _record_result(self, check_id: str, region: str, passed: bool, text: str) -> None:
        at = self._world.clock.now()
        before = {seen.region: seen.ok for seen in self._board.observations(check_id)}
        self._board.observe(check_id, CheckerObservation(region, checker_address(region), passed, text, at))
        if before.get(region) is not passed and (not passed or region in before):
            kind = "check_passed" if passed else "check_failed"
            self._world.events.add(kind, at=at, id=check_id, checker=region, text=text)
        threshold = int(self._checks[check_id].get("FailureThreshold") or 3)
        if self._checker_statuses[check_id][region].add_result(passed, threshold=threshold):
            self._update(at=at)

    def _update(self, *, at: float | None = None) -> None:
        """Compute all statuses, and notify of those that changed."""
        checker_statuses = {
            check_id: [checker_status.healthy for checker_status in by_region.values()]
            for check_id, by_region in self._checker_statuses.items()
        }
        changed = self._board.set_healthy(self._evaluator.statuses(self._checks, checker_statuses))
        for check_id, healthy in changed.items():
            facts = status_board.known_facts(
                type=self._checks[check_id].get("Type"),
                checkers=len(checker_statuses[check_id]) if check_id in checker_statuses else None,
                checkers_healthy=sum(checker_statuses[check_id]) if check_id in checker_statuses else None,
            )
            self._world.events.add("health_check", at=at, id=check_id, healthy=healthy, **facts)
        if changed:
            self._board.notify(status_board.HEALTH)

    async def _check(
        self, checker_region: str, config: Mapping[str, Any], slots: asyncio.Semaphore
    ) -> tuple[bool, str]:
        """Check once, as the checker of `checker_region`."""
        found = check_targets.locate(config, self._world, self._board)
        if found is None:
            return False, "Failure: DNS resolution failed: Rcode NXDomain(3)"
        endpoint, region = found
        if region and self._world.impairments.is_hidden(region, checker_region):
            await asyncio.sleep(self._world.clock.wall_seconds(checker.CONNECT_SECONDS))
            return False, checker.timeout_report(endpoint)

        def injected() -> float:
            return self._injected_seconds(region, endpoint.path)

        limits = checker.TimeLimits(self._world.clock.scale, injected)
        if injected():
            # It waits for the injected delay and needs no slot.
            return await checker.check(endpoint, limits, self._tls)
        taken = False
        with contextlib.suppress(TimeoutError):
            taken = await asyncio.wait_for(slots.acquire(), MAX_SLOT_WAIT_WALL_SECONDS)
        try:
            return await checker.check(endpoint, limits, self._tls)
        finally:
            if taken:
                slots.release()

    def _injected_seconds(self, region: str | None, path: str) -> float:
        """Return the modelled seconds by which faults delay a region's response for `path`."""
        if region is None:
            return 0.0
        fault = self._world.faults.get(region)
        delay = self._world.impairments.latency_seconds(region, path)
        if fault is None:
            return delay
        return math.inf if fault.mode == "hang" else max(delay, fault.latency_seconds)


def schedule(config: Mapping[str, Any]) -> str:
    """Return the schedule of a configuration as a comparable text; empty if no checker runs."""
    if config.get("Type") not in ENDPOINT_TYPES or config.get("Disabled"):
        return ""
    regions = sorted(config.get("Regions") or CHECKER_REGIONS)
    return f"{config['Type']} {config.get('RequestInterval') or 30} {' '.join(regions)}"


def checker_address(region: str) -> str:
    """Return the reported address of a region's checker. Its requests come from loopback."""
    return f"192.0.2.{CHECKER_REGIONS.index(region) + 1}"


def start(world: World) -> HealthCheckers:
    """Start the checkers of `world`, and connect their results to the Route 53 API."""
    control_plane.apply(status_board.board_of(world), world.edges)
    health = HealthCheckers(world)
    health.start()
    return health
