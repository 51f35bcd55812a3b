"""The runbooks' verbs: a thin layer over Pulumi Automation and boto3.

cli/            the commands, one file a group
runner/         notebooks headless, and the whole drill
switch/         failover, failback, planned move, and the operator's part in a drill
evidence/       evidence.json, its verdict, history, audit and report
checks/         preflight, steady state, standby, incident, planes, and what each finding means
timeline/       the predicted and the measured recovery
stack/          the stack by Pulumi: engine, program, rules
payments/       clients that pay, their ledger, and its reconciliation
faults/         scenarios, injection and restore
deployed/       what stands in AWS, read and set by data planes
target/         where a runbook acts: an account or the sandbox
runs/           a run on disk: folder, journal, seal, approval
parameters.py   the parameters, with their types, defaults and allowed values
show/           what a cell displays
core/           errors, clock, files, redaction, samples, recorded AWS calls
sandbox/        AWS in one local process

A module imports from modules further down, never from further up; `pyproject.toml` holds the layers.
"""

__version__ = "0.1.0"
