"""What planned resources must satisfy before anything is created.

catalogue   all rules, and the check of a plan against them
rule        a rule, and how a function becomes one
planned     a plan, as rules read it

The rules, one file a subject: iam, messaging, monitoring, network, region, routing, storage. Each names what
is wrong, the AWS document that says so, and what mends it. The same rules hold on both targets.
"""
