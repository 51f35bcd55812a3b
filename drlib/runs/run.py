"""One run as it is written: lines before and after each step, and what was measured.

with run.step("inject", mutating=True, resource="us-east-2"):
    ...
run.save("recovery", {...})

`journal.jsonl` is a chain (`drlib.runs.journal`): each line is on the disk before the step goes on.
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
RECONCILED = "losses"  # what is saved when a run's payments are counted
CLOCK_WALL_SECONDS = 10.0
"""Lines of several processes may cross by a little. A clock that goes back by more was set back."""


@dataclass
class Step:
    """A step that is under way. What is put into `detail` is stored with its end."""

    name: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run: its folder, and the runbook that writes to it now.

    Attributes:
        folder: `runs/RUN_ID`.
        settings: the run's own parameters.
        runbook: who writes.
        clock: whose instants are written: modelled ones in the sandbox.
        world: the sandbox's instance that the run began in.
        parameters_sha256: of the parameters that this runbook was given.
    """

    folder: Path
    settings: Settings
    runbook: str
    clock: Clock
    world: str
    parameters_sha256: str = ""

    @property
    def run_id(self) -> str:
        """Name of the run; names sort by time."""
        return self.folder.name

    def __str__(self) -> str:
        return f"Run {self.run_id}, {self.runbook}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # The id differs from run to run, so it is in the html alone.
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
        """Write down that a step is meant, then that it is done, or that it failed and why.

        Args:
            name: what is done, unique in the runbook.
            mutating: whether it changes anything outside this machine.
            resource: what it acts on.
            detail: JSON-like facts; the step may add to them.
        """
        step = Step(name, dict(detail or {}))
        begun = self.note(name, INTENT, mutating=mutating, resource=resource, detail=step.detail)
        start, steady = begun["at"], self.clock.steady()

        def end(phase: str, facts: dict[str, Any]) -> None:
            # Not the clock's difference, which is negative if the clock is set back meanwhile.
            span = {"start": start, "end": round(start + self.clock.steady() - steady, 3)}
            self.note(name, phase, mutating=mutating, resource=resource, detail=facts, span=span)

        try:
            yield step
        except BaseException as error:
            with contextlib.suppress(StepFailed):  # what went wrong first is what a person must hear
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
            span: `start` and `end` of what has ended, in modelled seconds since the epoch.

        Raises:
            StepFailed: it cannot be written; what was written before is whole.
        """
        before = next(iter(reversed(self.lines())), None)
        common = {"actor": actor(), "parameters_sha256": self.parameters_sha256}
        at = round(self.clock.now(), 3)
        back = self.clock.wall_seconds(before["at"] - at) if before else 0.0
        if before and back > CLOCK_WALL_SECONDS:
            told = _set_back(before["at"], at, back)
            journal.append(self.folder, {"at": at, "runbook": self.runbook, **told, **common})
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
            StepFailed: a line is not valid JSON any more.
        """
        try:
            found = journal.lines(self.folder)
        except ValueError:
            raise StepFailed(
                f"The journal of {self.run_id} holds a line that is not valid JSON: it was changed by hand.",
                remedy="Keep the folder as it is, and start a new run.",
            ) from None
        return [line for line in found if steps is None or line["step"] in steps]

    def done(self, step: str, *, runbook: str | None = None) -> bool:
        """Return whether a step's last word is `done`; by default, of this runbook."""
        who = runbook or self.runbook
        phases = [line["phase"] for line in self.lines((step,)) if line["runbook"] == who]
        return bool(phases) and phases[-1] == DONE

    def save(self, name: str, value: Any) -> None:
        """Keep a JSON-like result under a name, for later runbooks; saving again replaces it.

        Objects with `as_dict()` are taken by it. Payment ids stay; account ids and ARNs are masked. The
        journal names the hash before the file is in its place: `mend` ends what was cut off in between.
        """
        content = mask_all(value.as_dict() if hasattr(value, "as_dict") else value)
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        path = self._saved(name)
        with files.plain(path):
            draft = files.stage(path, text)
            try:
                self.note(
                    f"save {name}", detail={"file": f"saved/{name}.json", "sha256": journal.sha256(text)}
                )
            except StepFailed:
                draft.unlink(missing_ok=True)
                raise
            draft.replace(path)

    def mend(self) -> list[str]:
        """End what a killed process left half-way in this run's files; return a sentence for each.

        Called by whoever opens the run again.
        """
        hashes = {line["detail"].get("file"): line["detail"].get("sha256") for line in self.lines()}
        told = []
        with files.plain(self.folder):
            for draft in sorted((self.folder / "saved").glob(".*.json.tmp")):
                name = f"saved/{draft.name[1 : -len('.tmp')]}"
                if journal.sha256(draft.read_bytes()) == hashes.get(name):
                    draft.replace(self.folder / name)
                    told.append(f"{name} was cut off while it was saved, and is whole now.")
                else:
                    draft.unlink()
                    told.append(f"{name} was cut off before it was saved; what it held is to be made again.")
        return told

    def load(self, name: str) -> dict[str, Any]:
        """Return what was saved under a name in this run.

        Raises:
            StepFailed: nothing was.
        """
        try:
            found: dict[str, Any] = json.loads(self._saved(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StepFailed(
                f"This run holds no {name} yet.",
                remedy="Run the runbook that measures it first.",
                resource=name,
            ) from None
        return found

    def has(self, name: str) -> bool:
        """Return whether something was saved under a name."""
        return self._saved(name).exists()

    def attach(self, file: Path) -> None:
        """Write down the hash of a file in the run's folder, such as the ledger."""
        name = file.relative_to(self.folder).as_posix()
        self.note(f"attach {name}", detail={"file": name, "sha256": journal.sha256(file.read_bytes())})

    def as_runbook(self, runbook: str) -> Run:
        """Return the same run, written to by another runbook."""
        return replace(self, runbook=runbook)

    def _saved(self, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", name):
            raise ValueError(f"not a name to save under: {name!r}")
        return self.folder / "saved" / f"{name}.json"


def actor() -> str:
    """Return who acts, masked: a digest of the user's name on this machine, or that it is an automation."""
    if os.environ.get("CI"):
        return "ci"
    try:
        return f"user-{journal.sha256(getpass.getuser())[:8]}"
    except (OSError, KeyError):  # the process runs under a number that has no name
        return "user"


def _set_back(before: float, now: float, wall_seconds: float) -> dict[str, Any]:
    """Return the line that says that the clock was set back: no duration across it can be relied on."""
    message = (
        f"The clock of this machine went back by {wall_seconds:.0f} s: the line before is of {iso(before)}, "
        "and no duration across it can be relied on. Mend the clock, and start a new drill."
    )
    return {
        "step": "clock",
        "phase": FAILED,
        "mutating": False,
        "resource": "",
        "detail": {"error": "ClockSetBack", "message": message, "from": before, "to": now},
    }
