"""Deliveries between regions, with a clock that stands until it is moved and deliveries made on the spot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest

from drlib.core.clock import Clock
from drlib.sandbox.faults.deliveries import DeliveryQueue
from drlib.sandbox.faults.in_transit import Route
from drlib.sandbox.world import Fault, World
from tests.unit.sandbox.worlds import standing, world

EAST, WEST = "us-east-2", "us-west-2"
THERE = Route("letters", EAST, WEST)
BACK = Route("letters", WEST, EAST)


def on_the_spot(function: Callable[..., None], *args: Any) -> None:
    function(*args)


class Bench:
    """A deliveries with letters: what arrived, and when."""

    def __init__(self, folder: Path, *delays: float, after_outage: float = 5.0) -> None:
        self.clock = standing(1000.0)
        self.world = world(folder, self.clock)
        self.arrived: list[tuple[str, float]] = []
        draws = iter(delays)
        self.deliveries = DeliveryQueue(self.world, name="bench", post=on_the_spot)
        self.deliveries.serve(
            "letters", delay=lambda: next(draws, 1.0), delay_after_outage=lambda: after_outage
        )

    def send(self, text: str, *, key: str = "", route: Route = THERE) -> None:
        self.deliveries.send(route, key or text, lambda now: self.arrived.append((text, now)))

    def turn_at(self, seconds: float) -> float:
        self.clock.set(1000.0 + seconds)
        return self.deliveries.turn() - 1000.0

    def texts(self) -> list[str]:
        return [text for text, _ in self.arrived]

    def fail(self, region: str, mode: str = "refuse") -> None:
        self.world.faults[region] = Fault(mode=mode, latency_seconds=0, at=0, deadline=inf)

    def heal(self, region: str) -> None:
        del self.world.faults[region]

    def events(self) -> list[dict[str, Any]]:
        return [event["detail"] for event in self.world.events.since()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_parcel_arrives_after_its_delay_and_not_before(bench: Bench) -> None:
    bench.send("a")
    assert bench.turn_at(0.9) == pytest.approx(1.0)
    assert bench.arrived == []
    assert bench.turn_at(1.1) == inf
    assert bench.arrived == [("a", 1001.1)]


def test_parcels_of_one_key_keep_their_order_whatever_their_delays(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 9.0, 1.0, 4.0, 2.0)
    for text in ("1", "2", "3"):
        bench.send(text, key="same")
    bench.send("other")
    bench.turn_at(5.0)
    assert bench.texts() == ["other"]
    bench.turn_at(9.0)
    assert bench.texts() == ["other", "1", "2", "3"]


@pytest.mark.parametrize("region", [EAST, WEST])
def test_a_route_waits_while_either_end_is_down(bench: Bench, region: str) -> None:
    bench.send("a")
    bench.fail(region)
    assert bench.turn_at(50.0) > 50.0
    assert bench.arrived == []
    assert bench.deliveries.pending("letters") == {"us-east-2->us-west-2": 1}
    assert bench.deliveries.oldest_seconds("letters") == {"us-east-2->us-west-2": 50}


def test_a_slow_region_delays_nothing(bench: Bench) -> None:
    bench.send("a")
    bench.fail(WEST, "latency")
    bench.turn_at(1.0)
    assert bench.texts() == ["a"]


def test_other_routes_go_on(bench: Bench) -> None:
    bench.fail("us-east-1")
    bench.send("a", route=Route("letters", "us-east-1", WEST))
    bench.send("b")
    bench.turn_at(2.0)
    assert bench.texts() == ["b"]


def test_what_waited_gets_a_fresh_delay_and_keeps_its_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path, after_outage=5.0)
    bench.fail(WEST)
    for text in ("1", "2", "3"):
        bench.send(text, key="same")
    bench.turn_at(100.0)
    bench.heal(WEST)
    assert bench.turn_at(110.0) == pytest.approx(115.0)
    assert bench.arrived == []
    bench.send("4", key="same")
    bench.turn_at(115.0)
    assert bench.texts() == ["1", "2", "3", "4"]


def test_the_end_of_a_backlog_is_an_event(bench: Bench) -> None:
    bench.send("a")
    bench.fail(EAST)
    bench.send("b")
    bench.turn_at(20.0)
    bench.heal(EAST)
    bench.turn_at(30.0)
    bench.send("later: no part of the backlog")
    assert bench.events() == []
    bench.turn_at(36.0)
    assert bench.events() == [
        {
            "service": "letters",
            "source": EAST,
            "target": WEST,
            "count": 2,
            "oldest_seconds": 30.0,
            "held_seconds": 10.0,
            "drained_seconds": 6.0,
        }
    ]


def test_without_an_outage_there_is_no_event(bench: Bench) -> None:
    bench.send("a")
    bench.turn_at(2.0)
    assert bench.events() == []


def test_nothing_arrives_after_the_region_failed_even_if_it_was_handed_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    posted: list[Callable[[], None]] = []
    bench.deliveries = DeliveryQueue(
        bench.world, name="bench", post=lambda function, *args: posted.append(lambda: function(*args))
    )
    bench.deliveries.serve("letters", delay=lambda: 1.0, delay_after_outage=lambda: 1.0)
    bench.send("1", key="same")
    bench.send("2", key="same")
    bench.turn_at(1.0)
    bench.fail(WEST)
    posted.pop()()
    assert bench.arrived == []
    assert bench.deliveries.pending("letters") == {"us-east-2->us-west-2": 2}
    bench.turn_at(2.0)
    bench.heal(WEST)
    bench.turn_at(3.0)
    bench.turn_at(4.0)
    posted.pop()()
    assert bench.texts() == ["1", "2"]
    assert bench.events()[0]["count"] == 2


def test_more_than_a_batch_arrives_whole_and_in_order(bench: Bench) -> None:
    numbers = [str(number) for number in range(250)]
    for number in numbers:
        bench.send(number, key="same")
    bench.turn_at(1.0)
    assert bench.texts() == numbers


def test_a_failing_delivery_is_dropped_and_the_next_one_made(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(now: float) -> None:
        raise RuntimeError("no such table")

    bench.deliveries.send(THERE, "same", fail)
    bench.send("next", key="same")
    bench.turn_at(1.0)
    assert bench.texts() == ["next"]
    assert "no such table" in caplog.text
    assert bench.deliveries.pending("letters") == {"us-east-2->us-west-2": 0}


def test_discarded_parcels_never_arrive(bench: Bench) -> None:
    bench.fail(WEST)
    bench.send("keep")
    bench.send("drop")
    bench.turn_at(1.0)
    assert bench.deliveries.discard(lambda route, key: key == "drop") == 1
    bench.heal(WEST)
    bench.turn_at(2.0)
    bench.turn_at(7.0)
    assert bench.texts() == ["keep"]


def test_a_lane_that_was_emptied_during_an_outage_has_no_backlog_afterwards(bench: Bench) -> None:
    bench.fail(WEST)
    bench.send("drop")
    bench.turn_at(1.0)
    bench.deliveries.discard(lambda route, key: True)
    bench.heal(WEST)
    bench.send("later")
    bench.turn_at(2.0)
    bench.turn_at(3.0)
    assert bench.texts() == ["later"]
    assert bench.events() == []


def test_a_key_waits_until_its_last_parcel_arrived(bench: Bench) -> None:
    bench.send("a", key="same")
    assert bench.deliveries.waits(THERE, "same")
    assert not bench.deliveries.waits(THERE, "other")
    assert not bench.deliveries.waits(BACK, "same")
    bench.turn_at(1.0)
    assert not bench.deliveries.waits(THERE, "same")


def test_the_backlog_is_reported_by_service(bench: Bench) -> None:
    bench.send("a")
    bench.send("b", route=BACK)
    assert bench.world.backlog["letters"]() == {"us-east-2->us-west-2": 1, "us-west-2->us-east-2": 1}
    bench.clock.set(1000.9)
    assert bench.world.backlog["letters_oldest_seconds"]() == dict.fromkeys(
        ("us-east-2->us-west-2", "us-west-2->us-east-2"), 0
    )


@pytest.mark.parametrize("sends_first", [True, False])
def test_the_thread_wakes_for_what_comes_and_ends_when_told(tmp_path: Path, sends_first: bool) -> None:
    running: World = world(tmp_path, Clock(scale=20.0, anchor=0.0))
    deliveries = DeliveryQueue(running, name="bench", post=on_the_spot)
    deliveries.serve("letters", delay=lambda: 0.1, delay_after_outage=lambda: 0.0)
    arrived = threading.Event()
    if not sends_first:
        deliveries.start()
    deliveries.send(THERE, "a", lambda now: arrived.set())
    if sends_first:
        deliveries.start()
    assert arrived.wait(30)
    deliveries.stop()
    assert "bench" not in [thread.name for thread in threading.enumerate()]


def test_the_thread_notices_that_a_region_healed(tmp_path: Path) -> None:
    running: World = world(tmp_path, Clock(scale=20.0, anchor=0.0))
    running.faults[WEST] = Fault(mode="hang", latency_seconds=0, at=0, deadline=inf)
    deliveries = DeliveryQueue(running, name="bench", post=on_the_spot)
    deliveries.serve("letters", delay=lambda: 0.0, delay_after_outage=lambda: 0.0)
    arrived = threading.Event()
    deliveries.start()
    deliveries.send(THERE, "a", lambda now: arrived.set())
    # The thread has looked at the route once it says so.
    while deliveries._queues[THERE].held_since is None:
        threading.Event().wait(0.001)
    assert not arrived.is_set()
    del running.faults[WEST]
    assert arrived.wait(30)
    deliveries.stop()
