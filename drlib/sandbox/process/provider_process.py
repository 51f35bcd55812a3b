"""The process of the Pulumi provider: the sandbox starts it at the first request, and stops it at the end.

The process that runs the engine can be killed at any time. As AWS does, the provider still completes the
creations that have begun, and it remembers them (`drlib.sandbox.provider.unrecorded`).
"""

from __future__ import annotations

import subprocess
import sys
import threading

START_WALL_SECONDS = 25.0


class ProviderProcess:
    """The provider's process, one at a time. Thread-safe.

    Args:
        endpoint_url: the AWS endpoint that it calls.
    """

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def port(self) -> int:
        """Return its port on 127.0.0.1, and start the process if it does not run. Can take a second.

        Raises:
            OSError, ValueError: the process did not start.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self.stop()
                self._start()
            return self._port

    def _start(self) -> None:
        command = [sys.executable, "-m", "drlib.sandbox.provider", self._endpoint_url]
        process = subprocess.Popen(  # noqa: S603 - the command is fixed
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
        """Stop the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            with self._process:  # closes the pipes and waits
                self._process = None
