"""The evidence of a run, its verdict, and its history.

evidence   update, verify, report: the verbs of the runbooks
bundle     evidence.json, made from what the run saved
schema     its schema: `python -m drlib.evidence.schema` writes evidence.schema.json
verdict    passed, failed, aborted or pending-approval, and why
origin     simulated or live, by what the run's files say
history    recovery and loss from run to run
pipeline   whether the latest drill is within a pipeline's limits
audit/     a run's evidence, checked again
report/    report.html
"""
