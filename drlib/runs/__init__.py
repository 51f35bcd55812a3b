"""A run on disk: the folder `runs/RUN_ID/`.

folders     open, join, find and close runs
run         one run as it is written: its steps and what was measured
journal     the file of lines in which each line holds the hash of the line before
seal        the hash of every file of a run, under the journal's last line
approval    what a person allows, and the end of a runbook that only plans
steps       steps that already ran: verify and skip, or redo and say so
"""
