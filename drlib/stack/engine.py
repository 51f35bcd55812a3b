"""The Pulumi engine: one command at a time, with live events and one-sentence errors.

    with engine.open(here, program) as session:
        steps = session.run("up", watch=bar.update)

The state is read by `pulumi stack export`. In the sandbox, the lock of a dead process is removed; elsewhere,
a person must decide.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from drlib.core import aws_calls
from drlib.core.clock import Clock
from drlib.stack import failure, pulumi_cli
from drlib.stack.events import Steps

if TYPE_CHECKING:
    from drlib.target.base import Target

PROJECT = "payments-dr"
STATE_VERSION = 3  # of a deployment that the engine exports
POLL_WALL_SECONDS = 0.1
LOOP_WALL_SECONDS = 1.0  # for a program to end by itself
SIGNAL_WALL_SECONDS = 2.0  # for the engine to say that an interruption has reached it too
Watch = Callable[[int, str], None]


class Session:
    """The engine, ready for commands on this settings' stack."""

    def __init__(
        self, here: Target, stack: Any, loops: list[asyncio.AbstractEventLoop] | None = None
    ) -> None:
        self._here, self._stack, self._loops = here, stack, [] if loops is None else loops

    def run(self, command: str, *, watch: Watch | None = None, **options: Any) -> Steps:
        """Run `up`, `preview`, `refresh` or `destroy`, and return its steps.

        Args:
            command: what to do.
            watch: gets the number of finished resources, and the name of the current one.
            options: options of the method of the Automation API.

        Raises:
            StepFailed: the engine, or AWS, refused; the message names the resource.
        """
        from pulumi.automation import errors

        for last_try in (False, True):
            steps = Steps()

            def see(event: Any, steps: Steps = steps) -> None:
                steps.see(event)
                begun = event.resource_pre_event
                if watch is not None and begun is not None and begun.metadata.urn in steps.resources:
                    watch(len(steps.done), steps.resources[begun.metadata.urn].name)

            self._here.calls.add(aws_calls.ENGINE, command.capitalize(), self._here.settings.primary_region)
            try:
                self._act(command, see, options)
            except errors.ConcurrentUpdateError as error:
                if last_try or not self._break_stale_lock(str(error)):
                    raise failure.busy(str(error)) from None
            except errors.CommandError as error:
                raise failure.failed(command, steps, str(error)) from None
            else:
                break
        if watch is not None:
            watch(len(steps.done), "")
        return steps

    def preview(self, *, refresh: bool) -> Steps:
        """Return what `up` would do, each resource with what its inputs come from.

        Raises:
            StepFailed: the engine, or AWS, refused; the message names the resource.
        """
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder) / "plan.json"
            steps = self.run("preview", refresh=refresh, plan=str(saved))
            planned = json.loads(saved.read_text(encoding="utf-8"))["resourcePlans"]
        steps.relate({urn: found.get("goal") or {} for urn, found in planned.items()})
        return steps

    def _act(self, command: str, see: Callable[[Any], None], options: Mapping[str, Any]) -> None:
        """Run a command in a thread, so that an interruption of this one does not cut the engine off.

        The engine is in this process's group: Ctrl-C, or a kernel's interrupt, reaches it as well. It ends
        what is in flight and saves its state, for which it needs the program of this process. Here the
        interruption waits for it. Where the signal went to this process alone, it is passed on.
        """
        ended, told = threading.Event(), threading.Event()
        failed: list[BaseException] = []

        def hear(text: str) -> None:
            if "received; cancelling" in text:
                told.set()

        def act() -> None:
            try:
                getattr(self._stack, command)(on_event=see, on_output=hear, on_error=hear, **options)
            except BaseException as error:
                failed.append(error)
            finally:
                self._close_loops()
                ended.set()

        with _deferred_interrupt() as interrupted:
            threading.Thread(target=act, name=f"pulumi-{command}", daemon=True).start()
            while not ended.wait(POLL_WALL_SECONDS):
                if interrupted.is_set() and not told.is_set() and not ended.wait(SIGNAL_WALL_SECONDS):
                    if not told.is_set():
                        self._interrupt()
                    told.set()
        if interrupted.is_set():
            raise KeyboardInterrupt
        if failed:
            raise failed[0]

    def _close_loops(self) -> None:
        """Close the event loop of a program that failed: Pulumi leaves it open if its tasks fail as well."""
        while self._loops:
            loop = self._loops.pop()
            closed = Clock().wait_until(loop.is_closed, timeout=LOOP_WALL_SECONDS, poll=0.02)
            if not closed and not loop.is_running():
                loop.close()

    def _interrupt(self) -> None:
        """Pass an interruption on to the engine."""
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if child.name().startswith("pulumi"):
                    child.send_signal(signal.SIGINT)

    def _break_stale_lock(self, text: str) -> bool:
        """Remove the locks of dead processes; return whether to retry the command."""
        holders = list(failure.LOCK_HOLDER.finditer(text))
        if self._here.origin != "simulated" or not holders:
            return False
        if any(psutil.pid_exists(int(holder["pid"])) for holder in holders):
            return False
        self._stack.cancel()
        return True

    def remove(self) -> None:
        """Remove an empty stack from the backend."""
        self._stack.workspace.remove_stack(self._stack.name)


