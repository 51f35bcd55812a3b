"""The timeline of a failover: predicted, watched, measured.

prediction = timeline.predict(here.settings, deployment)
watch = timeline.watch(here, deployment, prober, fault)
recovery = timeline.measure(watch, prediction)
sightings = timeline.sighted(here, watch, timeline.rest(here, deployment, prober), part, prediction)

back = timeline.watch_return(here, deployment, prober, since=released.set_at)
"""

from drlib.timeline.prediction import STAGES, Prediction, predict
from drlib.timeline.recovery import Cohort, NoRecovery, RecoveryTime, measure
from drlib.timeline.seen import Watch
from drlib.timeline.watching import watch, watch_return
from drlib.timeline.witness import Rest, rest, sighted

__all__ = [
    "STAGES",
    "Cohort",
    "NoRecovery",
    "Prediction",
    "RecoveryTime",
    "Rest",
    "Watch",
    "measure",
    "predict",
    "rest",
    "sighted",
    "watch",
    "watch_return",
]
