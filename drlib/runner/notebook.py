"""Runs one runbook headless, in a warm kernel, with strict parameters.

The faults that a failed notebook injected are restored. The error decides the exit code
(`drlib.core.errors`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drlib import parameters, target
from drlib.core import aws_calls, files
from drlib.core.errors import DrError, StepFailed
from drlib.evidence import evidence
from drlib.evidence.verdict import AGAIN, RUNBOOK
from drlib.faults import restore as faults_restore
from drlib.runner import kernels, parameters_cell
from drlib.runs import folders
from drlib.runs.run import DONE, FAILED, INTENT, Run
from drlib.show.output import RUNBOOKS_VARIABLE
from drlib.target.base import Target

CELL_SECONDS = {"sandbox": 900, "aws": 7200}  # a last resort: each wait in a runbook has its own deadline
INTERRUPTED = 5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Failure:
    """Why a notebook stopped: class of the error, message, exit code."""

    error: str
    message: str
    exit_code: int

    def raised(self) -> DrError:
        """Return the error of the notebook, to raise it in this process."""
        made: DrError = _classes().get(self.error, StepFailed)(self.message)
        return made


def run(
    notebook: str, values: Mapping[str, Any], overrides: Iterable[tuple[str, str]] = (), *, say: Say
) -> Path:
    """Run one runbook in the open run, or in a new one, and return the executed notebook.

    If it fails, the faults that it injected are restored; other faults stay. A runbook that is done in this
    run is executed into another file, such as `40-failback.2.ipynb`.

    Args:
        notebook: its name, its number or its path.
        values: from a parameter file.
        overrides: names and texts that win over the file.
        say: prints a line.

    Raises:
        DrError: the error of the notebook, or a parameter that is not allowed.
    """
    source = parameters_cell.find(notebook)
    settings, injected = parameters_cell.check(source, values, overrides)
    here = target.open(settings)
    entry = folders.join(settings, source.stem, here)
    others = [fault.fault_id for fault in faults_restore.pending(here)]
    written = executed(entry, source)
    try:
        with interruptible(), pool(entry) as warm:
            failure = execute(source, injected, entry, warm)
    except KeyboardInterrupt:
        failure = Failure("KeyboardInterrupt", f"{source.stem} was interrupted.", INTERRUPTED)
    if failure:
        for line in restored(here, entry, but=others):
            say(line)
        if entry.done(RUNBOOK):
            say(f"{source.stem} was done earlier, and stays so: this time nothing was changed.")
        evidence.refresh(entry)
        raise failure.raised()
    return written


def restore(here: Target, run: Run | None = None, *, but: Collection[str] | None = None) -> list[str]:
    """Restore faults, and return a line for each. The last line names the faults still in force.

    Args:
        here: the target.
        run: the run whose journal records it.
        but: ids of faults that stay. If None, all faults end, even those without a file.
    """
    lines = []
    for fault in faults_restore.pending(here):
        if fault.fault_id not in (but or ()):
            faults_restore.restore(here, fault, run)
            lines.append(f"Restored: {fault.region} ({fault.scenario})")
    if but is None:
        with aws_calls.purpose("fault"):
            for region in sorted(here.faults()):
                here.restore(region)
                lines.append(f"Restored: {region}")
    left = ", ".join(sorted(here.faults()))
    lines.append(f"Still down: {left}. `drlib restore` ends it." if left else "No fault is in force.")
    return lines


def restored(here: Target, run: Run, *, but: Collection[str] | None = None) -> list[str]:
    """Restore faults like `restore`, but return lines on an error instead of raising it."""
    try:
        return restore(here, run, but=but)
    except DrError as error:
        reason = str(error)
    with contextlib.suppress(DrError):
        if not here.faults():
            return [f"No fault is in force, and that could not be written down: {reason}"]
    return [f"The faults could not be ended: {reason}", "Run `drlib restore` once that is mended."]


def execute(
    source: Path, injected: Mapping[str, Any], run: Run, pool: kernels.Pool, *, more: bool = False
) -> Failure | None:
    """Execute a notebook into the run's folder, and note the result in the journal.

    Another attempt at a done runbook has a separate step: if it changes nothing, the runbook stays done.
    """
    written, begun = executed(run, source), len(run.lines())
    step = AGAIN if run.done(RUNBOOK) and _acted(run) else RUNBOOK
    run.note(step, INTENT, detail={"notebook": written.name})

    def failed(why: Failure) -> None:
        where = RUNBOOK if _acted(run, since=begun) else step
        run.note(where, FAILED, detail={"error": why.error, "message": why.message})

    try:
        failure = _attempt(source, written, injected, run, pool, more=more)
    except KeyboardInterrupt:
        failed(Failure("KeyboardInterrupt", "Interrupted.", INTERRUPTED))
        raise
    if written.exists():  # not if it never began
        run.attach(written)
    if failure:
        failed(failure)
    else:
        run.note(RUNBOOK)
    return failure


def executed(run: Run, source: Path) -> Path:
    """Return the path of an executed notebook. The notebook of an earlier, done attempt is kept."""
    ends = [line for line in run.lines((RUNBOOK,)) if line["runbook"] == run.runbook]
    times = sum(line["phase"] == DONE for line in ends)
    return run.folder / (f"{source.stem}.{times + 1}{source.suffix}" if times else source.name)


def _attempt(
    source: Path, written: Path, injected: Mapping[str, Any], run: Run, pool: kernels.Pool, *, more: bool
) -> Failure | None:
    papermill = kernels.papermill()
    try:
        papermill.execute_notebook(
            source,
            f"{kernels.MASKED}{written}",
            parameters=dict(injected),
            engine_name=kernels.ENGINE,
            progress_bar=False,
            pool=pool,
            more=more,
            execution_timeout=CELL_SECONDS[run.settings.target],
        )
    except papermill.PapermillExecutionError as error:
        return _failure(error.ename, error.evalue)
    except (RuntimeError, TimeoutError) as error:  # the kernel died, did not come up, or a cell never ended
        return _failure(type(error).__name__, _first_line(error))
    except OSError as error:
        return _failure(StepFailed.__name__, str(files.refused(written, error)))
    return None


def _acted(run: Run, *, since: int = 0) -> bool:
    """Return whether this runbook changed something, from a line of the journal on."""
    return any(line["mutating"] and line["runbook"] == run.runbook for line in run.lines()[since:])


def _failure(name: str, text: str) -> Failure:
    known = _classes().get(name)
    message = text if known else f"{name}: {text}"
    return Failure(name, message, known.exit_code if known else StepFailed.exit_code)


def _classes() -> dict[str, type[DrError]]:
    """Return all classes of errors by name."""
    found = {DrError.__name__: DrError}
    waiting = [DrError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            found[kind.__name__] = kind
            waiting.append(kind)
    return found


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "no message"


def pool(run: Run, *, drilled: bool = False) -> kernels.Pool:
    """Return kernels for a run; their stderr goes to `kernels.log` of the run.

    With `drilled`, a notebook that joins another run fails.
    """
    return kernels.Pool(
        folder=parameters_cell.ROOT,
        log=run.folder / "kernels.log",
        variables={
            "DRLIB_HOME": str(parameters.home()),
            RUNBOOKS_VARIABLE: f"{Path(os.path.relpath(parameters_cell.FOLDER, run.folder)).as_posix()}/",
            **({folders.DRILLED: run.run_id} if drilled else {}),
        },
    )


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM, which cancels a CI job, interrupt the block like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
