"""The sandbox's server: one event loop for the AWS APIs, the regions' edges and the control API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from drlib.core.clock import Clock
from drlib.sandbox.faults.injection import Faults, Injection
from drlib.sandbox.front.aws_endpoint import GLOBAL_SERVICES, AwsEndpoint
from drlib.sandbox.front.control import Control
from drlib.sandbox.front.listener import App, Listener
from drlib.sandbox.front.tls import Certificates
from drlib.sandbox.process.addresses import Sockets, bind, edge_addresses
from drlib.sandbox.process.provider_process import ProviderProcess
from drlib.sandbox.process.state import Options, clear, lock_file, state_file
from drlib.sandbox.services.vpc.egress import VpcEgress
from drlib.sandbox.world import Component, World

TICK_WALL_SECONDS = 0.5
CHILDREN_WALL_SECONDS = 5.0
OPEN_FILES = 8192
log = logging.getLogger("drlib.sandbox")


def main(*, base: Path, folder: Path, options: Options) -> None:
    """Serve until a signal arrives, the idle time is over, or the state file is gone. Then exit the process.

    Args:
        base: the folder that holds `.drlib/`.
        folder: this instance's folder; its name is the instance's id.
        options: the sandbox's options.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    log.setLevel(logging.INFO)
    _allow_open_files()
    sockets = bind()
    world = make_world(
        folder=folder,
        sockets=sockets,
        clock=Clock(scale=options.time_scale, anchor=time.time()),
        seed=options.seed,
        replication_lag_seconds=options.replication_lag_seconds,
    )
    server = Server(base=base, world=world, sockets=sockets, idle_wall_seconds=options.idle_wall_seconds)
    code = 1
    try:
        asyncio.run(server.run())
        code = 0
    except Exception:
        log.exception("the sandbox failed")
    finally:
        _end_children()
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        logging.shutdown()
        # Do not wait for threads of the emulator: they can wait for workers that no longer exist.
        os._exit(code)


def make_world(
    *, folder: Path, sockets: Sockets, clock: Clock, seed: int, replication_lag_seconds: float
) -> World:
    """Return the world of a server that listens on `sockets`."""
    bound = {region: sock.getsockname() for region, sock in sockets.edges.items()}
    return World(
        clock=clock,
        instance_id=folder.name,
        folder=folder,
        seed=seed,
        replication_lag_seconds=replication_lag_seconds,
        edges=edge_addresses(),
        edge_ports={region: port for region, (_, port) in bound.items()},
        edge_hosts={region: host for region, (host, _) in bound.items()},
        aws_port=sockets.aws.getsockname()[1],
        dns_port=sockets.dns_port,
    )


def import_emulator(world: World) -> App:
    """Import the emulator with its settings, and return its ASGI application.

    The emulator reads its settings when it is imported, and the functions' workers inherit this environment.
    """
    os.environ.update(
        AUTH="true",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(world.aws_port),
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - the root key of an account that does not exist
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL="WARNING",
        STATE_DIR=str(world.folder / "tmp" / "state"),
        S3_DATA_DIR=str(world.folder / "tmp" / "s3"),
        # A socket that does not exist, so that the emulator cannot use this machine's containers.
        DOCKER_HOST=f"unix://{world.folder / 'none.sock'}",
    )
    import ministack.app

    app: App = ministack.app.app
    return app


