"""What Route 53 makes of its checkers' results: verdicts, statuses, and checks that combine others.

Rules: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy"; Route 53
API Reference, `HealthCheckConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drlib.sandbox.services.route53.status_board import ALARM, INSUFFICIENT, StatusBoard

HEALTHY_SHARE = 0.18
"""An endpoint is healthy if more than this share of its checkers says so. AWS may change it."""
PHASE_JITTER = 0.05
"""How far a checker's phase strays from the even spread, as a share of the distance between two checkers."""


class CheckerStatus:
    """What one checker thinks of its endpoint: healthy until `threshold` checks in a row fail, and back."""

    def __init__(self) -> None:
        self.healthy = True
        self._contradictions = 0

    def add_result(self, passed: bool, *, threshold: int) -> bool:
        """Take a check's result; return whether the verdict changed."""
        if passed is self.healthy:
            self._contradictions = 0
            return False
        self._contradictions += 1
        if self._contradictions < threshold:
            return False
        self.healthy = passed
        self._contradictions = 0
        return True


def endpoint_healthy(verdicts: Sequence[bool]) -> bool:
    """Say whether an endpoint is healthy: more than 18 % of its checkers say so, or none has looked yet."""
    return not verdicts or sum(verdicts) / len(verdicts) > HEALTHY_SHARE


def phases(count: int, *, interval: float, start: float, jitters: Sequence[float]) -> list[float]:
    """Return when in its interval each checker checks, in seconds: evenly spread from `start`, jittered.

    Args:
        count: number of checkers.
        interval: seconds between two checks of one checker.
        start: phase of the first, in seconds.
        jitters: one number between -1 and 1 a checker.
    """
    distance = interval / count
    return [
        (start + distance * (index + PHASE_JITTER * jitter)) % interval
        for index, jitter in zip(range(count), jitters, strict=True)
    ]


class StatusEvaluator:
    """Turns verdicts and data streams into the status of every check.

    Args:
        board: where data streams are read.
    """

    def __init__(self, board: StatusBoard) -> None:
        self._board = board
        self._last_known: dict[str, bool] = {}

    def statuses(
        self, checks: Mapping[str, Mapping[str, Any]], verdicts: Mapping[str, Sequence[bool]]
    ) -> dict[str, bool]:
        """Return check id -> healthy.

        Args:
            checks: check id -> HealthCheckConfig.
            verdicts: check id -> what each of its checkers thinks; of endpoint checks.
        """
        done: dict[str, bool] = {}
        for check_id in checks:
            self._status(check_id, checks, verdicts, done, frozenset())
        for gone in set(self._last_known) - set(checks):
            del self._last_known[gone]
        return done

    def _status(
        self,
        check_id: str,
        checks: Mapping[str, Mapping[str, Any]],
        verdicts: Mapping[str, Sequence[bool]],
        done: dict[str, bool],
        above: frozenset[str],
    ) -> bool:
        if check_id in done:
            return done[check_id]
        config = checks.get(check_id)
        if config is None or check_id in above:
            return False  # a child that is gone cannot be counted as healthy, nor can one that counts itself
        if config.get("Disabled"):
            # "Route 53 considers the status of the health check to always be healthy", inverted or not.
            done[check_id] = True
            return True
        type_ = config.get("Type")
        if type_ == "CALCULATED":
            children = [
                self._status(child, checks, verdicts, done, above | {check_id})
                for child in config.get("ChildHealthChecks", ())
            ]
            self._board.set_children(check_id, sum(children))
            healthy = sum(children) >= int(config.get("HealthThreshold", 0))
        elif type_ == "CLOUDWATCH_METRIC":
            healthy = self._by_alarm(check_id, config)
        else:
            seen = verdicts.get(check_id, ())
            self._board.set_share(check_id, sum(seen) / len(seen) if seen else 1.0)
            healthy = endpoint_healthy(seen)
        done[check_id] = healthy is not bool(config.get("Inverted"))
        return done[check_id]

    def _by_alarm(self, check_id: str, config: Mapping[str, Any]) -> bool:
        """Judge by an alarm's data, not by its state: SetAlarmState cannot drive a health check."""
        alarm = config.get("AlarmIdentifier", {})
        stream = self._board.stream(alarm.get("Region", ""), alarm.get("Name", ""))
        if stream != INSUFFICIENT:
            self._last_known[check_id] = stream != ALARM
            return stream != ALARM
        wanted = config.get("InsufficientDataHealthStatus") or "LastKnownStatus"
        if wanted == "LastKnownStatus":
            return self._last_known.get(check_id, True)
        return bool(wanted == "Healthy")
