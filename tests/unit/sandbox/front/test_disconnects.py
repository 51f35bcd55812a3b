"""An invocation that waits for a process is dropped when the client that it is for gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drlib.core.clock import Clock
from drlib.sandbox.front import disconnects
from drlib.sandbox.process.state import Status
from drlib.sandbox.services.lambda_ import processes
from tests.unit.sandbox.conftest import Client

REGION = "us-east-2"
PATIENCE_WALL_SECONDS = 1.0  # shorter than a call waits for a process, and longer than it takes to arrive
HOLDING = """
import pathlib, time

def handler(event, context):
    folder = pathlib.Path(event["headers"]["x-folder"])
    (folder / event["headers"]["x-name"]).touch()
    give_up_at = time.monotonic() + 20
    while event["rawPath"] == "/hold" and not (folder / "go").exists() and time.monotonic() < give_up_at:
        time.sleep(0.01)
    return {"statusCode": 200, "body": "served"}
"""


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="an invocation continues after its client disconnects",
    level="approximated",
    source="Lambda Developer Guide, Understanding Lambda function scaling",
    note="a running invocation continues; one that still waits for a process is dropped (on AWS none waits)",
)
def test_a_call_whose_client_left_before_its_turn_is_not_carried_out(
    sandbox: Status, make_api: Callable[..., str], tmp_path: Path
) -> None:
    api = make_api("turns", REGION, source=HOLDING)
    clock = Clock()

    def connect() -> Client:
        return Client(sandbox, REGION, f"{api}.execute-api.{REGION}.amazonaws.com")

    def ask(path: str, name: str) -> int:
        with connect() as client:
            return client.request(path, x_folder=str(tmp_path), x_name=name).status

    def started() -> int:
        return len(list(tmp_path.glob("held-*")))

    with ThreadPoolExecutor(processes.MAX_PROCESSES) as pool:
        held = [pool.submit(ask, "/hold", f"held-{number}") for number in range(processes.MAX_PROCESSES)]
        assert clock.wait_until(lambda: started() == processes.MAX_PROCESSES, timeout=20, poll=0.01)
        with connect() as leaving, pytest.raises(TimeoutError):
            leaving.socket.settimeout(PATIENCE_WALL_SECONDS)
            leaving.request("/pass", x_folder=str(tmp_path), x_name="left")
        with connect() as other:
            assert other.request("/", method="PATCH").status == 404  # by now the edge has seen it leave
        (tmp_path / "go").touch()
        assert [answer.result() for answer in held] == [200] * processes.MAX_PROCESSES
    assert ask("/pass", "stayed") == 200
    assert {"stayed"} == {file.name for file in tmp_path.iterdir()} - {"go", "held-0", "held-1"}


def test_work_that_no_client_waits_for_goes_on() -> None:
    assert not disconnects.gone()


def test_threads_learn_that_the_caller_left() -> None:
    async def serve() -> tuple[bool, bool]:
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        async with disconnects.awaited(messages.get):
            before = await asyncio.to_thread(disconnects.gone)
            await messages.put({"type": "http.disconnect"})
            while not disconnects.gone():
                await asyncio.sleep(0)
            return before, await asyncio.to_thread(disconnects.gone)

    assert asyncio.run(asyncio.wait_for(serve(), 10)) == (False, True)


def test_a_call_that_was_answered_is_not_one_whose_caller_left() -> None:
    async def serve() -> bool:
        async with disconnects.awaited(asyncio.Queue[dict[str, Any]]().get):
            pass
        await asyncio.sleep(0)
        return disconnects.gone()

    assert not asyncio.run(serve())
