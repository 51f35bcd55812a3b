"""The watchdog of a fault that AWS calls made: a process of its own that mends it at the deadline.

    python -m drlib.faults.watchdog FAULT_ID

What the sandbox breaks in itself, it heals by itself. A function's concurrency on AWS stays as it was put,
whatever becomes of the runbook, its kernel, or the terminal. So a process that outlives all three waits for
the deadline, or for the fault's file to say that it was mended.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from drlib import parameters
from drlib.core.clock import Clock
from drlib.core.errors import DrError, SandboxError, StepFailed
from drlib.faults import restore

LOOK_WALL_SECONDS = 0.25
RETRY_WALL_SECONDS = 10.0
GIVE_UP_SECONDS = 86_400.0  # beyond the deadline; what a day of trying has not mended needs a person
WALL = Clock()


def start(fault_id: str) -> None:
    """Start a fault's watchdog. It ends by itself, soon after the fault was mended.

    Raises StepFailed when it does not start: then nothing may be broken.
    """
    environment = {**os.environ, "DRLIB_HOME": str(parameters.home())}
    done = subprocess.run(  # noqa: S603 - our own module, by the interpreter that runs us
        [sys.executable, "-m", "drlib.faults.watchdog", fault_id],
        cwd=Path(__file__).resolve().parent.parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepFailed(f"The watchdog did not start: {done.stderr.strip()[-300:]}")


def keep(fault_id: str) -> None:
    """Wait until a fault is mended, by somebody else or at its deadline by this. It tries for a day."""
    while True:
        filed = restore.read(fault_id)
        if filed.fault.state == "restored":
            return
        try:
            here = restore.place(filed)
        except SandboxError:
            return  # and everything in it is gone
        if here.instance_id != filed.fault.instance_id:
            return
        if here.clock.now() < filed.fault.deadline:
            WALL.sleep(LOOK_WALL_SECONDS)
            continue
        try:
            restore.mend(here, filed)
        except DrError as error:  # AWS may be out of reach for a while: this is what it is for
            sys.stderr.write(f"{error}\n")
            if here.clock.now() > filed.fault.deadline + GIVE_UP_SECONDS:
                sys.stderr.write("Given up. `drlib restore` mends it.\n")
                return
            WALL.sleep(RETRY_WALL_SECONDS)


def _detached(log: Path) -> bool:
    """Fork; return True in the child, which leads a session of its own and writes to `log`."""
    if os.fork():
        return False
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, handle in enumerate((nothing, written, written)):
        os.dup2(handle, number)
    return True


if __name__ == "__main__" and _detached(restore.folder() / f"{sys.argv[1]}.log"):
    with suppress(KeyboardInterrupt):
        keep(sys.argv[1])
