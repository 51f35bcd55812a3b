"""Drills that are killed, and then resumed.

Each is killed with SIGKILL: at every boundary of a step that changes something, and at instants drawn by a
seed. Killed is the runner, its kernels, or both. Then `--resume` must end as an undisturbed run ends.
"""
