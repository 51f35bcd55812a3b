"""The status of health checks: from checkers' results, from alarms and from other health checks.

Rules: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy"; Route 53
API Reference, `HealthCheckConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drlib.sandbox.services.route53.status_board import ALARM, INSUFFICIENT, StatusBoard

HEALTHY_SHARE = 0.18
"""An endpoint is healthy if more than this share of its checkers report it healthy. AWS may change it."""
PHASE_JITTER = 0.05
"""Jitter of a checker's phase, as a share of the distance between two checkers."""


class CheckerStatus:
    """The status of an endpoint by one checker: it changes after `threshold` contrary results in a row."""

    def __init__(self) -> None:
        self.healthy = True
        self._contradictions = 0

    def add_result(self, passed: bool, *, threshold: int) -> bool:
        """Add the result of a check; return whether the status changed."""
        if passed is self.healthy:
            self._contradictions = 0
            return False
        self._contradictions += 1
        if self._contradictions < threshold:
            return False
        self.healthy = passed
        self._contradictions = 0
        return True


def endpoint_healthy(checker_statuses: Sequence[bool]) -> bool:
    """Return whether more than 18 % of the checkers report an endpoint healthy, or there are none yet."""
    return not checker_statuses or sum(checker_statuses) / len(checker_statuses) > HEALTHY_SHARE


def phases(count: int, *, interval: float, start: float, jitters: Sequence[float]) -> list[float]:
    """Return the phase of each checker in its interval, in seconds: evenly spread, with jitter.

    Args:
        count: number of checkers.
        interval: seconds between two checks of one checker.
        start: phase of the first checker, in seconds.
        jitters: one number between -1 and 1 for each checker.
    """
    distance = interval / count
    return [
        (start + distance * (index + PHASE_JITTER * jitter)) % interval
        for index, jitter in zip(range(count), jitters, strict=True)
    ]


class StatusEvaluator:
    """Computes the status of every health check.

    Args:
        board: gives the data streams of alarms.
    """

    def __init__(self, board: StatusBoard) -> None:
        self._board = board
        self._last_known: dict[str, bool] = {}

    def statuses(
        self, checks: Mapping[str, Mapping[str, Any]], checker_statuses: Mapping[str, Sequence[bool]]
    ) -> dict[str, bool]:
        """Return check id -> healthy.

        Args:
            checks: check id -> HealthCheckConfig.
            checker_statuses: check id -> the status by each of its checkers; for endpoint checks.
        """
        statuses: dict[str, bool] = {}
        for check_id in checks:
            self._status(check_id, checks, checker_statuses, statuses, frozenset())
        for gone in set(self._last_known) - set(checks):
            del self._last_known[gone]
        return statuses

    def _status(
        self,
        check_id: str,
        checks: Mapping[str, Mapping[str, Any]],
        checker_statuses: Mapping[str, Sequence[bool]],
        statuses: dict[str, bool],
        ancestors: frozenset[str],
    ) -> bool:
        if check_id in statuses:
            return statuses[check_id]
        config = checks.get(check_id)
        if config is None or check_id in ancestors:
            return False  # a deleted child, or a check that contains itself, is not healthy
        if config.get("Disabled"):
            # "Route 53 considers the status of the health check to always be healthy", inverted or not.
            statuses[check_id] = True
            return True
        type_ = config.get("Type")
        if type_ == "CALCULATED":
            children = [
                self._status(child, checks, checker_statuses, statuses, ancestors | {check_id})
                for child in config.get("ChildHealthChecks", ())
            ]
            self._board.set_children(check_id, sum(children))
            healthy = sum(children) >= int(config.get("HealthThreshold", 0))
        elif type_ == "CLOUDWATCH_METRIC":
            healthy = self._by_alarm(check_id, config)
        else:
            seen = checker_statuses.get(check_id, ())
            self._board.set_share(check_id, sum(seen) / len(seen) if seen else 1.0)
            healthy = endpoint_healthy(seen)
        statuses[check_id] = healthy is not bool(config.get("Inverted"))
        return statuses[check_id]

    def _by_alarm(self, check_id: str, config: Mapping[str, Any]) -> bool:
        """Use the alarm's data, not its state: SetAlarmState does not affect a health check."""
        alarm = config.get("AlarmIdentifier", {})
        stream = self._board.stream(alarm.get("Region", ""), alarm.get("Name", ""))
        if stream != INSUFFICIENT:
            self._last_known[check_id] = stream != ALARM
            return stream != ALARM
        wanted = config.get("InsufficientDataHealthStatus") or "LastKnownStatus"
        if wanted == "LastKnownStatus":
            return self._last_known.get(check_id, True)
        return bool(wanted == "Healthy")
