"""What the server and its listeners use of uvicorn and the emulator, and other versions may not have."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from drlib.sandbox.process.state import Status

PROTOCOL_PARAMETERS = ["self", "config", "server_state", "app_state", "_loop"]


def test_uvicorn_speaks_http_on_a_connection_that_it_did_not_accept() -> None:
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    from uvicorn.server import ServerState

    assert list(inspect.signature(HttpToolsProtocol.__init__).parameters) == PROTOCOL_PARAMETERS
    assert issubclass(HttpToolsProtocol, asyncio.Protocol)

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    class Own(HttpToolsProtocol):
        def connection_made(self, transport: Any) -> None:
            self.app = answer  # whatever the configuration names
            super().connection_made(transport)

    async def ask() -> bytes:
        config = Config(lambda: None, interface="asgi3", lifespan="off", ws="none", log_config=None)
        ours, theirs = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: Own(config, ServerState(), {}), theirs
        )
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        line = await reader.readline()
        writer.close()
        transport.close()
        return line

    assert asyncio.run(ask()) == b"HTTP/1.1 204 No Content\r\n"


def test_nothing_of_a_request_is_left_for_the_next_on_its_connection() -> None:
    """A body that is longer than what is read ahead: reading goes on in the request's own context."""
    from drlib.sandbox.front.listener import Listener, listening_socket

    mine = contextvars.ContextVar("mine", default="nobody")
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(mine.get())
        mine.set(scope["path"])
        while (await receive())["more_body"]:
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def ask_twice() -> None:
        sock = listening_socket("127.0.0.1")
        listener = Listener(app, sock)
        listener.start()
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        for path in ("first", "second"):
            head = f"POST /{path} HTTP/1.1\r\nhost: here\r\ncontent-length: 1000000\r\n\r\n"
            writer.write(head.encode() + bytes(1_000_000))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()
        listener.stop()

    asyncio.run(ask_twice())
    assert found == ["nobody", "nobody"]


def test_answers_are_not_delayed_by_the_socket() -> None:
    from drlib.sandbox.front.listener import Listener, listening_socket

    async def delays() -> list[int]:
        sock = listening_socket("127.0.0.1")
        listener = Listener(None, sock)  # type: ignore[arg-type]
        listener.start()
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        while not listener._transports:
            await asyncio.sleep(0.01)
        found = [
            transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for transport in listener._transports
        ]
        listener.stop()
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()
        return found

    assert all(asyncio.run(delays()))


IN_PROCESS = """
import sys
from pathlib import Path
from drlib.core.clock import Clock
from drlib.sandbox.process import addresses, server
sockets = addresses.bind()
world = server.make_world(
    folder=Path(sys.argv[1]), sockets=sockets, clock=Clock(), seed=1, replication_lag_seconds=1
)
server.import_emulator(world)
"""


def run(tmp_path: Path, program: str) -> Any:
    """Run a program after the emulator has been imported as the server does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", IN_PROCESS + program, str(tmp_path)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[4])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_emulator_takes_its_settings_and_leaves_this_machine_alone(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        """
import json, logging
import ministack.app as app
from ministack.core import persistence
from ministack.services import lambda_svc
print(json.dumps({
    "auth": app.AUTH,
    "port": app._MINISTACK_PORT == str(world.aws_port),
    "docker": app._docker_socket_present(),
    "persist": persistence.PERSIST_STATE, "state": persistence.STATE_DIR,
    "executor": lambda_svc.LAMBDA_EXECUTOR,
}))
""",
    )
    assert found == {
        "auth": True,
        "port": True,
        "docker": False,
        "persist": False,
        "state": str(tmp_path / "tmp" / "state"),
        "executor": "local",
    }


def test_an_emulator_of_another_version_is_refused(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        """
import json
from drlib.core.errors import SandboxError
from drlib.sandbox.services.apigateway import integration
from ministack.services import apigateway
apigateway._create_api = lambda data, more: None
try:
    integration.install()
    said = ""
except SandboxError as error:
    said = str(error)
print(json.dumps(said))
""",
    )
    assert "_create_api" in found
    assert "constraints.txt" in found


def test_what_is_put_in_place_is_put_once(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        """
import json
from drlib.sandbox.services.apigateway import integration
from ministack.services import apigateway
integration.install()
first = apigateway.run_reentrant, apigateway._create_api
integration.install()
print(json.dumps([first == (apigateway.run_reentrant, apigateway._create_api), type(first[0]).__name__]))
""",
    )
    assert found == [True, "_FunctionCall"]


def test_addresses_follow_the_table_of_regions(sandbox: Status) -> None:
    from drlib.sandbox.process.addresses import REGIONS

    assert list(sandbox.edges) == list(REGIONS)
    hosts = [edge.rsplit(":", 1)[0] for edge in sandbox.edges.values()]
    assert hosts == [f"127.0.0.{11 + index}" for index in range(len(REGIONS))]
    assert len({edge.rsplit(":", 1)[1] for edge in sandbox.edges.values()}) == 1
