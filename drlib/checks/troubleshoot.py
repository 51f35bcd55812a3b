"""What each error and each failed check means, and how to fix it: one entry for each.

The entries are in `troubleshoot.yaml`; the runbook 90-troubleshoot shows all of them, under the same names.
All red rules share one entry; the rule itself says what it requires, and how to fix it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from drlib.core.errors import HANDBOOK, BadParameters, slug
from drlib.stack.rules.catalogue import CATALOGUE
from drlib.stack.rules.rule import Rule

FILE = Path(__file__).with_suffix(".yaml")
ROLE = re.compile(
    "-(primary|standby|source|destination|route-53)$"
)  # the end of a check's id that names a role


@dataclass(frozen=True)
class Entry:
    """The entry of one error or check: symptom, cause, test to confirm the cause, cure."""

    name: str
    symptom: str
    cause: str
    test: str
    cure: str

    def __str__(self) -> str:
        parts = ("symptom", "cause", "test", "cure")
        return "\n".join([self.name, *(f"  {part:<9}{_plain(getattr(self, part))}" for part in parts)])


@dataclass(frozen=True)
class Group:
    """Entries about one subject."""

    name: str
    about: str
    entries: tuple[Entry, ...]


@cache
def groups() -> tuple[Group, ...]:
    """Return all groups, in the order in which they are shown."""
    content: dict[str, Mapping[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(
        Group(name, one["about"], tuple(Entry(entry, **parts) for entry, parts in one["entries"].items()))
        for name, one in content.items()
    )


def entries() -> dict[str, Entry]:
    """Return all entries by name."""
    return {entry.name: entry for group in groups() for entry in group.entries}


def explain(name: str) -> list[Entry | Rule]:
    """Return the entry or rule with a name, or else all that contain its words.

    Args:
        name: name of an entry, a check, an error or a rule, as displayed; or words to search for.

    Raises:
        BadParameters: no entry and no rule matches.
    """
    known: dict[str, Entry | Rule] = {**CATALOGUE, **entries()}
    exact = slug(name.removeprefix(f"{HANDBOOK}#"))
    for one in (exact, ROLE.sub("", exact)):
        if one in known:
            return [known[one]]
    words = name.lower().split()
    found = [entry for entry in known.values() if all(word in str(entry).lower() for word in words)]
    if not words or not found:
        raise BadParameters(
            f"No entry and no rule matches {name!r}.", remedy="`drlib explain` lists all names."
        )
    return found


def _plain(text: str) -> str:
    """Return a text with each link replaced by its words."""
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
