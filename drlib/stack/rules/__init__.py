"""The rules that a plan must satisfy before anything is created.

catalogue   all rules, and the check of a plan against them
rule        a rule, and how a function becomes one
planned     the view of a plan that the rules read

The rules, one file a subject: iam, messaging, monitoring, network, region, routing, storage. Each
names the mistake, the AWS document behind the rule, and the fix. The rules are the same on both targets.
"""
