"""The process that the provider runs in: it starts when an engine asks for it, and ends with the sandbox.

Whoever runs the engine may be killed at any moment. AWS goes on with what it was asked for, and so does this
process: what was being made is made, and remembered (`drlib.sandbox.provider.unrecorded`).
"""

from __future__ import annotations

import subprocess
import sys
import threading

START_WALL_SECONDS = 25.0


class Plugin:
    """The provider's process, one at a time. Thread-safe.

    Args:
        endpoint_url: where it makes its AWS calls.
    """

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def port(self) -> int:
        """Return the port that it listens on, on 127.0.0.1; start it unless it runs. May take a second.

        Raises:
            OSError, ValueError: it did not start.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self.stop()
                self._start()
            return self._port

    def _start(self) -> None:
        command = [sys.executable, "-m", "drlib.sandbox.provider", self._endpoint_url]
        process = subprocess.Popen(  # noqa: S603 - a command of ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._process = process
        assert process.stdout is not None
        late = threading.Timer(START_WALL_SECONDS, process.kill)
        late.start()
        try:
            self._port = int(process.stdout.readline())
        except ValueError:
            self.stop()
            raise
        finally:
            late.cancel()

    def stop(self) -> None:
        """End the process. Nothing to do if there is none."""
        if self._process is not None:
            self._process.kill()
            with self._process:  # closes the pipes, and waits
                self._process = None
