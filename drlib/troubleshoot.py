"""What each error and each red check means, and what mends it: one entry for each.

Errors, checks and outcomes have theirs in `troubleshoot.yaml`; a rule's is made of what the rule says itself.
The runbook 90-troubleshoot shows all of them, under the same names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from drlib.errors import HANDBOOK, BadParameters, slug
from drlib.rules import CATALOGUE

FILE = Path(__file__).with_suffix(".yaml")
RULES = "rules"
ROLE = re.compile("-(primary|standby|source|destination|route-53)$")  # how a check's id may end
ABOUT_RULES = (
    "A rule looks at the plan of [10-deploy](10-deploy.ipynb). A red one names each resource that breaks it, "
    "and nothing of the plan is created. `drlib rules` lists all of them."
)


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
    """Return all groups, in the order in which they are shown; the rules come last."""
    content: dict[str, Mapping[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    read = [
        Group(name, one["about"], tuple(Entry(entry, **parts) for entry, parts in one["entries"].items()))
        for name, one in content.items()
    ]
    return (*read, Group(RULES, ABOUT_RULES, tuple(_of_rules())))


def entries() -> dict[str, Entry]:
    """Return all entries by name."""
    return {entry.name: entry for group in groups() for entry in group.entries}


def explain(name: str) -> list[Entry]:
    """Return the entry of a name, or else all entries in which its words occur.

    Args:
        name: an entry's, a check's or an error's name, as it is shown; or words to look for.

    Raises:
        BadParameters: nothing is known of it.
    """
    known = entries()
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


def _of_rules() -> list[Entry]:
    return [
        Entry(
            name=rule.id,
            symptom=f"The rule `{rule.id}` ({rule.severity}) is red, and names what breaks it.",
            cause=f"It requires: {rule.requires}.",
            test=f"Look at the named resource in the plan. Source: {rule.source}.",
            cure=rule.fix,
        )
        for rule in CATALOGUE.values()
    ]
