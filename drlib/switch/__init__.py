"""Moves of the active role between the regions.

failover         sets the latch: the standby becomes active
failback         releases and arms the latch: the primary becomes active again
failback_gates   the checks that must be green before traffic returns to the primary
past_move        what the run recorded about its move: the fault and the takeover
operator         the operator's part in a drill, while a fault is in force
planned_move/    a planned move to the other region, with an RPO of 0
"""
