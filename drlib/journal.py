"""The record of a run: what was meant, what was done, what failed, and what was measured.

    run = journal.join(settings, "30-drill-failover", here)
    approval = journal.approve(settings, "drill")
    with run.step("inject", mutating=True, resource="us-east-2"):
        ...
    run.save("recovery", {...})

A run is a folder `runs/RUN_ID/`; `runs/current` names the open one. Its `journal.jsonl` is a chain
(`drlib.chain`): each line is on the disk before the step goes on.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from drlib import chain
from drlib import settings as parameters
from drlib.clock import Clock, iso
from drlib.errors import BadParameters, NotApproved, StepFailed
from drlib.settings import Settings
from drlib.show import mask, mask_all

INTENT, DONE, FAILED = "intent", "done", "failed"
RUN_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[a-z0-9-]+-[0-9a-f]{4}")
IDENTITY = ("target", "primary_region", "standby_region", "suffix", "domain_name")
RECONCILED = "losses"  # what is saved when a run's payments are counted
HERE_RUNNER = "drill"  # the runbook's name in lines that no runbook wrote


class Here(Protocol):
    """What the journal needs to know of a target."""

    clock: Clock
    instance_id: str


@dataclass(frozen=True)
class Approval:
    """A person's word that an act may be done. Acts that change anything ask for one."""

    what: str
    phrase: str

    def __str__(self) -> str:
        return f"Approved: {self.what} ({self.phrase})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


@dataclass
class Step:
    """A step that is under way. What is put into `detail` is stored with its end."""

    name: str
    detail: dict[str, Any] = field(default_factory=dict)


def approve(settings: Settings, what: str) -> Approval:
    """Return the approval for an act, if the parameter `approval` names this stack and target.

    Raises:
        NotApproved: it is empty, or names another.
    """
    if settings.approval != settings.approval_phrase:
        given = f"{settings.approval!r}" if settings.approval else "empty"
        raise NotApproved(
            f"{what} is not approved: the parameter approval is {given}.",
            remedy=f"To go ahead, set approval to {settings.approval_phrase!r} and run again.",
        )
    return Approval(what, settings.approval)