@contextlib.contextmanager
def open(
    here: Target, program: Callable[[], None] | None = None, *, checkpoints: bool = True
) -> Iterator[Session]:
    """Open this settings' stack, creating it in the backend if need be.

    Args:
        here: the target.
        program: the Pulumi program; None for commands without one.
        checkpoints: as in `Target.engine`.
    """
    from pulumi import automation

    settings = here.settings
    folder = here.folder / "engine" / settings.suffix
    folder.mkdir(parents=True, exist_ok=True)
    command = pulumi_cli.command()
    loops: list[asyncio.AbstractEventLoop] = []
    # A failed program leaves coroutines of Pulumi behind; the error itself is reported.
    warnings.filterwarnings("ignore", "coroutine 'Output", RuntimeWarning)
    with here.engine(checkpoints=checkpoints) as found, _backend(here) as backend:
        variables = {**found, "AWS_REGION": settings.primary_region, "PULUMI_BACKEND_URL": backend}
        workspace = automation.LocalWorkspace(
            work_dir=str(folder),
            program=_noting_loop(program or _nothing, loops),
            pulumi_command=command,
            env_vars=variables,
            project_settings=automation.ProjectSettings(
                PROJECT, "python", backend=automation.ProjectBackend(backend)
            ),
        )
        try:
            stack = _without_queries(automation.Stack).create_or_select(settings.suffix, workspace)
            if settings.plans and (known := state(here)):
                stack.import_stack(automation.Deployment(version=STATE_VERSION, deployment=known))
        except automation.errors.CommandError as error:
            raise failure.failed("open", Steps(), str(error)) from None
        yield Session(here, stack, loops)


@contextlib.contextmanager
def _backend(here: Target) -> Iterator[str]:
    """Return where the state is. With `mode: plan` it is a copy: even a preview writes a lock beside it."""
    if not here.settings.plans:
        yield here.backend_url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"file://{folder}"


def state(here: Target) -> dict[str, Any]:
    """Return the stack's state as the engine exports it; empty if there is no such stack.

    Raises:
        StepFailed: the backend cannot be read.
    """
    import subprocess

    command = pulumi_cli.command().command
    name = f"organization/{PROJECT}/{here.settings.suffix}"
    here.calls.add(aws_calls.ENGINE, "Export", here.settings.primary_region)
    with here.engine() as variables:
        ran = subprocess.run(  # noqa: S603 - the engine's own tool, with arguments of ours
            [command, "stack", "export", "--stack", name, "--non-interactive"],
            env={**os.environ, **variables},
            cwd=here.folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode:
        if "no stack named" in ran.stderr:
            return {}
        raise failure.failed("export", Steps(), f"stderr: {ran.stderr}")
    found: dict[str, Any] = json.loads(ran.stdout)["deployment"]
    return found


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """Note an interruption instead of raising it, while the block lasts. Only the main thread gets one."""
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: noted.set())
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def _noting_loop(program: Callable[[], None], loops: list[asyncio.AbstractEventLoop]) -> Callable[[], None]:
    """Return the program, noting the event loop that it runs in."""

    def run() -> None:
        loops.append(asyncio.get_event_loop())
        program()

    return run


def _nothing() -> None:
    """A program for commands that need none."""


def _without_queries(stack: type[Any]) -> type[Any]:
    """Return a stack class that does not ask the CLI for outputs and history after each command.

    That would take a second each time, and `state` tells more.
    """

    class Quick(stack):  # type: ignore[misc]
        def outputs(self) -> dict[str, Any]:
            return {}

        def info(self, show_secrets: bool = True) -> Any:
            return ()

    return Quick


def clean(here: Target) -> None:
    """Remove the engine's working folder of a stack that is gone."""
    shutil.rmtree(here.folder / "engine" / here.settings.suffix, ignore_errors=True)
