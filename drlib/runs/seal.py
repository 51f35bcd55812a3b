"""The seal of a run: a manifest with the hash of each file, and a last line of the journal with its hash.

The journal contains the hashes of the files that were saved during the run. The manifest adds those that are
written last or by other programs: the report, the last executed notebook, the logs. Any later change is
detected if the hash of the last line was noted elsewhere, or if the manifest is signed
(`drlib.evidence.audit.signature`).
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
"""Files that the manifest does not list: itself, its signature, and the journal, which proves itself."""


@dataclass(frozen=True)
class Expected:
    """The files that a run's folder must contain according to its journal.

    Attributes:
        files: name -> SHA-256.
        sealed: the line of the seal, if it is the journal's last line.
        listed: names in the manifest, if the run is sealed.
        problem: a sentence about a wrong manifest, or "".
    """

    files: Mapping[str, str]
    sealed: Mapping[str, Any] | None
    listed: frozenset[str]
    problem: str = ""


def files(folder: Path) -> list[str]:
    """Return the sorted names of the files that a manifest lists: all of a run, without empty lock files."""
    found = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in found if not _is_lock(path))
    return sorted(name for name in names if name not in OUTSIDE)


def close(folder: Path) -> dict[str, Any]:
    """Seal a run: write the manifest, and a line with its hash to the journal. Return that line.

    A run may be sealed again. A run that continues after its seal is not sealed until the next seal.
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
    (folder / SIGNATURE).unlink(missing_ok=True)  # it belongs to the earlier seal
    return note(folder, STEP, {"file": MANIFEST, "sha256": journal.sha256(text), "files": len(names)})


def note(folder: Path, step: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Append a line to the journal of a run whose folder is known, and return the line."""
    clock = Clock(**json.loads((folder / "run.json").read_text(encoding="utf-8"))["clock"])
    about = {"at": round(clock.now(), 3), "runbook": "drill", "step": step, "phase": "done"}
    return journal.append(folder, {**about, "mutating": False, "resource": "", "detail": dict(detail)})


def last(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the line of the seal if it is the journal's last line, else None: the run is not sealed."""
    return entries[-1] if entries and entries[-1]["step"] == STEP else None


def expected(folder: Path, entries: Sequence[Mapping[str, Any]]) -> Expected:
    """Return the files that the journal names, each with its latest hash."""
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
            named.pop(str(detail.get("notebook")), None)  # it is written again now
        elif line["step"] == STEP:
            named[MANIFEST] = str(detail.get("sha256"))
            if place == seals[-1]:
                content, problem = _manifest(folder, named[MANIFEST])
                if place == len(entries) - 1:  # a run that continued may have changed files
                    named |= content
                    listed = frozenset(content)
        elif "file" in detail and "sha256" in detail:
            named[str(detail["file"])] = str(detail["sha256"])
    return Expected(named, last(entries), listed, problem)


def _manifest(folder: Path, digest: str) -> tuple[dict[str, str], str]:
    """Return the files that the manifest lists; if its hash is wrong, none and a sentence."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}, f"{MANIFEST} is missing, and the journal says that the run was sealed with it."
    text = path.read_bytes()
    if journal.sha256(text) != digest:
        return {}, f"{MANIFEST} was changed after the run was sealed."
    return dict(json.loads(text)["files"]), ""


def _is_lock(path: Path) -> bool:
    return path.name.startswith(".") and path.stat().st_size == 0
