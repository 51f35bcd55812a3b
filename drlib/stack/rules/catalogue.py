"""All rules, and the check of a plan against them.

findings = catalogue.check(plan, settings)
findings.require()
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from drlib.core.errors import BadParameters, see, slug
from drlib.show.checklist import Check, Checks
from drlib.stack.rules import iam, messaging, monitoring, network, region, routing, storage  # noqa: F401
from drlib.stack.rules.planned import Planned
from drlib.stack.rules.rule import ENTRY, REGISTERED, Rule

if TYPE_CHECKING:
    from drlib.parameters import Settings
    from drlib.stack.plan import Plan

CATALOGUE: dict[str, Rule] = REGISTERED
"""All rules by id, in the order in which they are shown."""


def check(plan: Plan, settings: Settings) -> Checks:
    """Return one check for each rule: passed with its requirement, or failed with the violations.

    `require()` of the result raises PreflightFailed, with every finding and its fix.

    Args:
        plan: what `stack.plan` returned.
        settings: the settings of the plan.
    """
    planned = Planned(plan.resources, settings)
    return Checks("Rules", tuple(_check_rule(one, planned) for one in CATALOGUE.values()))


def _check_rule(one: Rule, planned: Planned) -> Check:
    found = list(one.find(planned))
    if not found:
        return Check(one.id, one.id, "passed", one.requires)
    more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
    hint = f"{one.fix} Source: {one.source}. See {see(ENTRY)}."
    return Check(one.id, one.id, "failed", "; ".join(found[:5]) + more, hint)


def catalogue() -> str:
    """Return all rules, three lines each: id and severity, requirement, source."""
    return "\n".join(
        f"{one.id} ({one.severity})\n    {one.requires}\n    {one.source}" for one in CATALOGUE.values()
    )


def named(name: str) -> Rule:
    """Return a rule by its name. Raises BadParameters, which suggests similar names."""
    id = slug(name)
    if id not in CATALOGUE:
        near = difflib.get_close_matches(id, CATALOGUE, n=3)
        remedy = f"Did you mean {' or '.join(near)}?" if near else "`drlib rules` lists all rules."
        raise BadParameters(f"There is no rule {name!r}.", remedy=remedy)
    return CATALOGUE[id]
