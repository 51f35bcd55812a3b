"""One run: writes a line to the journal before and after each step, and stores results.

with run.step("inject", mutating=True, resource="us-east-2"):
    ...
run.save("recovery", {...})

Each line of the journal (`drlib.runs.journal`) is on the disk before the step continues.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from drlib.core import files
from drlib.core.clock import Clock, iso
from drlib.core.errors import StepFailed
from drlib.core.redaction import mask, mask_all
from drlib.parameters import Settings
from drlib.runs import journal

INTENT, DONE, FAILED = "intent", "done", "failed"
RECONCILED = "losses"  # the name of the result that is saved when a run's payments are reconciled
CLOCK_WALL_SECONDS = 10.0
"""Concurrent processes may write lines slightly out of order. A larger step back: the clock was set back."""


@dataclass
class Step:
    """A running step. Its `detail` is stored when it ends."""

    name: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run: its folder, and the runbook that writes to it now.

    Attributes:
        folder: `runs/RUN_ID`.
        settings: the run's own parameters.
        runbook: name of that runbook.
        clock: the target's clock; its instants are written (in the sandbox, modelled ones).
        world: instance id of the sandbox in which the run began.
        parameters_sha256: hash of this runbook's parameters.
    """

    folder: Path
    settings: Settings
    runbook: str
    clock: Clock
    world: str
    parameters_sha256: str = ""

    @property
    def run_id(self) -> str:
        """Name of the run. Names sort by time."""
        return self.folder.name

    def __str__(self) -> str:
        return f"Run {self.run_id}, {self.runbook}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # The id differs between runs, so only the html contains it.
        return {"text/plain": f"Run of {self.runbook}", "text/html": f"Run <code>{self.run_id}</code>"}

    @contextlib.contextmanager
    def step(
        self,
        name: str,
        *,
        mutating: bool = False,
        resource: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> Iterator[Step]:
        """Write the intent of a step to the journal, then that it is done, or that it failed and why.

        Args:
            name: the step's name, unique in the runbook.
            mutating: whether it changes anything outside this machine.
            resource: the resource that it acts on.
            detail: JSON-like facts; the step may add more.
        """
        step = Step(name, dict(detail or {}))
        begun = self.note(name, INTENT, mutating=mutating, resource=resource, detail=step.detail)
        start, steady = begun["at"], self.clock.steady()

        def end(phase: str, facts: dict[str, Any]) -> None:
            # The difference of two instants would be negative if the clock was set back in between.
            span = {"start": start, "end": round(start + self.clock.steady() - steady, 3)}
            self.note(name, phase, mutating=mutating, resource=resource, detail=facts, span=span)

        try:
            yield step
        except BaseException as error:
            with contextlib.suppress(StepFailed):  # the first error must be reported
                end(FAILED, step.detail | {"error": type(error).__name__, "message": str(error)})
            raise
        end(DONE, step.detail)

    def note(
        self,
        step: str,
        phase: str = DONE,
        *,
        mutating: bool = False,
        resource: str = "",
        detail: Mapping[str, Any] | None = None,
        span: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """Append one line to the journal, and return it.

        Args:
            step, phase, mutating, resource, detail: as in `step`.
            span: `start` and `end` of a finished step, in modelled seconds since the epoch.

        Raises:
            StepFailed: it cannot be written. The journal is unchanged.
        """
        before = next(iter(reversed(self.lines())), None)
        common = {"actor": actor(), "parameters_sha256": self.parameters_sha256}
        at = round(self.clock.now(), 3)
        back = self.clock.wall_seconds(before["at"] - at) if before else 0.0
        if before and back > CLOCK_WALL_SECONDS:
            line = _clock_line(before["at"], at, back)
            journal.append(self.folder, {"at": at, "runbook": self.runbook, **line, **common})
        facts = {
            "at": at,
            "runbook": self.runbook,
            "step": step,
            "phase": phase,
            "mutating": mutating,
            "resource": mask(resource),
            "detail": mask_all(detail or {}),
        }
        return journal.append(self.folder, {**facts, **common, **(span or {})})

    def lines(self, steps: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Return the journal's lines, oldest first: all of them, or those of some steps.

        Raises:
            StepFailed: a line is not valid JSON.
        """
        try:
            found = journal.lines(self.folder)
        except ValueError:
            raise StepFailed(
                f"The journal of {self.run_id} was changed by hand: a line is not valid JSON.",
                remedy="Do not change the folder, and start a new run.",
            ) from None
        return [line for line in found if steps is None or line["step"] in steps]

    def done(self, step: str, *, runbook: str | None = None) -> bool:
        """Return whether the last phase of a runbook's step is `done`; by default, of this runbook."""
        who = runbook or self.runbook
        phases = [line["phase"] for line in self.lines((step,)) if line["runbook"] == who]
        return bool(phases) and phases[-1] == DONE

    def save(self, name: str, value: Any) -> None:
        """Store a JSON-like value, or the `as_dict()` of an object, masked, under a name.

        The journal contains the file's hash before the file is in its place: `mend` completes a save that was
        interrupted in between.
        """
        content = mask_all(value.as_dict() if hasattr(value, "as_dict") else value)
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        path = self._saved(name)
        with files.plain(path):
            draft = files.stage(path, text)
            try:
                self._note_file(f"save {name}", f"saved/{name}.json", text)
            except StepFailed:
                draft.unlink(missing_ok=True)
                raise
            draft.replace(path)

    def mend(self) -> list[str]:
        """Complete or remove each save that a killed process interrupted; return a sentence for each.

        Every function that opens a stored run calls this.
        """
        hashes = {line["detail"].get("file"): line["detail"].get("sha256") for line in self.lines()}
        repairs = []
        with files.plain(self.folder):
            for draft in sorted((self.folder / "saved").glob(".*.json.tmp")):
                name = f"saved/{draft.name[1 : -len('.tmp')]}"
                if journal.sha256(draft.read_bytes()) == hashes.get(name):
                    draft.replace(self.folder / name)
                    repairs.append(f"The save of {name} was interrupted, and is complete now.")
                else:
                    draft.unlink()
                    repairs.append(f"The save of {name} was interrupted and is lost; repeat its step.")
        return repairs

    def load(self, name: str) -> dict[str, Any]:
        """Return the result that was saved under a name. Raises StepFailed if there is none."""
        try:
            found: dict[str, Any] = json.loads(self._saved(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StepFailed(
                f"This run contains no {name} yet.",
                remedy="Run the runbook that measures it first.",
                resource=name,
            ) from None
        return found

    def has(self, name: str) -> bool:
        """Return whether a result was saved under a name."""
        return self._saved(name).exists()

    def attach(self, file: Path) -> None:
        """Write the hash of a file in the run's folder, such as the ledger, to the journal."""
        name = file.relative_to(self.folder).as_posix()
        self._note_file(f"attach {name}", name, file.read_bytes())

    def as_runbook(self, runbook: str) -> Run:
        """Return the same run for another runbook."""
        return replace(self, runbook=runbook)

    def _note_file(self, step: str, name: str, content: str | bytes) -> None:
        self.note(step, detail={"file": name, "sha256": journal.sha256(content)})

    def _saved(self, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", name):
            raise ValueError(f"not a name to save under: {name!r}")
        return self.folder / "saved" / f"{name}.json"


def actor() -> str:
    """Return `ci` in an automation, else a digest of the user's name on this machine."""
    if os.environ.get("CI"):
        return "ci"
    try:
        return f"user-{journal.sha256(getpass.getuser())[:8]}"
    except (OSError, KeyError):  # the user id of the process has no name
        return "user"


def _clock_line(before: float, now: float, wall_seconds: float) -> dict[str, Any]:
    """Return the journal's facts about a clock that was set back."""
    message = (
        f"The clock of this machine went back by {wall_seconds:.0f} s: the line before is of {iso(before)}, "
        "and durations across this line are not reliable. Correct the clock, and start a new drill."
    )
    return {
        "step": "clock",
        "phase": FAILED,
        "mutating": False,
        "resource": "",
        "detail": {"error": "ClockSetBack", "message": message, "from": before, "to": now},
    }
