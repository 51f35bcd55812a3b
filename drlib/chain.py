"""A file of lines in which each holds the hash of the line before, so that later changes are found.

What it proves: nothing was altered, taken out or put between, unless everything after it was written anew.
Whoever noted the last hash elsewhere (the summary of a run prints it) can tell even that.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIRST = "0" * 64
JOURNAL = "journal.jsonl"


def canonical(value: Any) -> str:
    """Return the one JSON text of a value, from which its hash is made."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str | bytes) -> str:
    """Return the SHA-256 of a text or of bytes, as hexadecimal digits."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return the journal's entries, oldest first."""
    path = folder / JOURNAL
    if not path.exists():
        return []
    texts = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(text) for text in texts[:-1] if text]


def until(entries: list[dict[str, Any]], head: str) -> list[dict[str, Any]]:
    """Return the entries up to the one whose hash is `head`; all of them if none has it."""
    hashes = [entry.get("hash") for entry in entries]
    return entries[: hashes.index(head) + 1] if head in hashes else entries


def append(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Append an entry, chained to the one before it; several processes may do so at once."""
    from filelock import FileLock

    path = folder / JOURNAL
    with FileLock(folder / ".journal.lock"), path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        whole, _, torn = content.rpartition(b"\n")
        if torn:  # a process was killed while it wrote: keep what it left, but not as an entry
            write(folder / "journal.torn", torn.decode("utf-8", "replace"))
            file.truncate(len(content) - len(torn))
        last: dict[str, Any] = json.loads(whole.rpartition(b"\n")[2]) if whole else {"seq": 0, "hash": FIRST}
        entry: dict[str, Any] = {"seq": last["seq"] + 1, **facts, "prev": last["hash"]}
        entry["hash"] = sha256(canonical(entry))
        file.write(canonical(entry).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def broken_link(entries: list[dict[str, Any]]) -> str:
    """Return a sentence on the first entry that does not follow from the one before it, or ""."""
    before = FIRST
    for number, entry in enumerate(entries, start=1):
        bare = {name: value for name, value in entry.items() if name != "hash"}
        if entry.get("seq") != number or entry.get("prev") != before:
            return f"Line {number} of the journal does not follow from the line before it."
        if entry.get("hash") != sha256(canonical(bare)):
            return f"Line {number} of the journal was changed after it was written."
        before = entry["hash"]
    return ""


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
