"""What planned resources must satisfy before anything is created.

    findings = rules.check(plan, chosen)
    findings.require()

Each rule looks at the resources of a plan, as the engine would send them to AWS, and names what is wrong, the
AWS document that says so, and what mends it. The same rules hold on both targets.
"""

from drlib.rules import iam, messaging, monitoring, network, region, routing, storage
from drlib.rules.planned import Planned
from drlib.rules.rule import CATALOGUE, Rule, catalogue, check

__all__ = [
    "CATALOGUE",
    "Planned",
    "Rule",
    "catalogue",
    "check",
    "iam",
    "messaging",
    "monitoring",
    "network",
    "region",
    "routing",
    "storage",
]
