"""A rule on planned resources, with its source at AWS and its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from drlib.stack.rules.planned import Planned

Severity = Literal["critical", "high", "medium"]
Find = Callable[[Planned], Iterator[str]]
ENTRY = "rules"
"""Heading of 90-troubleshoot that explains every red rule."""


@dataclass(frozen=True)
class Rule:
    """A rule that a plan must satisfy.

    Attributes:
        id: its name in tables and tests.
        severity: critical: the deployment, or the failover, would not work; high: it would be unsafe, or lose
            data; medium: people would be misled, or find out late.
        requires: the requirement, as one sentence.
        source: the AWS document that requires it.
        fix: how to correct a violation.
        find: yields a sentence for each violation, which begins with the name of the resource.
    """

    id: str
    severity: Severity
    requires: str
    source: str
    fix: str
    find: Find

    def __str__(self) -> str:
        parts = (("requires", self.requires), ("source", self.source), ("fix", self.fix))
        return "\n".join([f"{self.id} ({self.severity})", *(f"  {name:<10}{text}" for name, text in parts)])


REGISTERED: dict[str, Rule] = {}
"""All rules by id, once their modules are imported; `catalogue` imports all of them."""


def rule(id: str, severity: Severity, *, requires: str, source: str, fix: str) -> Callable[[Find], Find]:
    """Register a function as a rule of the catalogue."""

    def register(find: Find) -> Find:
        if id in REGISTERED:
            raise ValueError(f"there are two rules {id}")
        REGISTERED[id] = Rule(id, severity, requires, source, fix, find)
        return find

    return register
