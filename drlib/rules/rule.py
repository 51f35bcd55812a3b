"""A rule, the list of all rules, and the check of a plan against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drlib.checklist import Check, Checks
from drlib.errors import see
from drlib.rules.planned import Planned

if TYPE_CHECKING:
    from drlib.plan import Plan
    from drlib.settings import Settings

Severity = Literal["critical", "high", "medium"]
Find = Callable[[Planned], Iterator[str]]


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


CATALOGUE: dict[str, Rule] = {}
"""All rules by id, in the order in which they are shown."""


def rule(id: str, severity: Severity, *, requires: str, source: str, fix: str) -> Callable[[Find], Find]:
    """Enter a function into the catalogue."""

    def enter(find: Find) -> Find:
        if id in CATALOGUE:
            raise ValueError(f"there are two rules {id}")
        CATALOGUE[id] = Rule(id, severity, requires, source, fix, find)
        return find

    return enter


def check(plan: Plan, settings: Settings) -> Checks:
    """Return one check for each rule: passed with what it requires, failed with all that is wrong.

    `require()` of the result raises PreflightFailed, with every finding and its fix.

    Args:
        plan: what `stack.plan` returned.
        settings: what it was planned from.
    """
    planned = Planned(plan.resources, settings)
    return Checks("Rules", tuple(_checked(one, planned) for one in CATALOGUE.values()))


def _checked(one: Rule, planned: Planned) -> Check:
    found = list(one.find(planned))
    if not found:
        return Check(one.id, one.id, "passed", one.requires)
    more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
    return Check(
        one.id,
        one.id,
        "failed",
        "; ".join(found[:5]) + more,
        f"{one.fix} Source: {one.source}. See {see(one.id)}.",
    )


def catalogue() -> str:
    """Return all rules, three lines each: id and severity, what it requires, and where that is written."""
    return "\n".join(
        f"{one.id} ({one.severity})\n    {one.requires}\n    {one.source}" for one in CATALOGUE.values()
    )
