"""The deployed stack, read and set through data planes.

deployment       the stack's outputs, as every runbook reads them
stored_outputs   the same, stored in the standby's table for an incident
names            what every resource is called
latch            the item that keeps the standby active
fence            the item that makes a region refuse payments
probes           single read-only questions to a deployed stack
metrics          CloudWatch metrics as series
"""
