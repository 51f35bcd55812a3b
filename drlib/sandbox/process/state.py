"""The sandbox's options, status, state file and folder.

The server writes the state file `<home>/.drlib/sandbox.json` when it is ready. The process that stops the
server removes the file.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drlib.core.clock import Clock
from drlib.core.errors import BadParameters, SandboxError


@dataclass(frozen=True)
class Options:
    """The options that a sandbox starts with.

    Attributes:
        time_scale: modelled seconds in one wall second, 1 to 60.
        seed: seed of all random numbers.
        replication_lag_seconds: typical modelled lag of cross-region replication, 0 or more.
        idle_wall_seconds: the sandbox stops after this many wall seconds without a request.

    Raises:
        BadParameters: an option is out of range.
    """

    time_scale: float
    seed: int
    replication_lag_seconds: float
    idle_wall_seconds: float

    def __post_init__(self) -> None:
        if not 1 <= self.time_scale <= 60:
            raise BadParameters(f"time_scale must be 1 to 60, not {self.time_scale:g}.")
        if not self.replication_lag_seconds >= 0:
            raise BadParameters(
                f"replication_lag_seconds must be 0 or more, not {self.replication_lag_seconds:g}."
            )
        if not self.idle_wall_seconds > 0:
            raise BadParameters(f"idle_wall_seconds must be above 0, not {self.idle_wall_seconds:g}.")


@dataclass(frozen=True)
class Status:
    """Where a running sandbox listens, and how it was started.

    Attributes:
        aws_endpoint: base URL of every AWS API, for all regions; a request's signature names its region.
        dns: "host:port" of its name server, UDP and TCP.
        edges: region -> "host:port" of the HTTPS endpoint that serves the region's APIs.
        ca_file: PEM file of the authority that signs the edges' certificates.
        time_scale: modelled seconds in one wall second.
        anchor: wall instant at which modelled and wall time agreed: the server's start.
        pid: the server's process, leader of its own group.
        instance_id: identifies this run of the sandbox.
        folder: the files of this run: log, CA, faults, and the stack's state.
        seed: seed of all random numbers.
        replication_lag_seconds: typical modelled lag of cross-region replication.
        idle_wall_seconds: the sandbox stops after this many wall seconds without a request.
    """

    aws_endpoint: str
    dns: str
    edges: dict[str, str]
    ca_file: str
    time_scale: float
    anchor: float
    pid: int
    instance_id: str
    folder: str
    seed: int
    replication_lag_seconds: float
    idle_wall_seconds: float

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Status:
        """Return the status from the content of a state file."""
        return cls(**{name: content[name] for name in cls.__dataclass_fields__})

    @property
    def clock(self) -> Clock:
        """The sandbox's modelled time, the same in every process."""
        return Clock(scale=self.time_scale, anchor=self.anchor)

    def as_json(self) -> dict[str, Any]:
        """Return the status as a JSON object."""
        return asdict(self)


def home() -> Path:
    """Return the folder that holds `.drlib/`: $DRLIB_HOME, or the checkout."""
    chosen = os.environ.get("DRLIB_HOME")
    return Path(chosen).expanduser().resolve() if chosen else Path(__file__).resolve().parents[3]


def state_file(base: Path) -> Path:
    """Return the path of the state file below `base`."""
    return base / ".drlib" / "sandbox.json"


def lock_file(base: Path) -> Path:
    """Return the lock file: a process locks it while it starts or stops a sandbox below `base`."""
    return base / ".drlib" / "sandbox.lock"


def read(base: Path) -> dict[str, Any] | None:
    """Return the content of the state file, or None if there is none.

    Raises:
        SandboxError: the file exists, and cannot be read.
    """
    path = state_file(base)
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        missing = Status.__dataclass_fields__.keys() - state.keys()
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError):
        missing = {"everything"}
    if missing:
        raise SandboxError(
            f"The sandbox's state file {path} cannot be read: {', '.join(sorted(missing))} missing.",
            remedy="Run `drlib sandbox up` for a new one.",
        )
    return dict(state)


def clear(base: Path, folder: Path) -> None:
    """Remove the state file and the folder of one sandbox. Keep its log as `.drlib/sandbox.log`."""
    if (folder / "sandbox.log").exists():
        shutil.copyfile(folder / "sandbox.log", base / ".drlib" / "sandbox.log")
    state_file(base).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
