"""Moves of the active role between the regions.

failover         sets the latch: the standby becomes active
failback         releases and arms it: the primary becomes active again
failback_gates   what must be so before traffic may return
past_move        what a run knows of the move that it is about
operator         what a person does in a drill while a fault is in force
planned_move/    a planned move to the other region, RPO 0
"""
