"""Which knob would bring the predicted RTO within its target.

Two settings decide how soon Route 53 notices: the interval between two checks (10 or 30 s) and how many must
fail in a row. The rest is the clients': the TTL of an alias record is its target's, and cannot be set.
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
    """Return a sentence: the smallest change of a check that meets the target, or that none does.

    One knob is turned before two are, and the interval before the threshold: a lower threshold makes more
    failovers out of nothing.

    Args:
        settings: what is asked for.
        deployment: what is deployed, if anything is: its checks count, and not those of the settings.
        predicted_seconds: works out the RTO of settings, modelled.
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
    for changes in _turns(now):
        seconds = predicted_seconds(now.model_copy(update=changes))
        if seconds <= settings.rto_target_seconds:
            told = " and ".join(
                f"{name} {value} instead of {getattr(now, name)}" for name, value in changes.items()
            )
            return f"{told} would make it {seconds:.0f} s."
        least = min(least, seconds)
    return f"No knob meets it: the least is {least:.0f} s. Set a target that can be met."


def _turns(now: Settings) -> Iterator[dict[str, Any]]:
    intervals = [{"check_interval_seconds": one} for one in sorted(CHECK_INTERVALS, reverse=True)]
    shorter = [
        change for change in intervals if change["check_interval_seconds"] < now.check_interval_seconds
    ]
    fewer = [{"check_failure_threshold": one} for one in range(now.check_failure_threshold - 1, 0, -1)]
    yield from shorter
    yield from fewer
    for change in shorter:
        yield from ({**change, **other} for other in fewer)
