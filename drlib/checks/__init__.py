"""Read-only checks, each with the hint that mends it.

checks.preflight(here).require()                    this machine, this account, this configuration
checks.look(settings)                               the same, of what runs now: nothing is started
checks.steady_state(here, deployment).require()     every hop of a payment, and the standby's readiness
checks.drill_ready(here, deployment).require()      what must be true just before a fault is injected
checks.assess(here, deployment, prober)             in an incident: what is seen from the standby's side
checks.decide(situation)                            in an incident: fail over, or not, and why
checks.message(situation)                           in an incident: what to tell people
checks.planes_proof(here, deployment).require()     moving the traffic needed data planes alone
checks.standby_ready(here, deployment).require()    in an incident: can the standby take over?
checks.teardown_ready(here).require()               what must be true before everything is removed
"""

from drlib.checklist import Check, Checks
from drlib.checks.calls import calls, planes_proof
from drlib.checks.incident import Message, Situation, assess, decide, keep_move, message
from drlib.checks.machine import look, preflight, teardown_ready
from drlib.checks.steady import drill_ready, standby_ready, steady_state

__all__ = [
    "Check",
    "Checks",
    "Message",
    "Situation",
    "assess",
    "calls",
    "decide",
    "drill_ready",
    "keep_move",
    "look",
    "message",
    "planes_proof",
    "preflight",
    "standby_ready",
    "steady_state",
    "teardown_ready",
]
