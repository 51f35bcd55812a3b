"""The verbs of the disaster-recovery runbooks: a thin layer over Pulumi Automation and boto3.

cli                   the commands, one file for each group
runner                notebooks without a screen, and whole drills
switch                failover, failback, planned move, and the operator's part in a drill
evidence              evidence.json, its verdict, history, audit and report
checks                read-only checks, and what each error and check means
timeline              the predicted and the measured recovery time
stack                 the stack by Pulumi: engine, plan, program, rules
payments              clients that pay, their ledger, and its reconciliation
faults                scenarios, injection and restore
deployed              the deployed stack, read and set through data planes
target                where a runbook acts: a real account or the sandbox
runs                  a run on disk: folder, journal, seal, approval
parameters            the parameters: names, types, defaults, allowed values
show                  what a cell displays
core                  errors, clock, files, redaction, samples, recorded AWS calls
sandbox               AWS in one local process; only target and cli import it

The order is that of the layers: a module imports from its own package or from packages below it, never from
those above. `pyproject.toml` has the layers, and README.md in this folder explains how to find one's way.
"""

__version__ = "0.1.0"
