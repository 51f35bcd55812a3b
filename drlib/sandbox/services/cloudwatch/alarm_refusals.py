"""Alarms that CloudWatch refuses (CloudWatch API Reference, `PutMetricAlarm`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIGH_RESOLUTION_PERIODS = (10, 20, 30)
HOUR_SECONDS, DAY_SECONDS, WEEK_SECONDS = 3600, 86_400, 604_800


def metric_alarm(request: Mapping[str, Any]) -> str | None:
    """Return why an alarm on one metric is refused, or None. Periods are in seconds."""
    period = int(request.get("Period") or 60)
    periods = int(request.get("EvaluationPeriods") or 1)
    if period not in HIGH_RESOLUTION_PERIODS and (period < 60 or period % 60):
        return "Period must be 10, 20, 30 or a multiple of 60"
    if int(request.get("DatapointsToAlarm") or periods) > periods:
        return "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
    if period < HOUR_SECONDS and period * periods > DAY_SECONDS:
        return (
            "Metrics cannot be checked across more than a day "
            f"(EvaluationPeriods * Period must be <= {DAY_SECONDS})."
        )
    if period * periods > WEEK_SECONDS:
        return (
            "Metrics cannot be checked across more than a week "
            f"(EvaluationPeriods * Period must be <= {WEEK_SECONDS}) "
            f"for alarms using period >= {HOUR_SECONDS}"
        )
    return None
