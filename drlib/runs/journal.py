"""The journal: a file in which each line contains the hash of the line before it.

The hashes prove that no line was changed, removed or inserted, unless all later lines were rewritten too. The
last hash, which the summary of a run prints, detects even that if it was noted elsewhere.

A killed process or a power loss may leave an incomplete last line. The next append repairs it: a line that
lacks only its line end is kept; any other incomplete line is moved to `journal.torn`, and a line records it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drlib.core import files
from drlib.core.errors import StepFailed

FIRST = "0" * 64
JOURNAL = "journal.jsonl"
TORN = "journal.torn"
Entry = dict[str, Any]
_BEGINNING: Entry = {"seq": 0, "hash": FIRST}


def canonical(value: Any) -> str:
    """Return the canonical JSON text of a value, for its hash."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str | bytes) -> str:
    """Return the SHA-256 of a text or of bytes, in hexadecimal."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def lines(folder: Path) -> list[Entry]:
    """Return the journal's entries, oldest first, without an incomplete last line.

    Raises:
        ValueError: another line is not valid JSON.
    """
    path = folder / JOURNAL
    if not path.exists():
        return []
    *whole, rest = path.read_bytes().split(b"\n")
    entries = [json.loads(text) for text in whole if text]
    before = entries[-1] if entries else _BEGINNING
    return [*entries, json.loads(rest)] if _follows(rest, before) else entries


def until(entries: list[Entry], head: str) -> list[Entry]:
    """Return the entries up to the one whose hash is `head`, or all entries if there is none."""
    hashes = [entry.get("hash") for entry in entries]
    return entries[: hashes.index(head) + 1] if head in hashes else entries


def append(folder: Path, facts: Mapping[str, Any]) -> Entry:
    """Append an entry with the hash of the entry before it; safe for concurrent processes.

    Raises:
        StepFailed: it cannot be written, and the journal is unchanged; or the last line was changed by hand.
    """
    from filelock import FileLock

    path = folder / JOURNAL
    with files.plain(path), FileLock(folder / ".journal.lock"):
        before, torn = _repaired(folder)
        if torn:
            repair = {
                "step": "torn line",
                "phase": "done",
                "mutating": False,
                "resource": TORN,
                "detail": torn,
            }
            before = _add(path, before, {**facts, **repair})
        return _add(path, before, facts)


def _add(path: Path, before: Entry, facts: Mapping[str, Any]) -> Entry:
    entry: Entry = {"seq": before["seq"] + 1, **facts, "prev": before["hash"]}
    entry["hash"] = sha256(canonical(entry))
    files.append(path, canonical(entry).encode() + b"\n")
    return entry


def _repaired(folder: Path) -> tuple[Entry, dict[str, Any]]:
    """Repair an incomplete last line; return the last entry, and the facts about a line that was removed."""
    path = folder / JOURNAL
    content = path.read_bytes() if path.exists() else b""
    whole, _, rest = content.rpartition(b"\n")
    before = _parsed(whole.rpartition(b"\n")[2]) if whole else _BEGINNING
    if not rest:
        return before, {}
    if _follows(rest, before):
        files.append(path, b"\n")
        return _parsed(rest), {}
    files.append(folder / TORN, rest + b"\n")
    os.truncate(path, len(content) - len(rest))
    return before, {"bytes": len(rest), "sha256": sha256(rest)}


def _follows(text: bytes, before: Entry) -> bool:
    """Return whether a text is a complete entry that follows `before`."""
    try:
        entry = json.loads(text)
    except ValueError:
        return False
    if not isinstance(entry, dict):
        return False
    return entry.get("prev") == before["hash"] and entry.get("hash") == sha256(canonical(_bare(entry)))


def _parsed(text: bytes) -> Entry:
    try:
        entry = json.loads(text)
        return {"seq": entry["seq"], "hash": entry["hash"], **entry}
    except (ValueError, TypeError, KeyError):
        raise StepFailed(
            "The last line of the journal was changed by hand: no line can be appended.",
            remedy="Do not change the run's folder, and start a new run.",
        ) from None


def broken_link(entries: list[Entry]) -> str:
    """Return a sentence about the first entry that was changed or is out of order, or ""."""
    before = FIRST
    for number, entry in enumerate(entries, start=1):
        if entry.get("seq") != number or entry.get("prev") != before:
            return f"Line {number} of the journal does not follow from the line before it."
        if entry.get("hash") != sha256(canonical(_bare(entry))):
            return f"Line {number} of the journal was changed after it was written."
        before = entry["hash"]
    return ""


def _bare(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name != "hash"}
