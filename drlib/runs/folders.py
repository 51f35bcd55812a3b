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
from typing import TYPE_CHECKING

from drlib import parameters
from drlib.core import files
from drlib.core.clock import Clock, iso
from drlib.core.errors import BadParameters, PreflightFailed, StepFailed
from drlib.core.redaction import VEIL, mask_all
from drlib.parameters import Settings
from drlib.runs import journal
from drlib.runs.run import RECONCILED, Run

if TYPE_CHECKING:
    from drlib.target.base import Target

RUN_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[a-z0-9-]+-[0-9a-f]{4}")
SAME_STACK = ("target", "primary_region", "standby_region", "suffix", "domain_name", "mode")
PRIVATE = ".drlib/parameters"
DRILLED = "DRLIB_RUN"  # environment variable of a drill's kernels: the run that their notebooks belong to
NO_RUNBOOK = "drill"  # the value of `runbook` in lines that no runbook wrote


def runs() -> Path:
    """Return the folder of all runs."""
    return parameters.home() / "runs"


def open_run(settings: Settings, here: Target | None = None, *, runbook: str = NO_RUNBOOK) -> Run:
    """Create a run, and make it the current one. The folder of an older current run stays.

    Args:
        settings: its parameters, which are stored in it.
        here: the target; the run uses its clock and stores its instance.
        runbook: the runbook that opens it.

    Raises:
        PreflightFailed: the folder of the runs cannot be written. Nothing was changed.
    """
    clock, world = (here.clock, here.instance_id) if here else (Clock(), "")
    stamp = iso(Clock().now()).replace("-", "").replace(":", "")  # 20260102T030405.678Z: names sort by time
    folder = runs() / f"{stamp}-{settings.scenario}-{secrets.token_hex(2)}"
    text = _text(settings)
    scale = {"scale": clock.scale, "anchor": clock.anchor}
    facts = {"world": world, "origin": settings.origin, "clock": scale}
    about = json.dumps(facts, indent=1) + "\n"
    run = Run(folder, settings, runbook, clock, world, journal.sha256(text))
    try:
        with files.plain(runs()):
            folder.mkdir(parents=True)
        _keep_private(folder.name, settings)
        files.write(folder / "run.json", about)
        files.write(folder / "parameters.json", text)
        hashes = {"parameters_sha256": run.parameters_sha256, "run_sha256": journal.sha256(about)}
        run.note("open", detail={"run_id": run.run_id, **facts, **hashes})
        files.write(runs() / "current", f"{folder.name}\n")
    except StepFailed as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PreflightFailed(f"No run was opened: {error.message}", remedy=error.remedy) from error
    return run


def find(run_id: str, *, runbook: str = NO_RUNBOOK) -> Run:
    """Return a stored run by its name. Raises `BadParameters` if it does not exist or is incomplete."""
    folder = runs() / run_id
    if not RUN_ID.fullmatch(run_id) or not (folder / "parameters.json").exists():
        raise BadParameters(f"There is no run {run_id!r}.", remedy="The folders in runs/ are the runs.")
    try:
        text = (folder / "parameters.json").read_text(encoding="utf-8")
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        settings = parameters.make(json.loads(_private(run_id) or text))
        clock, world = Clock(**facts["clock"]), str(facts["world"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadParameters(
            f"The run {run_id} is not complete: {type(error).__name__} in run.json or parameters.json.",
            remedy="It cannot be resumed; start a new run.",
        ) from None
    if VEIL in text and not _private(run_id):
        raise BadParameters(
            f"The parameters of {run_id} are masked, and the file with their values is gone.",
            remedy="Start a new run.",
        )
    return Run(folder, settings, runbook, clock, world, journal.sha256(text))


def current(*, runbook: str = NO_RUNBOOK) -> Run | None:
    """Return the open run, or None."""
    try:
        return find((runs() / "current").read_text(encoding="utf-8").strip(), runbook=runbook)
    except (FileNotFoundError, BadParameters):
        return None


def reopen(run: Run) -> Run:
    """Make a stored run the current one again, and repair the files that a killed process left incomplete."""
    files.write(runs() / "current", f"{run.run_id}\n")
    mended = run.mend()
    run.note("resume", detail={"mended": mended} if mended else {})
    return run


def join(settings: Settings, runbook: str, here: Target | None = None, *, unfinished: bool = False) -> Run:
    """Join the open run; open a new one if there is none, or if it has another stack or another sandbox.

    With `unfinished`, a run whose payments are already reconciled is not joined, because its figures are
    final. Other parameters that differ from those of the run are written to the journal.

    Raises:
        StepFailed: a drill runs the notebook, and the drill's run cannot be joined, for example because the
            sandbox of the drill is gone.
    """
    run = current(runbook=runbook)
    if run is None or not _same(run, settings, here) or (unfinished and run.has(RECONCILED)):
        if drill := os.environ.get(DRILLED):
            raise StepFailed(
                f"{runbook} is part of {drill}, and the sandbox of that drill is gone.",
                remedy="Start a new drill; `drlib sandbox down` ends the sandbox that runs now.",
            )
        return open_run(settings, here, runbook=runbook)
    own = run.settings.values()
    changed = {name: value for name, value in settings.values().items() if value != own[name]}
    run = replace(run, parameters_sha256=journal.sha256(_text(settings)))
    mended = run.mend()
    facts = {"changed": changed, "mended": mended}
    run.note("join", detail={name: value for name, value in facts.items() if value})
    return run


def close(run: Run) -> None:
    """Close a run, so that the next runbook opens a new one. Closing twice is not an error."""
    pointer = runs() / "current"
    with contextlib.suppress(FileNotFoundError):
        if pointer.read_text(encoding="utf-8").strip() == run.run_id:
            run.note("close")
            with files.plain(pointer):
                pointer.unlink()


@contextlib.contextmanager
def held(run: Run) -> Iterator[None]:
    """Lock a run for this process inside the block. The lock ends with the process.

    Raises:
        StepFailed: another process holds the lock.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(run.folder / ".run.lock", blocking=False)
    with files.plain(run.folder):
        try:
            lock.acquire()
        except Timeout:
            raise StepFailed(
                f"Another process is at work on {run.run_id}.",
                remedy="Wait until it ends, or stop it; then run this again.",
            ) from None
    try:
        yield
    finally:
        lock.release()


def _text(settings: Settings) -> str:
    """Return the content of parameters.json, in which secrets are masked."""
    return json.dumps(mask_all(settings.values()), indent=1, ensure_ascii=False) + "\n"


def _keep_private(run_id: str, settings: Settings) -> None:
    """If masking changes a parameter, store the parameters outside the run's folder: a resume needs them."""
    if mask_all(settings.values()) != settings.values():
        folder = parameters.home() / PRIVATE
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(folder / f"{run_id}.json", json.dumps(settings.values(), ensure_ascii=False) + "\n")


def _private(run_id: str) -> str:
    """Return the parameters that `_keep_private` stored, as JSON text, or ""."""
    file = parameters.home() / PRIVATE / f"{run_id}.json"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _same(run: Run, settings: Settings, here: Target | None) -> bool:
    same_stack = all(getattr(run.settings, name) == getattr(settings, name) for name in SAME_STACK)
    return same_stack and (here is None or not run.world or run.world == here.instance_id)
