"""The watchdog: a separate process that restores a fault at its deadline.

    python -m drlib.faults.watchdog FAULT_ID

The sandbox ends its own faults at the deadline. A change by an AWS call, such as a function's concurrency,
remains after the runbook, its kernel and the terminal end. So this process, which outlives them, waits for
the deadline, or until the fault's file says that the fault is restored.
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
GIVE_UP_SECONDS = 86_400.0  # beyond the deadline; after a day of retries a person must act
WALL = Clock()


def start(fault_id: str) -> None:
    """Start a fault's watchdog. It ends soon after the fault is restored.

    Raises StepFailed when it does not start: then do not inject the fault.
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
    """Wait until a fault is restored; restore it at its deadline. It retries for a day."""
    while True:
        filed = restore.read(fault_id)
        if filed.fault.state == "restored":
            return
        try:
            here = restore.place(filed)
        except SandboxError:
            return  # its faults ended with it
        if here.instance_id != filed.fault.instance_id:
            return
        if here.clock.now() < filed.fault.deadline:
            WALL.sleep(LOOK_WALL_SECONDS)
            continue
        try:
            restore.mend(here, filed)
        except DrError as error:  # AWS may be unreachable for a while: retry
            sys.stderr.write(f"{error}\n")
            if here.clock.now() > filed.fault.deadline + GIVE_UP_SECONDS:
                sys.stderr.write("The watchdog stops retrying. Run `drlib restore`.\n")
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
