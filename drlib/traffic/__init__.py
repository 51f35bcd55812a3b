"""Traffic: clients that pay at a steady pace, and the ledger of what each was told.

prober = traffic.start(here, deployment, run)
traffic.settle(prober, seconds=30)          # steady state, or StepFailed
ledger = prober.stop()
"""

from drlib.traffic.prober import Prober, start
from drlib.traffic.settle import settle, view

__all__ = ["Prober", "settle", "start", "view"]
