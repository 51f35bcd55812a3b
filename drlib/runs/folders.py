"""The runs of this machine: a run is a folder `runs/RUN_ID/`, and `runs/current` names the open one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from drlib import parameters
from drlib.core import files
from drlib.core.clock import Clock, iso
from drlib.core.errors import BadParameters, PreflightFailed, StepFailed
from drlib.core.redaction import VEIL, mask_all
from drlib.parameters import Settings
from drlib.runs import journal
from drlib.runs.run import RECONCILED, Run

RUN_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[a-z0-9-]+-[0-9a-f]{4}")
IDENTITY = ("target", "primary_region", "standby_region", "suffix", "domain_name", "mode")
PRIVATE = ".drlib/parameters"
DRILLED = "DRLIB_RUN"  # environment variable of a drill's kernels: the run that their notebooks belong to
HERE_RUNNER = "drill"  # the runbook's name in lines that no runbook wrote


class Here(Protocol):
    """What a run needs to know of a target."""

    clock: Clock
    instance_id: str


def runs() -> Path:
    """Return the folder of all runs."""
    return parameters.home() / "runs"


def open_run(settings: Settings, here: Here | None = None, *, runbook: str = HERE_RUNNER) -> Run:
    """Open a new run, and make it the current one. An older current run stays in its folder.

    Args:
        settings: its parameters, which are stored in it.
        here: the target, whose clock and instance the run is bound to.
        runbook: who opens it.

    Raises:
        PreflightFailed: the folder of the runs cannot be written. Nothing has begun.
    """
    clock, world = (here.clock, here.instance_id) if here else (Clock(), "")
    stamp = iso(Clock().now()).replace("-", "").replace(":", "")  # 20260102T030405.678Z: names sort by time
    folder = runs() / f"{stamp}-{settings.scenario}-{secrets.token_hex(2)}"
    text = _text(settings)
    facts = {
        "world": world,
        "origin": settings.origin,
        "clock": {"scale": clock.scale, "anchor": clock.anchor},
    }
    about = json.dumps(facts, indent=1) + "\n"
    run = Run(folder, settings, runbook, clock, world, journal.sha256(text))
    try:
        with files.plain(runs()):
            folder.mkdir(parents=True)
        _keep(folder.name, settings)
        files.write(folder / "run.json", about)
        files.write(folder / "parameters.json", text)
        hashes = {"parameters_sha256": run.parameters_sha256, "run_sha256": journal.sha256(about)}
        run.note("open", detail={"run_id": run.run_id, **facts, **hashes})
        files.write(runs() / "current", f"{folder.name}\n")
    except StepFailed as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PreflightFailed(f"No run was opened: {error.message}", remedy=error.remedy) from error
    return run


def find(run_id: str, *, runbook: str = HERE_RUNNER) -> Run:
    """Return a stored run by its name. Raises `BadParameters` if there is none, or none that is whole."""
    folder = runs() / run_id
    if not RUN_ID.fullmatch(run_id) or not (folder / "parameters.json").exists():
        raise BadParameters(f"There is no run {run_id!r}.", remedy="The folders in runs/ are the runs.")
    try:
        text = (folder / "parameters.json").read_text(encoding="utf-8")
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        settings = parameters.make(json.loads(_own(run_id) or text))
        clock, world = Clock(**facts["clock"]), str(facts["world"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadParameters(
            f"The run {run_id} is not whole: {type(error).__name__} in run.json or parameters.json.",
            remedy="It holds nothing that could be resumed; start a new run.",
        ) from None
    if VEIL in text and not _own(run_id):
        raise BadParameters(
            f"The parameters of {run_id} are masked, and what was kept of them is gone.",
            remedy="Start a new run.",
        )
    return Run(folder, settings, runbook, clock, world, journal.sha256(text))


def current(*, runbook: str = HERE_RUNNER) -> Run | None:
    """Return the open run, or None."""
    try:
        return find((runs() / "current").read_text(encoding="utf-8").strip(), runbook=runbook)
    except (FileNotFoundError, BadParameters):
        return None


def reopen(run: Run) -> Run:
    """Make a stored run the current one again, and end what a killed process left half-way in its files."""
    files.write(runs() / "current", f"{run.run_id}\n")
    mended = run.mend()
    run.note("resume", detail={"mended": mended} if mended else {})
    return run


def join(settings: Settings, runbook: str, here: Here | None = None, *, unfinished: bool = False) -> Run:
    """Join the open run, or open one if there is none, or if it is about another stack or another sandbox.

    With `unfinished`, a run whose payments are reconciled already is not joined: its figures are final, and
    what begins now is another story.

    Parameters that differ from the run's own without making it another stack are written down.

    Raises:
        StepFailed: a drill runs the notebook, and this would not be the drill's own run: the sandbox that the
            drill began in is gone, and another one stands in its place.
    """
    run = current(runbook=runbook)
    if run is None or not _same(run, settings, here) or (unfinished and run.has(RECONCILED)):
        if drill := os.environ.get(DRILLED):
            raise StepFailed(
                f"{runbook} is part of {drill}, and what that began in is gone: nothing is done elsewhere.",
                remedy="Start a new drill; `drlib sandbox down` ends a sandbox that stands in its place.",
            )
        return open_run(settings, here, runbook=runbook)
    own = run.settings.values()
    changed = {name: value for name, value in settings.values().items() if value != own[name]}
    run = replace(run, parameters_sha256=journal.sha256(_text(settings)))
    mended = run.mend()
    detail = {"changed": changed} if changed else {}
    run.note("join", detail=detail | ({"mended": mended} if mended else {}))
    return run


def close(run: Run) -> None:
    """Close a run: the next runbook opens a new one. Closing twice is no error."""
    pointer = runs() / "current"
    with contextlib.suppress(FileNotFoundError):
        if pointer.read_text(encoding="utf-8").strip() == run.run_id:
            run.note("close")
            with files.plain(pointer):
                pointer.unlink()


@contextlib.contextmanager
def held(run: Run) -> Iterator[None]:
    """Keep a run to this process while the block lasts; a process that dies lets go of it.

    Raises:
        StepFailed: another process is at work on it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(run.folder / ".run.lock", blocking=False)
    with files.plain(run.folder):
        try:
            lock.acquire()
        except Timeout:
            raise StepFailed(
                f"Another process is at work on {run.run_id}.",
                remedy="Wait for it to end, or end it; then run this again.",
            ) from None
    try:
        yield
    finally:
        lock.release()


def _text(settings: Settings) -> str:
    """Return what a run's folder tells of its parameters: masked."""
    return json.dumps(mask_all(settings.values()), indent=1, ensure_ascii=False) + "\n"


def _keep(run_id: str, settings: Settings) -> None:
    """Keep, outside the run's folder, what masking takes away: the run needs it to go on."""
    if mask_all(settings.values()) != settings.values():
        folder = parameters.home() / PRIVATE
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(folder / f"{run_id}.json", json.dumps(settings.values(), ensure_ascii=False) + "\n")


def _own(run_id: str) -> str:
    """Return the text of the parameters that were kept outside the run's folder, "" if none were."""
    file = parameters.home() / PRIVATE / f"{run_id}.json"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _same(run: Run, settings: Settings, here: Here | None) -> bool:
    same_stack = all(getattr(run.settings, name) == getattr(settings, name) for name in IDENTITY)
    return same_stack and (here is None or not run.world or run.world == here.instance_id)
