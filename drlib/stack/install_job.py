"""A long command of the installation: time limit, progress, and a log that is quoted on failure."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from drlib.core.clock import Clock


class CannotDo(Exception):
    """One way of installation failed; the next one is tried."""


@dataclass(frozen=True)
class Job:
    """What all ways of installation share: a scratch folder, a clock, and the stream for progress."""

    scratch: Path
    clock: Clock
    out: TextIO

    def say(self, text: str) -> None:
        """Print one line."""
        self.out.write(f"{text}\n")
        self.out.flush()

    def run(
        self,
        what: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        limit_seconds: float = 3600.0,
    ) -> None:
        """Run a command and print its elapsed seconds. Its output goes to a log, quoted on failure."""
        log = self.scratch / "log.txt"
        began, printed, every = self.clock.now(), 0.0, 2.0 if self.out.isatty() else 15.0
        with log.open("w") as output:
            child = subprocess.Popen(  # noqa: S603 fixed commands
                [str(part) for part in command],
                cwd=self.scratch,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while (code := _code(child)) is None:
                    elapsed = self.clock.now() - began
                    if elapsed > limit_seconds:
                        raise CannotDo(f"{what}: not done after {limit_seconds:.0f} s")
                    if elapsed - printed >= every:
                        printed = elapsed
                        self._tick(f"  {what}: {elapsed:.0f} s")
            finally:
                _end(child)
        if self.out.isatty():
            self.out.write("\r\033[K")
        if code:
            raise CannotDo(f"{what}: {_last_line(log)}")

    def _tick(self, text: str) -> None:
        self.out.write(f"\r\033[K{text}" if self.out.isatty() else f"{text}\n")
        self.out.flush()


def _code(child: subprocess.Popen[bytes]) -> int | None:
    try:
        return child.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        return None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child and its children, if it still runs."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"
