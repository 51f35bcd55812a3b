"""How a scenario affects health checkers and clients, as far as the prediction needs it.

The prediction needs the time that a check takes to fail, the result of a client's attempt, whether a kept
connection breaks, and whether Route 53 or the operator changes the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drlib.faults.scenario import ApiTrouble, CheckersCutOff, FunctionOff, Part, RegionDown, Scenario

if TYPE_CHECKING:
    from drlib.parameters import Settings

# Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy".
CONNECT_LIMIT_SECONDS = 4.0  # a checker waits this long for a connection
RESPONSE_LIMIT_SECONDS = 2.0  # and then this long for a status


@dataclass(frozen=True)
class Impact:
    """How an outage looks to checkers and clients that send requests to the primary.

    Attributes:
        summary: in one or two words.
        check_seconds: how long a health check takes to fail.
        late_seconds: the delay of each answer; clients are served nevertheless.
        silent: no request is answered and no connection breaks, so attempts end with their timeout.
        errors: clients' payments fail.
        breaks: kept connections break.
        by_operator: no checker detects the fault; the operator's latch changes the name.
    """

    summary: str
    check_seconds: float = 0.0
    late_seconds: float = 0.0
    silent: bool = False
    errors: bool = True
    breaks: bool = False
    by_operator: bool = False


def impact_of(planned: Scenario, settings: Settings) -> Impact:
    """Return the impact of a scenario; if it does not affect the primary, that of a region outage."""
    by_operator = planned.expect.moved_by == "operator"
    for part in planned.faults:
        if getattr(part, "where", "") == "primary" and (
            found := _impact_of_part(part, by_operator=by_operator)
        ):
            return found
    mode = settings.outage_mode
    hangs = mode == "hang"
    # A 503 is an HTTP answer, so the connection does not break.
    return Impact(mode, CONNECT_LIMIT_SECONDS if hangs else 0.0, silent=hangs, breaks=mode != "503")


def _impact_of_part(part: Part, *, by_operator: bool) -> Impact | None:
    match part:
        case RegionDown():
            return None  # the parameter `outage_mode` decides
        case FunctionOff(function="payments"):
            return Impact("503", by_operator=by_operator)
        case ApiTrouble(latency_seconds=0.0):
            return Impact(f"{part.status}", by_operator=by_operator)
        case ApiTrouble():
            return Impact("late", RESPONSE_LIMIT_SECONDS, late_seconds=part.latency_seconds, errors=False)
        case CheckersCutOff():
            return Impact("no connection", CONNECT_LIMIT_SECONDS, errors=False)
    return None
