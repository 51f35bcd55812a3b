"""The timeline of a failover: predicted, watched, measured.

prediction = timeline.predict(here.settings, deployment)
watch = timeline.watch(here, deployment, prober, fault)
recovery = timeline.measure(watch, prediction)

back = timeline.watch_return(here, deployment, prober, since=released.set_at)
"""

from drlib.timeline.prediction import STAGES, Prediction, predict
from drlib.timeline.recovery import Cohort, RecoveryTime, measure
from drlib.timeline.seen import Watch
from drlib.timeline.watching import watch, watch_return

__all__ = [
    "STAGES",
    "Cohort",
    "Prediction",
    "RecoveryTime",
    "Watch",
    "measure",
    "predict",
    "watch",
    "watch_return",
]
