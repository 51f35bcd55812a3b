"""What planned resources must satisfy before anything is created.

    findings = rules.check(plan, chosen)
    findings.require()

Each rule looks at the resources of a plan, as the engine would send them to AWS, and names what is wrong, the
AWS document that says so, and what mends it. The same rules hold on both targets.
"""

# Imported for their rules, which enter themselves into the catalogue.
from drlib.rules import iam, messaging, monitoring, network, region, routing, storage  # noqa: F401
from drlib.rules.rule import CATALOGUE, Rule, catalogue, check, named

__all__ = ["CATALOGUE", "Rule", "catalogue", "check", "named"]
