"""What each error and each red check means, and what mends it: one entry for each.

The entries are in `troubleshoot.yaml`; the runbook 90-troubleshoot shows all of them, under the same names.
All red rules share one entry; what a rule requires, and its fix, the rule itself says.
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
ROLE = re.compile("-(primary|standby|source|destination|route-53)$")  # how a check's id may end


@dataclass(frozen=True)
class Entry:
    """What one name means: what is seen, what is behind it, what tells it apart, what to do."""

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
    """Entries that belong together, and what they are about."""

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
    """Return the entry or the rule of a name, or else all in which its words occur.

    Args:
        name: an entry's, a check's, an error's or a rule's name, as it is shown; or words to look for.

    Raises:
        BadParameters: nothing is known of it.
    """
    known: dict[str, Entry | Rule] = {**CATALOGUE, **entries()}
    exact = slug(name.removeprefix(f"{HANDBOOK}#"))
    for one in (exact, ROLE.sub("", exact)):
        if one in known:
            return [known[one]]
    words = name.lower().split()
    found = [entry for entry in known.values() if all(word in str(entry).lower() for word in words)]
    if not words or not found:
        raise BadParameters(f"Nothing is known of {name!r}.", remedy="`drlib explain` lists all names.")
    return found


def _plain(text: str) -> str:
    """Return the words of a text, without where its links lead."""
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
