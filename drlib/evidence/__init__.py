"""The evidence of a run, its verdict, and its history.

evidence   update, verify, report: the verbs of the runbooks
bundle     evidence.json, computed from what the run saved
schema     its schema: `python -m drlib.evidence.schema` writes evidence.schema.json
verdict    passed, failed, aborted or pending-approval, with the reasons
origin     simulated or live, from the files of the run
history    recovery time and loss of all runs
pipeline   the gate: is the latest drill within the limits of a pipeline?
audit/     an independent check of a run's evidence
report/    report.html
"""
