"""Start, find and stop the sandbox from another process.

If the process in the state file no longer exists, the sandbox died, and `status` raises an error.
"""

from __future__ import annotations

import http.client
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import psutil
from filelock import FileLock, Timeout

from drlib.core.errors import SandboxError
from drlib.sandbox.process.state import Options, Status, clear, home, lock_file, read, state_file

READY_WALL_SECONDS = 60.0
STOP_WALL_SECONDS = 10.0
LOCK_WALL_SECONDS = 120.0
POLL_WALL_SECONDS = 0.02


def up(
    *,
    time_scale: float = 10.0,
    seed: int = 1,
    replication_lag_seconds: float = 1.0,
    idle_wall_seconds: float = 3600.0,
) -> Status:
    """Start the sandbox, or return the running one if it has the same options.

    Args:
        time_scale: modelled seconds in one wall second, 1 to 60.
        seed: seed of all random numbers.
        replication_lag_seconds: typical modelled lag of cross-region replication, 0 or more.
        idle_wall_seconds: the sandbox stops after this many wall seconds without a request.

    Raises:
        BadParameters: an option is out of range.
        SandboxError: a sandbox with other options runs, or the new one did not start.
    """
    options = Options(
        time_scale=float(time_scale),
        seed=int(seed),
        replication_lag_seconds=float(replication_lag_seconds),
        idle_wall_seconds=float(idle_wall_seconds),
    )
    base = home()
    with _lock(base):
        try:
            running = status()
        except SandboxError:
            running = None
        if running is None:
            _remove_leftovers(base)
            return _start(base, options)
        _require_answer(running.aws_endpoint, READY_WALL_SECONDS)
        _require_same(running, options)
        return running


def down() -> bool:
    """Stop the sandbox and remove its folder. Keep its log as `.drlib/sandbox.log`. Return whether one ran.

    Raises:
        SandboxError: the process does not stop.
    """
    base = home()
    with _lock(base):
        try:
            found = read(base)
        except SandboxError:
            found = None
        process = _process(found) if found else None
        if process is not None:
            _end(process)
        _remove_leftovers(base)
        return process is not None


def status() -> Status | None:
    """Return the running sandbox, or None if there is none.

    Raises:
        SandboxError: the sandbox died.
    """
    base = home()
    found = read(base)
    if found is None:
        return None
    if _process(found) is None:
        log = Path(found["folder"]) / "sandbox.log"
        raise SandboxError(
            f"The sandbox (process {found['pid']}) has died. Its log: {log}",
            remedy="Run `drlib sandbox up` for a new one; the stack that was in it is gone.",
        )
    return Status.from_json(found)


def _require_same(running: Status, options: Options) -> None:
    for name, wanted in asdict(options).items():
        if getattr(running, name) != wanted:
            raise SandboxError(
                f"The sandbox that runs has {name}={getattr(running, name):g}, not {wanted:g}.",
                remedy="Run `drlib sandbox down` first: its stack goes with it.",
            )


@contextmanager
def _lock(base: Path) -> Iterator[None]:
    path = lock_file(base)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=LOCK_WALL_SECONDS):
            yield
    except Timeout:
        raise SandboxError(
            f"Another process has been starting or stopping the sandbox for {LOCK_WALL_SECONDS:g} s.",
            remedy="Let it finish, or end it, and try again.",
        ) from None


def _process(state: dict[str, Any]) -> psutil.Process | None:
    """Return the running process of a state file, or None. Another process can have its process id by now."""
    try:
        process = psutil.Process(state["pid"])
        # The folder in the command line identifies it. The creation time does not: it changes with the clock.
        return process if state["folder"] in process.cmdline() else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _start(base: Path, options: Options) -> Status:
    instance_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    folder = base / ".drlib" / "instances" / instance_id
    (folder / "tmp").mkdir(parents=True)
    log = folder / "sandbox.log"
    process = _launch(base, folder, options)
    deadline = time.monotonic() + READY_WALL_SECONDS
    try:
        while time.monotonic() < deadline:
            if process is None or not _alive(process):
                _fail(f"The sandbox died while starting: {_last_line(log)}", log)
            found = read(base)
            if found is not None and found["instance_id"] == instance_id:
                _require_answer(found["aws_endpoint"], max(1.0, deadline - time.monotonic()))
                return Status.from_json(found)
            time.sleep(POLL_WALL_SECONDS)
        _fail(f"The sandbox was not ready within {READY_WALL_SECONDS:g} s.", log)
    except BaseException:
        if process is not None:
            _end(process)
        if _is_state_of(base, instance_id):
            state_file(base).unlink(missing_ok=True)
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        raise


def _is_state_of(base: Path, instance_id: str) -> bool:
    with suppress(SandboxError):
        found = read(base)
        return found is not None and found["instance_id"] == instance_id
    return False


def _launch(base: Path, folder: Path, options: Options) -> psutil.Process | None:
    """Start the server's process in a clean environment; return None if it has already ended."""
    command = [sys.executable, "-m", "drlib.sandbox", "--home", str(base), "--folder", str(folder)]
    for name, value in asdict(options).items():
        command += [f"--{name.replace('_', '-')}", repr(value)]
    # The functions' worker processes inherit this environment. It must not contain the caller's credentials,
    # proxies or settings, or a home folder with an AWS configuration.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "TMPDIR": str(folder / "tmp"),
    }
    package_root = Path(__file__).resolve().parents[3]
    launched = subprocess.run(  # noqa: S603 - this package's own module
        command, cwd=package_root, env=environment, capture_output=True, text=True, check=False
    )
    if launched.returncode != 0:
        raise SandboxError(f"The sandbox could not be started: {launched.stderr.strip()}")
    try:
        return psutil.Process(int(launched.stdout))
    except psutil.NoSuchProcess:
        return None


def _require_answer(aws_endpoint: str, timeout: float) -> None:
    """Request the server's status: this checks that it answers, and resets its idle time."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{aws_endpoint}/_drlib/status", timeout=timeout) as answer:
            answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise SandboxError(
            f"The sandbox at {aws_endpoint} runs, but does not answer: {error}",
            remedy="Run `drlib sandbox down`, then `drlib sandbox up`.",
        ) from error


def _alive(process: psutil.Process) -> bool:
    # A process that has ended stays a zombie until its parent reads its exit code.
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _end(process: psutil.Process) -> None:
    """Send SIGTERM to the process; if it does not stop, kill its process group."""
    with suppress(psutil.NoSuchProcess):
        process.terminate()
    if _has_ended(process):
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if not _has_ended(process):
        raise SandboxError(f"The sandbox's process {process.pid} does not end.")


def _has_ended(process: psutil.Process) -> bool:
    deadline = time.monotonic() + STOP_WALL_SECONDS
    while _alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_WALL_SECONDS)
    return True


def _remove_leftovers(base: Path) -> None:
    """Remove the files of stopped sandboxes below `base`. Call it only if no sandbox runs."""
    state_file(base).unlink(missing_ok=True)
    instances = base / ".drlib" / "instances"
    for folder in sorted(instances.glob("*")):
        clear(base, folder)
    shutil.rmtree(instances, ignore_errors=True)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it wrote no log"


def _fail(message: str, log: Path) -> NoReturn:
    raise SandboxError(message, remedy=f"Its log: {log}")
