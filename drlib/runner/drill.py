"""The whole drill: all its runbooks in one run.

A failed notebook ends the drill, but only after the faults are restored and the evidence is written. The
error decides the exit code (`drlib.core.errors`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drlib import parameters, target
from drlib.core import terms
from drlib.core.clock import Clock
from drlib.core.errors import DrError, StepFailed, VerdictRed
from drlib.evidence import evidence
from drlib.evidence.verdict import ABORTED, FAILED, PASSED, PENDING, RUNBOOK
from drlib.faults.scenario import load
from drlib.parameters import Settings
from drlib.payments import waits
from drlib.runner import notebook, parameters_cell
from drlib.runner import resume as runner_resume
from drlib.runner.notebook import Failure, Say
from drlib.runs import folders
from drlib.runs.run import Run
from drlib.target.base import Target

RUNBOOKS = (
    "00-preflight", "10-deploy", "20-verify", "30-drill-failover", "40-failback", "70-report", "80-teardown",
)  # fmt: skip
DEPLOY, TEARDOWN = "10-deploy", "80-teardown"
CODES = {PASSED: 0, FAILED: 1, PENDING: 4, ABORTED: 5}
WALL = Clock()


class Drill:
    """All runbooks in order, in one run.

    Args:
        settings: the run's parameters.
        keep: keep the stack and the sandbox at the end.
        say: prints a line.
        sources: the notebooks, in order.
    """

    def __init__(self, settings: Settings, *, keep: bool, say: Say, sources: Iterable[Path]) -> None:
        self.settings, self.keep, self.say = settings, keep, say
        self.sources = [source for source in sources if not (keep and source.stem == TEARDOWN)]

    def run(self, *, resume: Run | None = None) -> int:
        """Run the notebooks that are not done, and return the exit code."""
        values = self.settings.values()
        injected = {source: parameters_cell.check(source, values)[1] for source in self.sources}
        here = runner_resume.find_target(resume) if resume else target.open(self.settings)
        code = CODES[ABORTED]
        try:
            run = resume or folders.open_run(self.settings, here)
            with folders.held(run):
                self.say(f"Run {run.run_id} ({here.origin}), in {_relative(run.folder)}")
                failure = self._guarded(run, here, injected, resumed=resume is not None)
                code = self._end(run, here, failure)
                return code
        finally:
            if self._shuts_down(here, code):
                here.shut_down()

    def _guarded(
        self, run: Run, here: Target, injected: Mapping[Path, Any], *, resumed: bool
    ) -> Failure | None:
        """Run the notebooks. If they stop for any reason, restore the faults."""
        try:
            with notebook.interruptible():
                again = self._verify_steps(run, here) if resumed else set()
                failure = self._notebooks(run, injected, self._remaining(run, here, again))
        except KeyboardInterrupt:
            failure = Failure("KeyboardInterrupt", "The drill was interrupted.", notebook.INTERRUPTED)
        except DrError as error:
            failure = Failure(type(error).__name__, str(error), error.exit_code)
        if failure:
            self.say(f"Stopped: {failure.message}")
            for line in notebook.restored(here, run):
                self.say(line)
        return failure

    def _verify_steps(self, run: Run, here: Target) -> set[str]:
        """End faults of a killed process, verify the steps, and return the runbooks to run again."""
        folders.reopen(run)
        for line in notebook.restore(here, run):
            self.say(line)
        found = runner_resume.verify(here, run)
        for proof in found:
            self.say(f"  {proof}")
        runner_resume.require_stack(run, found)
        return {proof.runbook for proof in found if proof.wrong}

    def _remaining(self, run: Run, here: Target, again: set[str]) -> list[Path]:
        """Return the notebooks that are still to run, or to run again."""
        left = [
            source
            for source in self.sources
            if source.stem in again or not run.done(RUNBOOK, runbook=source.stem)
        ]
        if reason := runner_resume.cut_short(run):
            self.say(f"  {reason}")
            left = [source for source in left if source.stem != runner_resume.DRILL]
        if self.settings.plans and not runner_resume.is_deployed(here):
            self.say(f"  Nothing is deployed: what follows {DEPLOY} can be planned once that is done.")
            left = [source for source in left if source.stem <= DEPLOY]
        return left

    def _notebooks(self, run: Run, injected: Mapping[Path, Any], left: Sequence[Path]) -> Failure | None:
        width = max(len(source.stem) for source in self.sources)
        with notebook.pool(run, drilled=True) as warm:
            is_red = False
            for source in left:
                if is_red and source.stem == TEARDOWN:
                    self.say(
                        f"  {source.stem:<{width}}  left out: look at what is red before you remove the stack"
                    )
                    continue
                start = WALL.now()
                self.say(f"  {source.stem:<{width}}  ...")
                entry, more = run.as_runbook(source.stem), source is not left[-1]
                failure = notebook.execute(source, injected[source], entry, warm, more=more)
                word = f"stopped, {failure.error}" if failure else "done"
                self.say(f"  {source.stem:<{width}}  {word}, {WALL.now() - start:.1f} s")
                if failure and failure.error != VerdictRed.__name__:
                    return failure
                is_red = is_red or failure is not None
        return None

    def _end(self, run: Run, here: Target, failure: Failure | None) -> int:
        """Bring the evidence and the report up to date, print the summary, and return the exit code."""
        try:
            if failure is None and not self.keep:
                folders.close(run)
            found = evidence.refresh(run)
            evidence.report(run)
            seal = evidence.close(run)
        except StepFailed as error:  # a full disk, most likely: what was written before is whole
            self.say(f"The evidence is not up to date: {error}")
            failure = failure or Failure(type(error).__name__, str(error), error.exit_code)
            self.say(self._next(run, here, failure))
            return failure.exit_code
        if self.settings.plans and failure is None:
            self.say(f"Planned: nothing was changed. What would be done is in {_relative(run.folder)}")
            return 0
        for line in summary(found, seal=seal):
            self.say(line)
        if failure:
            self.say(self._next(run, here, failure))
        return failure.exit_code if failure else CODES[found.verdict]

    def _next(self, run: Run, here: Target, failure: Failure) -> str:
        """Return a line on how to resume the run, or why that is impossible."""
        if self._shuts_down(here, failure.exit_code):
            return (
                "Over       what it ran in ends with it; with --keep it stays up, and the run can be resumed"
            )
        when = ", once it is approved" if failure.exit_code == CODES[PENDING] else ""
        return f"Resume     drlib drill --resume {run.run_id}{when}"

    def _shuts_down(self, here: Target, code: int) -> bool:
        """Whether the sandbox ends with the drill that started it. A pending approval needs it."""
        return here.started and not self.keep and code != CODES[PENDING]


def drill(
    file: Path | None,
    *,
    scenario: str | None = None,
    resume: str | None = None,
    keep: bool = False,
    say: Say,
    sources: Iterable[Path] | None = None,
) -> int:
    """Run the whole drill, and return the exit code.

    Args:
        file: parameter file; not needed to resume, since a run has its own parameters.
        scenario: replaces the scenario of the file.
        resume: id of a stopped run. Its steps are verified, and not repeated.
        keep: keep the stack and the sandbox at the end.
        say: prints a line.
        sources: notebooks to run instead of those of a drill.

    Raises:
        DrError: nothing could be started.
    """
    stored = folders.find(resume) if resume else None
    if stored is None:
        values = parameters.read(file) if file else {}
        settings = parameters.make(values | ({"scenario": scenario} if scenario else {}))
    else:
        settings = stored.settings
    load(settings.scenario).require_target(settings.target)
    notebooks = list(sources) if sources is not None else [parameters_cell.find(name) for name in RUNBOOKS]
    return Drill(settings, keep=keep, say=say, sources=notebooks).run(resume=stored)


def summary(found: evidence.Evidence, *, seal: str) -> list[str]:
    """Return the last lines of a drill: verdict, times, counts, seal and files."""
    content = found.content
    rto, rpo = content["rto"], content["rpo"]
    measured, predicted = _seconds(rto["measured_seconds"]), _seconds(rto["predicted_seconds"])
    counts = [f"{rpo[name]} {name}" for name in terms.NAMES if rpo[name] is not None]
    return [
        "",
        f"Verdict    {found.verdict.upper()}, {content['origin']}",
        *_modelled(found),
        *(f"  because  {reason}" for reason in found.reasons),
        *_hypothesis(content["hypothesis"]),
        f"RTO        {measured} measured, {predicted} predicted, target {rto['target_seconds']} s",
        f"RPO        {_seconds(rpo['seconds'])}, target {rpo['target_seconds']} s",
        f"Payments   {', '.join(counts) if counts else 'not reconciled'}",
        f"Failover   {content['planes']['control_plane_calls_in_failover']} control-plane calls",
        f"Seal       {seal[:16]}: keep it elsewhere, and `drlib verify RUN_DIR --head` tells any change",
        f"Files      {_relative(found.folder)}: evidence.json, report.html, the executed runbooks",
    ]


def _modelled(found: evidence.Evidence) -> list[str]:
    """Return a line on the sandbox's clock, and one more if the machine did not keep up with it."""
    content = found.content
    if content["origin"] != "simulated":
        return []
    waited = waits.of_run(found.folder, content)
    lines = [f"  time     modelled, {content['time_scale']:g} times faster than the wall"]
    return [*lines, f"  machine  {waited.warning}"] if waited and waited.too_long else lines


def _hypothesis(found: Mapping[str, Any]) -> list[str]:
    """Return a line on the clauses; none where no scenario was judged."""
    clauses = found.get("clauses", ())
    held = sum(clause["holds"] is True for clause in clauses)
    return [f"Hypothesis {held} of {len(clauses)} clauses hold"] if clauses else []


def _relative(folder: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(folder.relative_to(Path.cwd()))
    return str(folder)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
