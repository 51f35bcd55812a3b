"""A run on disk: the folder `runs/RUN_ID/`.

folders     open, join, find and close runs
run         one run: writes its steps and its results
journal     the list of steps; each line contains the hash of the line before it
seal        the manifest with the hash of every file of a run
approval    approvals of steps and plans, and the end of a runbook that only plans
steps       steps that already ran: verify and skip, or redo, and report it
"""