@dataclass(frozen=True)
class Run:
    """One run: its folder, and the runbook that writes to it now.

    Attributes:
        folder: `runs/RUN_ID`.
        settings: the run's own parameters.
        runbook: who writes.
        clock: whose instants are written: modelled ones in the sandbox.
        world: the sandbox's instance that the run began in.
    """

    folder: Path
    settings: Settings
    runbook: str
    clock: Clock
    world: str

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
        self.note(name, INTENT, mutating=mutating, resource=resource, detail=step.detail)
        try:
            yield step
        except BaseException as error:
            facts = step.detail | {"error": type(error).__name__, "message": str(error)}
            self.note(name, FAILED, mutating=mutating, resource=resource, detail=facts)
            raise
        self.note(name, DONE, mutating=mutating, resource=resource, detail=step.detail)

    def note(
        self,
        step: str,
        phase: str = DONE,
        *,
        mutating: bool = False,
        resource: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Append one line to the journal, and return it."""
        facts = {
            "at": round(self.clock.now(), 3),
            "runbook": self.runbook,
            "step": step,
            "phase": phase,
            "mutating": mutating,
            "resource": mask(resource),
            "detail": mask_all(detail or {}),
        }
        return chain.append(self.folder, facts)

    def done(self, step: str, *, runbook: str | None = None) -> bool:
        """Return whether a step's last word is `done`; by default, of this runbook."""
        who = runbook or self.runbook
        phases = [
            line["phase"]
            for line in chain.lines(self.folder)
            if (line["runbook"], line["step"]) == (who, step)
        ]
        return bool(phases) and phases[-1] == DONE

    def save(self, name: str, value: Any) -> None:
        """Keep a JSON-like result under a name, for later runbooks; saving again replaces it.

        Objects with `as_dict()` are taken by it. Payment ids stay; account ids and ARNs are masked.
        """
        content = mask_all(value.as_dict() if hasattr(value, "as_dict") else value)
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        chain.write(self._saved(name), text)
        self.note(f"save {name}", detail={"file": f"saved/{name}.json", "sha256": chain.sha256(text)})

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
        self.note(f"attach {name}", detail={"file": name, "sha256": chain.sha256(file.read_bytes())})

    def as_runbook(self, runbook: str) -> Run:
        """Return the same run, written to by another runbook."""
        return replace(self, runbook=runbook)

    def _saved(self, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", name):
            raise ValueError(f"not a name to save under: {name!r}")
        return self.folder / "saved" / f"{name}.json"


def runs() -> Path:
    """Return the folder of all runs."""
    return parameters.home() / "runs"


def open_run(settings: Settings, here: Here | None = None, *, runbook: str = HERE_RUNNER) -> Run:
    """Open a new run, and make it the current one. An older current run stays in its folder.

    Args:
        settings: its parameters, which are stored in it.
        here: the target, whose clock and instance the run is bound to.
        runbook: who opens it.
    """
    clock, world = (here.clock, here.instance_id) if here else (Clock(), "")
    stamp = iso(Clock().now()).replace("-", "").replace(":", "")  # 20260102T030405.678Z: names sort by time
    folder = runs() / f"{stamp}-{settings.scenario}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    text = json.dumps(settings.values(), indent=1, ensure_ascii=False) + "\n"
    chain.write(folder / "parameters.json", text)
    facts = {
        "world": world,
        "origin": settings.origin,
        "clock": {"scale": clock.scale, "anchor": clock.anchor},
    }
    about = json.dumps(facts, indent=1) + "\n"
    chain.write(folder / "run.json", about)
    chain.write(runs() / "current", f"{folder.name}\n")
    run = Run(folder, settings, runbook, clock, world)
    hashes = {"parameters_sha256": chain.sha256(text), "run_sha256": chain.sha256(about)}
    run.note("open", detail={"run_id": run.run_id, **facts, **hashes})
    return run


def find(run_id: str, *, runbook: str = HERE_RUNNER) -> Run:
    """Return a stored run by its name. Raises `BadParameters` if there is none."""
    folder = runs() / run_id
    if not RUN_ID.fullmatch(run_id) or not (folder / "parameters.json").exists():
        raise BadParameters(f"There is no run {run_id!r}.", remedy="The folders in runs/ are the runs.")
    settings = parameters.make(json.loads((folder / "parameters.json").read_text(encoding="utf-8")))
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return Run(folder, settings, runbook, Clock(**facts["clock"]), facts["world"])


def current(*, runbook: str = HERE_RUNNER) -> Run | None:
    """Return the open run, or None."""
    try:
        return find((runs() / "current").read_text(encoding="utf-8").strip(), runbook=runbook)
    except (FileNotFoundError, BadParameters):
        return None


def reopen(run: Run) -> Run:
    """Make a stored run the current one again."""
    chain.write(runs() / "current", f"{run.run_id}\n")
    run.note("resume")
    return run


def join(settings: Settings, runbook: str, here: Here | None = None, *, unfinished: bool = False) -> Run:
    """Join the open run, or open one if there is none, or if it is about another stack or another sandbox.

    With `unfinished`, a run whose payments are reconciled already is not joined: its figures are final, and
    what begins now is another story.

    Parameters that differ from the run's own without making it another stack are written down.
    """
    run = current(runbook=runbook)
    if run is None or not _same(run, settings, here) or (unfinished and run.has(RECONCILED)):
        return open_run(settings, here, runbook=runbook)
    own = run.settings.values()
    changed = {name: value for name, value in settings.values().items() if value != own[name]}
    run.note("join", detail={"changed": changed} if changed else {})
    return run


def close(run: Run) -> None:
    """Close a run: the next runbook opens a new one. Closing twice is no error."""
    pointer = runs() / "current"
    with contextlib.suppress(FileNotFoundError):
        if pointer.read_text(encoding="utf-8").strip() == run.run_id:
            pointer.unlink()
            run.note("close")


def _same(run: Run, settings: Settings, here: Here | None) -> bool:
    same_stack = all(getattr(run.settings, name) == getattr(settings, name) for name in IDENTITY)
    return same_stack and (here is None or not run.world or run.world == here.instance_id)
