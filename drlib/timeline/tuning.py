"""Finds the setting that would bring the predicted RTO within its target.

Two settings decide how fast Route 53 detects a fault: the interval between two checks (10 or 30 s), and how
many checks must fail in a row. The TTL of an alias record is its target's TTL, and cannot be set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from drlib.core.limits import CHECK_INTERVALS

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.parameters import Settings


def advice(
    settings: Settings,
    deployment: Deployment | None = None,
    *,
    predicted_seconds: Callable[[Settings], float],
) -> str:
    """Return a sentence: the smallest change of a check that meets the target, or that no change meets it.

    A change of one setting is preferred to two, and the interval to the threshold, because a lower threshold
    causes more false failovers.

    Args:
        settings: the parameters.
        deployment: the deployed stack, or None. Its check settings replace those of the parameters.
        predicted_seconds: returns the predicted RTO of settings, in modelled seconds.
    """
    now = settings
    if deployment is not None:
        now = settings.model_copy(
            update={
                "check_interval_seconds": deployment.check_interval_seconds,
                "check_failure_threshold": deployment.check_failure_threshold,
            }
        )
    least = predicted_seconds(now)
    for changes in _changes(now):
        seconds = predicted_seconds(now.model_copy(update=changes))
        if seconds <= settings.rto_target_seconds:
            parts = [f"{name} {value} instead of {getattr(now, name)}" for name, value in changes.items()]
            return f"{' and '.join(parts)} would make it {seconds:.0f} s."
        least = min(least, seconds)
    return f"No check setting meets the target: the shortest RTO is {least:.0f} s. Set a longer target."


def _changes(now: Settings) -> Iterator[dict[str, Any]]:
    intervals = [{"check_interval_seconds": one} for one in sorted(CHECK_INTERVALS, reverse=True)]
    shorter = [
        change for change in intervals if change["check_interval_seconds"] < now.check_interval_seconds
    ]
    fewer = [{"check_failure_threshold": one} for one in range(now.check_failure_threshold - 1, 0, -1)]
    yield from shorter
    yield from fewer
    for change in shorter:
        yield from ({**change, **other} for other in fewer)
