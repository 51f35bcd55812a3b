"""Faults: what is broken, how, and the way back.

scenario     the scenarios of params/scenarios
hypothesis   what a scenario expects, and whether it came true
inject       breaks what a scenario says
restore      mends it, from a file that is written before anything breaks
actions      what each part of a scenario does, and what undoes it
watchdog     a process that restores a fault at its deadline
"""
