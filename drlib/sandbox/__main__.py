"""The server's process: `python -m drlib.sandbox`, as `drlib.sandbox.process.life.up` starts it.

It forks, prints the process id of the child, and exits. The child serves until it is stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from drlib.sandbox.process.state import Options


def main() -> None:
    """Read the options, fork, and serve in the child."""
    parser = argparse.ArgumentParser(prog="python -m drlib.sandbox")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--time-scale", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--replication-lag-seconds", type=float, required=True)
    parser.add_argument("--idle-wall-seconds", type=float, required=True)
    arguments = parser.parse_args()
    if not _in_background(arguments.folder / "sandbox.log"):
        return

    from drlib.sandbox.process import server

    server.main(
        base=arguments.home,
        folder=arguments.folder,
        options=Options(
            time_scale=arguments.time_scale,
            seed=arguments.seed,
            replication_lag_seconds=arguments.replication_lag_seconds,
            idle_wall_seconds=arguments.idle_wall_seconds,
        ),
    )


def _in_background(log: Path) -> bool:
    """Fork; return True in the child, which starts a new session and writes to `log`."""
    child = os.fork()
    if child:
        sys.stdout.write(f"{child}\n")
        return False
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)
    return True


if __name__ == "__main__":
    main()