class Server:
    """Starts all components in the event loop, and stops them.

    Args:
        base: the folder that holds `.drlib/`.
        world: the components' shared state.
        sockets: from `bind`; the server owns them.
        idle_wall_seconds: wall seconds without a request after which the server stops.
    """

    def __init__(self, *, base: Path, world: World, sockets: Sockets, idle_wall_seconds: float) -> None:
        self.base = base
        self.world = world
        self.sockets = sockets
        self.idle_wall_seconds = idle_wall_seconds
        self._stop = asyncio.Event()
        self._last_request = time.monotonic()
        self._components: list[Component] = []

    def touch(self) -> None:
        """Reset the idle time."""
        self._last_request = time.monotonic()

    async def run(self) -> None:
        """Start all components, serve, and stop them."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._stop.set)
        certificates = Certificates(self.world.folder / "ca.pem")
        emulator = import_emulator(self.world)
        starting = loop.create_task(_start_emulator(emulator))
        edges = self._edges(certificates)
        faults = Faults(self.world, edges)
        injection = Injection(self.world, faults)
        provider = ProviderProcess(f"http://127.0.0.1:{self.world.aws_port}")
        control = Control(self.world, faults, injection, provider, self.state)
        await starting
        self._start_components()
        reach = VpcEgress(self.world, GLOBAL_SERVICES)
        aws_endpoint = AwsEndpoint(
            self.world, emulator=emulator, control=control, reach=reach, touch=self.touch
        )
        listeners = [*edges.values(), Listener(aws_endpoint, self.sockets.aws)]
        for listener in listeners:
            listener.start()
        self._announce()
        log.info("ready on 127.0.0.1:%d", self.world.aws_port)
        await self._until_stopped()
        log.info("stopping")
        if self._is_ours():
            clear(self.base, self.world.folder)
        provider.stop()
        injection.stop()
        faults.stop()
        for component in reversed(self._components):
            try:
                component.stop()
            except Exception:
                log.exception("%s did not stop", type(component).__name__)
        for listener in listeners:
            listener.stop()

    def _announce(self) -> None:
        # The process that started this server can be dead, and another process can have started a server.
        if state_file(self.base).exists() or not self.world.folder.exists():
            raise RuntimeError("another sandbox has started in the meantime")
        self.world.write_json(state_file(self.base), self.state())

    def state(self) -> dict[str, Any]:
        """Return the content of the state file: the fields of a `Status`."""
        world = self.world
        return {
            "aws_endpoint": f"http://127.0.0.1:{world.aws_port}",
            "dns": f"127.0.0.1:{world.dns_port}",
            "edges": {region: "{}:{}".format(*world.connect_to(region)) for region in world.edges},
            "ca_file": str(world.folder / "ca.pem"),
            "time_scale": world.clock.scale,
            "anchor": world.clock.anchor,
            "pid": os.getpid(),
            "instance_id": world.instance_id,
            "folder": str(world.folder),
            "seed": world.seed,
            "replication_lag_seconds": world.replication_lag_seconds,
            "idle_wall_seconds": self.idle_wall_seconds,
        }

    def _edges(self, certificates: Certificates) -> dict[str, Listener]:
        """Return one listener for each region. They are not started."""
        # The edge imports the emulator, whose settings must be in the environment first.
        from drlib.sandbox.front.edge import Edge
        from drlib.sandbox.services.apigateway import integration

        integration.install()
        listeners = {}
        for region, sock in self.sockets.edges.items():
            edge = Edge(self.world, region, touch=self.touch)
            tls = certificates.edge_context(edge.has_certificate)
            listeners[region] = Listener(edge, sock, tls=tls)
        return listeners

    def _start_components(self) -> None:
        # The components import the emulator too.
        from drlib.sandbox.faults import background_work
        from drlib.sandbox.ministack import patches
        from drlib.sandbox.services.cloudwatch import alarms, aws_metrics
        from drlib.sandbox.services.dynamodb import global_tables
        from drlib.sandbox.services.route53 import dns, health_checks

        patches.apply(self.world)
        for module in (global_tables, background_work, health_checks, alarms, dns, aws_metrics):
            self._components.append(module.start(self.world))

    async def _until_stopped(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), TICK_WALL_SECONDS)
            if not self._is_ours():
                log.info("the state file is gone")
                shutil.rmtree(self.world.folder, ignore_errors=True)
                return
            if time.monotonic() - self._last_request > self.idle_wall_seconds and self._leave():
                return

    def _is_ours(self) -> bool:
        try:
            state = json.loads(state_file(self.base).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(state.get("instance_id") == self.world.instance_id)

    def _leave(self) -> bool:
        """Remove this instance's files, unless another process is starting or stopping a sandbox."""
        try:
            with FileLock(lock_file(self.base), timeout=0):
                log.info("no request for %g s", self.idle_wall_seconds)
                clear(self.base, self.world.folder)
                return True
        except Timeout:
            return False


async def _start_emulator(emulator: App) -> None:
    """Run the emulator's start-up. Its shutdown never runs: it would only save state."""
    answers: list[str] = []

    async def receive() -> dict[str, str]:
        if answers:
            await asyncio.Event().wait()
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        answers.append(message["type"])
        running.cancel()

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    running = asyncio.ensure_future(emulator(scope, receive, send))
    await asyncio.wait({running})
    if answers != ["lifespan.startup.complete"]:
        raise RuntimeError("the emulator did not start") from running.exception()


def _allow_open_files() -> None:
    """Raise the soft limit of open files: connections to a region that hangs stay open until it heals."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_children() -> None:
    """Kill the functions' workers and the provider, and wait until they end."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=CHILDREN_WALL_SECONDS)
