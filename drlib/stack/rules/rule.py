"""A rule: what planned resources must satisfy, where AWS says so, and how to fix a violation."""

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
    """What a plan must satisfy.

    Attributes:
        id: names it, in tables and in tests.
        severity: critical: the deployment, or the failover, would not work; high: it would be unsafe, or lose
            data; medium: people would be misled, or find out late.
        requires: what must be so, as one sentence.
        source: the AWS document that says so.
        fix: what mends a finding.
        find: yields a sentence for each thing that is wrong, the resource's name first.
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
    """Enter a function into the catalogue."""

    def enter(find: Find) -> Find:
        if id in REGISTERED:
            raise ValueError(f"there are two rules {id}")
        REGISTERED[id] = Rule(id, severity, requires, source, fix, find)
        return find

    return enter
