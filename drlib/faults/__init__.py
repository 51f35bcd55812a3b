"""Faults: scenarios, injection and restore.

scenario     the scenarios of params/scenarios
hypothesis   what a scenario expects, and whether it holds
inject       injects the faults of a scenario
restore      undoes a fault, from a file that is written before the injection
actions      the orders that inject and undo each fault of a scenario
watchdog     a process that restores a fault at its deadline
"""
