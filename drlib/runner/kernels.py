"""Jupyter kernels for headless runs: the next kernel starts while a notebook still uses the current one.

Starting a kernel takes about a second and ending one politely takes another; seven notebooks in one process,
with the next kernel ready and the old one killed, take a third of the time of seven papermill processes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from drlib.core import files, redaction

KERNEL = "python3"
START_SECONDS = 60
LOG_SECONDS = 5  # do not wait longer: a process that a kernel left behind may hold the log open
# So that what a cell prints does not depend on where it runs, and modules are compiled once.
ENVIRONMENT = {"TZ": "UTC", "COLUMNS": "80", "PYTHONHASHSEED": "0", "IPYKERNEL_CELL_NAME": "<cell>"}
ENGINE = "warm"
FOLDER_PREFIX = "drlib-"
"""Begins the name of the temporary folder of a process's kernels."""

MASKED = "masked:"
"""Begins the path of a notebook that is written masked and atomically."""


class Pool:
    """Kernels that are started in advance. Use it as a context manager, which ends all kernels.

    Args:
        folder: the kernels' working directory.
        log: file for the stderr of the kernel processes, masked.
        variables: environment variables for the kernels, beside this process's own.
    """

    def __init__(self, *, folder: Path, log: Path, variables: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._variables = dict(variables or {})
        self._log_path = log
        self._log: IO[str] | None = None
        self._writer: threading.Thread | None = None
        self._place = ""
        self._number = 0
        self._spare: Any = None
        self._used: list[Any] = []

    def __enter__(self) -> Pool:
        with files.plain(self._log_path):
            log = self._log_path.open("a", encoding="utf-8")
        read, write = os.pipe()
        self._log = os.fdopen(write, "w", encoding="utf-8")
        streams = (os.fdopen(read, encoding="utf-8", errors="replace"), log)
        self._writer = threading.Thread(target=redaction.copy_lines, args=streams, daemon=True)
        self._writer.start()
        _sweep()
        self._place = tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._kill(self._spare)
        self._spare = None
        shutil.rmtree(self._place, ignore_errors=True)
        if self._log is not None and self._writer is not None:
            self._log.close()
            self._writer.join(LOG_SECONDS)

    def start(self) -> None:
        """Start the next kernel, unless one is ready."""
        if self._spare is None:
            self._spare = self._started()

    def take(self) -> Any:
        """Return a started kernel's manager."""
        self.start()
        taken, self._spare = self._spare, None
        self._used.append(taken)
        return taken

    def release(self) -> None:
        """Kill the kernels that were taken."""
        while self._used:
            self._kill(self._used.pop())

    def _started(self) -> Any:
        from jupyter_client.manager import KernelManager

        self._number += 1
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        manager = KernelManager(kernel_name=KERNEL)
        manager.client_class = "jupyter_client.asynchronous.AsyncKernelClient"
        if hasattr(socket, "AF_UNIX"):
            # Sockets are named after the connection file: without one of its own, two kernels share them.
            manager.transport = "ipc"
            manager.connection_file = str(Path(self._place) / f"{self._number}.json")
        manager.start_kernel(
            cwd=str(self._folder),
            env=environment | ENVIRONMENT | self._variables,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )
        return manager

    @staticmethod
    def _kill(manager: Any) -> None:
        if manager is not None and manager.has_kernel:
            manager.shutdown_kernel(now=True)


def papermill() -> Any:
    """Return the module `papermill`, imported fast, with the engine and the handler registered."""
    # JupyterLab brings this one. It builds a grammar when imported, for formats that notebooks do not use.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill as module
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.iorw import LocalHandler, papermill_io
    from papermill.log import logger

    class WarmEngine(NBClientEngine):  # type: ignore[misc]
        """Runs a notebook in a kernel of a pool."""

        @classmethod
        def execute_managed_notebook(
            cls,
            nb_man: Any,
            kernel_name: str,
            *,
            pool: Pool,
            more: bool = False,
            on_cell: Callable[[Any], None] | None = None,
            execution_timeout: int | None = None,
            **_: Any,
        ) -> None:
            manager = pool.take()
            if more:
                pool.start()
            client = PapermillNotebookClient(
                nb_man,
                km=manager,
                timeout=execution_timeout,
                startup_timeout=START_SECONDS,
                kernel_name=kernel_name,
                log=logger,
            )
            if on_cell is not None:
                _announce(nb_man, on_cell)
            try:
                client.execute(cleanup_kc=False)
            finally:
                if client.kc is not None:  # it is None if the kernel never came up
                    client.kc.stop_channels()
                pool.release()

    class MaskedHandler(LocalHandler):  # type: ignore[misc]
        """Writes a notebook without identities and secrets: outputs, parameters, metadata and all."""

        def write(self, buf: str, path: str) -> None:
            files.write(Path(path.removeprefix(MASKED)), redaction.mask_json(buf.replace(MASKED, "")))

        def pretty_path(self, path: str) -> str:
            return path.removeprefix(MASKED)

    papermill_engines.register(ENGINE, WarmEngine)
    papermill_io.register(MASKED, MaskedHandler())
    return module


def _announce(nb_man: Any, on_cell: Callable[[Any], None]) -> None:
    """Call `on_cell` before each cell runs."""
    cell_start = nb_man.cell_start

    def announced(cell: Any, *arguments: Any, **options: Any) -> None:
        on_cell(cell)
        cell_start(cell, *arguments, **options)

    nb_man.cell_start = announced


def _sweep() -> None:
    """Remove the folders of pools whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*-*"):
        owner = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
