"""What the components share."""

from __future__ import annotations

import threading
from pathlib import Path

from drlib.core.clock import Clock
from drlib.sandbox import world as world_module
from drlib.sandbox.world import ApiRequests, EventLog, Fault, World


def make_world(folder: Path, seed: int = 1) -> World:
    return World(
        clock=Clock(scale=20, anchor=1000),
        instance_id="i",
        folder=folder,
        seed=seed,
        replication_lag_seconds=1,
        edges={"us-east-2": "127.0.0.12", "us-west-2": "127.0.0.14"},
        edge_ports={"us-east-2": 1, "us-west-2": 2},
        edge_hosts={"us-east-2": "127.0.0.1", "us-west-2": "127.0.0.14"},
        aws_port=3,
        dns_port=4,
    )


def test_a_slow_region_is_not_down(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    assert not world.is_down("us-east-2")
    for mode in world_module.FAULT_MODES:
        world.faults["us-east-2"] = Fault(mode=mode, latency_seconds=1, at=0, deadline=1)
        assert world.is_down("us-east-2") is (mode != "latency")
        assert not world.is_down("us-west-2")


def test_addresses_lead_to_regions_and_regions_to_sockets(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    assert world.region_of_address("127.0.0.14") == "us-west-2"
    assert world.region_of_address("127.0.0.1") is None
    assert world.connect_to("us-east-2") == ("127.0.0.1", 1)


def test_chance_repeats_with_the_seed_and_differs_by_name(tmp_path: Path) -> None:
    def draw(seed: int, name: str) -> list[float]:
        stream = make_world(tmp_path, seed).random(name)
        return [stream.random() for _ in range(3)]

    assert draw(1, "a") == draw(1, "a")
    assert draw(1, "a") != draw(1, "b")
    assert draw(1, "a") != draw(2, "a")


def test_events_are_numbered_and_read_from_where_one_was() -> None:
    log = EventLog(Clock())
    assert [log.add("a", n=1), log.add("b", at=5.0), log.add("c")] == [1, 2, 3]
    assert [event["seq"] for event in log.since(0)] == [1, 2, 3]
    assert log.since(1)[0] == {"seq": 2, "at": 5.0, "kind": "b", "detail": {}}
    assert log.since(3) == log.since(99) == []


def test_old_events_fall_out_and_numbers_go_on(monkeypatch: object) -> None:
    log = EventLog(Clock())
    many = world_module.EVENTS_KEPT + 5
    for _ in range(many):
        log.add("e")
    kept = log.since(0)
    assert len(kept) < many
    assert [event["seq"] for event in kept] == list(range(many - len(kept) + 1, many + 1))
    assert [event["seq"] for event in log.since(many - 2)] == [many - 1, many]


def test_events_of_several_threads_are_all_there() -> None:
    log = EventLog(Clock())

    def add() -> None:
        for _ in range(500):
            log.add("e")

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event["seq"] for event in log.since(0)] == list(range(1, 2001))


def test_requests_are_counted_by_stage_until_they_are_taken() -> None:
    requests = ApiRequests()
    for status, latency in ((200, 10.0), (404, 20.0), (500, 30.0), (302, 40.0)):
        requests.add(region="r", api_id="a", stage="$default", status=status, latency_ms=latency)
    requests.add(region="r", api_id="b", stage="$default", status=200, latency_ms=1.0)
    taken = requests.drain()
    counts = taken[("r", "a", "$default")]
    assert (counts.requests, counts.client_errors, counts.server_errors) == (4, 1, 1)
    assert counts.latencies_ms == [10.0, 20.0, 30.0, 40.0]
    assert taken[("r", "b", "$default")].requests == 1
    assert requests.drain() == {}


def test_a_json_file_is_written_whole(tmp_path: Path) -> None:
    make_world(tmp_path).write_json(tmp_path / "a" / "b.json", {"x": 1})
    assert (tmp_path / "a" / "b.json").read_text() == '{\n  "x": 1\n}\n'
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]
