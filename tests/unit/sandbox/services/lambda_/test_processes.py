"""The limit on the processes of a function: further invocations wait for a free process."""

from __future__ import annotations

import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest

from drlib.core.errors import SandboxError
from drlib.sandbox.front import disconnects
from drlib.sandbox.ministack import emulator
from drlib.sandbox.services.lambda_ import processes


class Pool:
    """The emulator's pool of processes: its signatures and its limit."""

    def __init__(self) -> None:
        self.free: list[str] = []
        self.made = 0
        self.lock = threading.Lock()
        self.asked = threading.Event()

    def acquire_worker(
        self,
        func_name: str,
        config: Any,
        code_zip: bytes,
        qualifier: str = "",
        max_concurrency: int | None = None,
    ) -> tuple[str | None, str]:
        with self.lock:
            if self.free:
                return self.free.pop(), "reused"
            if max_concurrency and self.made >= max_concurrency:
                self.asked.set()
                return None, "func_cap"
            self.made += 1
            return f"process {self.made}", "spawn"

    def release_worker(self, worker: str) -> None:
        with self.lock:
            self.free.append(worker)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pool = Pool()
    fake = types.SimpleNamespace(
        __name__="lambda_svc",
        acquire_worker=pool.acquire_worker,
        release_worker=pool.release_worker,
        pool=pool,
    )
    monkeypatch.setattr(emulator, "module", lambda name: fake)
    monkeypatch.setattr(emulator, "replace", setattr)
    return fake


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="each concurrent invocation has its own execution environment",
    level="approximated",
    source="Lambda Developer Guide, Understanding Lambda function scaling",
    note="a function has two processes; further invocations wait, where AWS starts more environments",
)
def test_a_function_has_no_more_processes_than_allowed(service: Any) -> None:
    processes.apply()
    held = [service.acquire_worker("f", {}, b"")[0] for _ in range(processes.MAX_PROCESSES)]
    served: list[str] = []
    waiting = threading.Thread(target=lambda: served.append(service.acquire_worker("f", {}, b"")[0]))
    waiting.start()
    assert service.pool.asked.wait(10)
    assert not served
    service.release_worker(held[0])
    waiting.join(10)
    assert served == [held[0]]
    assert service.pool.made == processes.MAX_PROCESSES


def test_one_that_waits_for_itself_is_not_stuck(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_WAIT_WALL_SECONDS", 0.05)
    processes.apply()
    for _ in range(processes.MAX_PROCESSES):
        service.acquire_worker("f", {}, b"")
    assert service.acquire_worker("f", {}, b"")[1] == "spawn"


def test_a_machine_that_is_too_slow_throttles(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_WAIT_WALL_SECONDS", 0.01)
    processes.apply()
    found = [service.acquire_worker("f", {}, b"") for _ in range(processes.MAX_PROCESSES_AFTER_WAIT + 2)]
    assert service.pool.made == processes.MAX_PROCESSES_AFTER_WAIT
    assert found[-1] == (None, "func_cap")


def test_who_left_while_waiting_is_given_no_process(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    processes.apply()
    held = [service.acquire_worker("f", {}, b"")[0] for _ in range(processes.MAX_PROCESSES)]
    monkeypatch.setattr(disconnects, "gone", lambda: service.pool.asked.is_set())
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(service.acquire_worker("f", {}, b"")))
    waiting.start()
    assert service.pool.asked.wait(10)
    service.release_worker(held[0])
    waiting.join(10)
    assert found == [(None, processes.THROTTLED)]
    assert service.pool.free == [held[0]]


def test_another_emulator_is_refused(service: Any) -> None:
    service.release_worker = lambda one, two: None
    with pytest.raises(SandboxError, match="release_worker"):
        processes.apply()


def test_the_pinned_emulator_has_what_is_replaced() -> None:
    found = emulator.module("services.lambda_svc")
    processes.internals.function(
        found, "acquire_worker", "func_name", "config", "code_zip", "qualifier", "max_concurrency"
    )
    processes.internals.function(found, "release_worker", "worker")
