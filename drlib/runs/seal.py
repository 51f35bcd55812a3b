"""The seal of a run: the hash of every file in its folder, under the journal's last line.

    seal.close(folder)

The journal's chain proves the journal, and the journal names the hash of each file that was written on the
way. What is written last, or by other hands (the report, the last executed notebook, a log), is named by no
line before: so a manifest lists all files, and the last line names the manifest. Whoever notes that line's
hash elsewhere, or signs the manifest (`drlib.evidence.audit.signature`), can tell any later change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drlib.core.clock import Clock
from drlib.core.files import write
from drlib.runs import journal

MANIFEST = "manifest.json"
SIGNATURE = f"{MANIFEST}.sig"
STEP = "seal"
OPEN, RUNBOOK = "open", "runbook"
OUTSIDE = frozenset((journal.JOURNAL, MANIFEST, SIGNATURE))
"""What no manifest can list: the journal is its own proof, and the other two stand above the manifest."""


@dataclass(frozen=True)
class Expected:
    """What a run's folder must hold, as its journal has it.

    Attributes:
        files: name -> SHA-256.
        sealed: the seal's line, if nothing was written to the journal after it.
        listed: names in the manifest of the seal, if the run is sealed.
        problem: what is wrong with the manifest, or "".
    """

    files: Mapping[str, str]
    sealed: Mapping[str, Any] | None
    listed: frozenset[str]
    problem: str = ""


def files(folder: Path) -> list[str]:
    """Return the names of all files of a run that a manifest lists, sorted. Empty lock files are none."""
    found = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in found if not _is_lock(path))
    return sorted(name for name in names if name not in OUTSIDE)


def close(folder: Path) -> dict[str, Any]:
    """Seal a run: write the manifest, and the journal's line that names it. Returns that line.

    Sealing again is no error. A run that goes on after its seal is open again, until the next one.
    """
    entries = journal.lines(folder)
    names = files(folder)
    content = {
        "run_id": folder.name,
        "chain_head": entries[-1]["hash"] if entries else journal.FIRST,
        "files": {name: journal.sha256((folder / name).read_bytes()) for name in names},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write(folder / MANIFEST, text)
    (folder / SIGNATURE).unlink(missing_ok=True)  # it was for another seal
    return note(folder, STEP, {"file": MANIFEST, "sha256": journal.sha256(text), "files": len(names)})


def note(folder: Path, step: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Append a line to the journal of a run that is known by its folder alone, and return it."""
    clock = Clock(**json.loads((folder / "run.json").read_text(encoding="utf-8"))["clock"])
    facts = {
        "at": round(clock.now(), 3),
        "runbook": "drill",
        "step": step,
        "phase": "done",
        "mutating": False,
        "resource": "",
        "detail": dict(detail),
    }
    return journal.append(folder, facts)


def last(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the seal's line, if it is the journal's last; None for a run that is open."""
    return entries[-1] if entries and entries[-1]["step"] == STEP else None


def expected(folder: Path, entries: Sequence[Mapping[str, Any]]) -> Expected:
    """Return what the journal says of the run's files, of each the last word."""
    named: dict[str, str] = {}
    listed: frozenset[str] = frozenset()
    problem = ""
    seals = [place for place, line in enumerate(entries) if line["step"] == STEP]
    for place, line in enumerate(entries):
        detail = line["detail"]
        if line["step"] == OPEN:
            named["parameters.json"] = str(detail.get("parameters_sha256"))
            named["run.json"] = str(detail.get("run_sha256"))
        elif line["step"] == RUNBOOK and line["phase"] == "intent":
            named.pop(str(detail.get("notebook")), None)  # it is written anew from now on
        elif line["step"] == STEP:
            named[MANIFEST] = str(detail.get("sha256"))
            if place == seals[-1]:
                content, problem = _manifest(folder, named[MANIFEST])
                if place == len(entries) - 1:  # what went on may have written more
                    named |= content
                    listed = frozenset(content)
        elif "file" in detail and "sha256" in detail:
            named[str(detail["file"])] = str(detail["sha256"])
    return Expected(named, last(entries), listed, problem)


def _manifest(folder: Path, digest: str) -> tuple[dict[str, str], str]:
    """Return the files that the manifest lists; or none, and a sentence, if it is not the sealed one."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}, f"{MANIFEST} is missing, and the journal says that the run was sealed with it."
    text = path.read_bytes()
    if journal.sha256(text) != digest:
        return {}, f"{MANIFEST} was changed after the run was sealed."
    return dict(json.loads(text)["files"]), ""


def _is_lock(path: Path) -> bool:
    return path.name.startswith(".") and path.stat().st_size == 0
