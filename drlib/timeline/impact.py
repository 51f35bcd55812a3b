"""What a scenario does to those who ask the primary: to health checkers, and to clients.

The prediction needs no more of a scenario than this: how long a check takes to fail, what an attempt of a
client comes to, whether a connection that is kept breaks, and who turns the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drlib.faults.scenario import ApiTrouble, CheckersCutOff, FunctionOff, Part, RegionDown, Scenario

if TYPE_CHECKING:
    from drlib.parameters import Settings

# Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy".
CONNECT_LIMIT_SECONDS = 4.0  # a checker gives a connection up after that
RESPONSE_LIMIT_SECONDS = 2.0  # and one on which no status comes, so long after it was made


@dataclass(frozen=True)
class Shock:
    """What those meet who ask the primary.

    Attributes:
        told: in a word.
        check_seconds: how long a health check takes to fail.
        late_seconds: by how long an answer is late; clients are served all the same.
        silent: nothing answers at all, and a connection does not break: attempts end when patience does.
        errors: clients are told that their payments failed.
        breaks: kept connections break.
        by_operator: no checker sees it; the name turns by the operator's latch.
    """

    told: str
    check_seconds: float = 0.0
    late_seconds: float = 0.0
    silent: bool = False
    errors: bool = True
    breaks: bool = False
    by_operator: bool = False


def of(planned: Scenario, settings: Settings) -> Shock:
    """Return what a scenario does; where it leaves the primary alone, what the region's outage would do."""
    hand = planned.expect.moved_by == "operator"
    for part in planned.faults:
        if getattr(part, "where", "") == "primary" and (found := _of(part, by_operator=hand)):
            return found
    mode = settings.outage_mode
    hangs = mode == "hang"
    # An answer 503 is an answer like any other: the connection does not break.
    return Shock(mode, CONNECT_LIMIT_SECONDS if hangs else 0.0, silent=hangs, breaks=mode != "503")


def _of(part: Part, *, by_operator: bool) -> Shock | None:
    match part:
        case RegionDown():
            return None  # as the parameters say
        case FunctionOff(function="payments"):
            return Shock("503", by_operator=by_operator)
        case ApiTrouble(latency_seconds=0.0):
            return Shock(f"{part.status}", by_operator=by_operator)
        case ApiTrouble():
            return Shock("late", RESPONSE_LIMIT_SECONDS, late_seconds=part.latency_seconds, errors=False)
        case CheckersCutOff():
            return Shock("no connection", CONNECT_LIMIT_SECONDS, errors=False)
    return None
