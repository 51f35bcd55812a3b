"""One runbook without a person: headless, in a warm kernel, with strict parameters.

A notebook that fails leaves no fault behind that it injected itself. What failed decides the exit code, as
`drlib.core.errors` has it.
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
    """Why a notebook stopped: the error's class, its text, and the exit code that goes with it."""

    error: str
    message: str
    exit_code: int

    def raised(self) -> DrError:
        """Return the error, to be raised here as it was raised in the notebook."""
        made: DrError = _classes().get(self.error, StepFailed)(self.message)
        return made


def run(
    notebook: str, values: Mapping[str, Any], overrides: Iterable[tuple[str, str]] = (), *, say: Say
) -> Path:
    """Run one runbook in the open run, or in a new one, and return the executed notebook.

    If it fails, the faults that it injected are restored; those of others stay.

    One that was done in this run is executed into a file of its own, such as `40-failback.2.ipynb`.

    Args:
        notebook: its name, its number or its path.
        values: from a parameter file.
        overrides: names and texts that win over the file.
        say: takes each line that a person should see.

    Raises:
        DrError: what the notebook raised, or a parameter that is not allowed.
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
    """End faults, and return a line for each; the last line says what is still in force.

    Args:
        here: the target.
        run: the run in whose journal to write it down.
        but: ids of faults that stay. If None, whatever is in force ends, even what no file of a fault names.
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
    """End faults, as `restore` does; where that cannot be done, return lines that say so."""
    try:
        return restore(here, run, but=but)
    except DrError as error:
        told = str(error)
    with contextlib.suppress(DrError):
        if not here.faults():
            return [f"No fault is in force, and that could not be written down: {told}"]
    return [f"The faults could not be ended: {told}", "Run `drlib restore` once that is mended."]


def execute(
    source: Path, injected: Mapping[str, Any], run: Run, pool: kernels.Pool, *, more: bool = False
) -> Failure | None:
    """Execute a notebook into the run's folder, and write down how it ended.

    One whose acts are done is noted as tried again: that takes nothing back unless it changes something.
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
    """Return where a notebook goes when it is executed: what shows how it was done stays as it is."""
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
    """Return whether this runbook has a step that changes something, from a line of the journal on."""
    return any(line["mutating"] and line["runbook"] == run.runbook for line in run.lines()[since:])


def _failure(name: str, text: str) -> Failure:
    known = _classes().get(name)
    message = text if known else f"{name}: {text}"
    return Failure(name, message, known.exit_code if known else StepFailed.exit_code)


def _classes() -> dict[str, type[DrError]]:
    """Return every class of the error tree by its name."""
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
    """Return kernels for a run; what they complain of goes to its `kernels.log`.

    With `drilled`, a notebook that would join another run than this one fails.
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
    """Let SIGTERM, by which a CI job is cancelled, end the block as Ctrl-C does."""
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
