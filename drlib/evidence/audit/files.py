"""Whether any byte of a run was changed: the hash chain of the journal, and the hash of every file.

The journal holds the hash of a file itself, or the hash of the manifest that holds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drlib.evidence import bundle
from drlib.evidence.audit.finding import Finding
from drlib.runs import seal
from drlib.runs.journal import JOURNAL, broken_link, canonical, sha256

CHAIN = "journal: the chain of its lines"
FILES = "files: each as it was written"


def journal(folder: Path) -> tuple[list[dict[str, Any]], str]:
    """Return the lines of the journal, and a sentence on the first error in them, or ""."""
    path = folder / JOURNAL
    if not path.is_file():
        return [], "There is no journal."
    *whole, torn = path.read_bytes().split(b"\n")
    entries = []
    for number, text in enumerate(whole, start=1):
        try:
            entry = json.loads(text)
            same = canonical(entry).encode() == text
        except ValueError:
            return [], f"Line {number} of the journal is not valid JSON."
        if not same:  # the content is the same, but the bytes differ
            return [], f"Line {number} of the journal was changed after it was written."
        entries.append(entry)
    if broken := broken_link(entries):
        return [], broken
    if torn:
        return (
            entries,
            "The journal's last line is not whole: its writer was killed, or the file was truncated.",
        )
    return entries, "" if entries else "The journal is empty."


def check(folder: Path, expected: seal.Expected) -> Iterator[Finding]:
    """Compare every file with its last hash in the journal."""
    wrong = [expected.problem] if expected.problem else []
    for name, digest in sorted(expected.files.items()):
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name} is missing.")
        elif name != bundle.EVIDENCE and name != seal.MANIFEST and _differs(path, digest):
            wrong.append(f"{name} was changed after it was written.")
    present = set(seal.files(folder))
    if expected.sealed:
        wrong += [f"{name} was added after the seal." for name in sorted(present - expected.listed)]
    elif (folder / seal.MANIFEST).is_file() and seal.MANIFEST not in expected.files:
        wrong.append(f"{seal.MANIFEST} exists, but the journal has no seal: lines were cut off.")
    strange = {f"saved/{file.name}" for file in (folder / "saved").glob("*.json")} - expected.files.keys()
    wrong += [f"{name} was not written by the run." for name in sorted(strange)]
    yield Finding(FILES, " ".join(dict.fromkeys(wrong)))


def uncovered(folder: Path, expected: seal.Expected) -> tuple[str, ...]:
    """Return the files without a hash. The evidence needs none: it is computed again."""
    known = expected.files.keys() | {bundle.EVIDENCE}
    return tuple(name for name in seal.files(folder) if name not in known)


def is_older(evidence: dict[str, Any], entries: list[dict[str, Any]]) -> bool:
    """Return whether the run saved something after its evidence was written."""
    hashes = [entry["hash"] for entry in entries]
    if evidence.get("chain_head") not in hashes:
        return False
    later = entries[hashes.index(evidence["chain_head"]) + 1 :]
    return any(entry["step"].startswith("save ") for entry in later)


def evidence(folder: Path, expected: seal.Expected, text: str, again: str) -> Iterator[Finding]:
    """Compare the evidence, byte by byte, with the evidence computed from the run's files."""
    name = "evidence: the same when made again"
    stated, made = json.loads(text), json.loads(again)
    differing = sorted(key for key in {*stated, *made} if stated.get(key) != made.get(key))
    if differing:
        yield Finding(name, f"The evidence differs from the saved files of the run: {', '.join(differing)}.")
    elif text != again or (
        expected.sealed and _differs(folder / bundle.EVIDENCE, expected.files.get(bundle.EVIDENCE, ""))
    ):
        yield Finding(name, f"{bundle.EVIDENCE} has the same content in other bytes: drlib did not write it.")
    else:
        yield Finding(name)


def _differs(path: Path, digest: str) -> bool:
    return sha256(path.read_bytes()) != digest
