"""Who is told, and whether what they look at shows anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drlib.core.aws_calls import GLOBAL_REGION
from drlib.stack.rules.planned import Planned, document
from drlib.stack.rules.rule import rule

ALARM, DASHBOARD = "cloudwatch/metricAlarm:MetricAlarm", "cloudwatch/dashboard:Dashboard"
OPTIONS = frozenset(
    ("accountId", "color", "expression", "id", "label", "period", "region", "stat", "visible", "yAxis")
)
GRID_COLUMNS, MOST_WIDGETS, MOST_METRICS = 24, 500, 500
SAME = "."


@rule(
    "alarm-route53-region",
    "critical",
    requires="alarms on Route 53 metrics, and the topics that they write to, are in us-east-1",
    source="Route 53 Developer Guide, Monitoring health checks using CloudWatch",
    fix="Create the alarm and its topic in us-east-1: the metrics exist nowhere else.",
)
def route53_region(planned: Planned) -> Iterator[str]:
    for alarm in planned.of(ALARM):
        if alarm.inputs.get("namespace") != "AWS/Route53":
            continue
        if alarm.region != GLOBAL_REGION:
            yield f"{alarm.name} is in {alarm.region}"
        for arn in alarm.inputs.get("alarmActions") or ():
            if f":{GLOBAL_REGION}:" not in str(arn):
                yield f"{alarm.name} writes to {arn}"


@rule(
    "alarm-standby",
    "high",
    requires="the standby has alarms of its own, which write to a topic of its own",
    source="AWS Fault Isolation Boundaries, Appendix A: Route 53 (its control plane is in us-east-1)",
    fix="Add an alarm in the standby on what it sees itself, with a topic there.",
)
def standby(planned: Planned) -> Iterator[str]:
    region = planned.settings.standby_region
    alarms = [
        one
        for one in planned.of(ALARM)
        if one.region == region
        and any(f":sns:{region}:" in str(arn) for arn in one.inputs.get("alarmActions") or ())
    ]
    if not alarms:
        yield f"{region} has no alarm that writes to a topic there"


@rule(
    "alarm-speaks",
    "medium",
    requires="every alarm names its metric's dimensions, says what missing data means, and tells somebody",
    source="CloudWatch User Guide, Using Amazon CloudWatch alarms: missing data; metrics are not aggregated",
    fix="Set dimensions, treat_missing_data and alarm_actions.",
)
def speaks(planned: Planned) -> Iterator[str]:
    for alarm in planned.of(ALARM):
        if not alarm.inputs.get("dimensions"):
            yield f"{alarm.name} names no dimensions"
        if not alarm.inputs.get("treatMissingData"):
            yield f"{alarm.name} does not say what missing data means"
        if not alarm.inputs.get("alarmActions"):
            yield f"{alarm.name} tells nobody"
        if alarm.inputs.get("datapointsToAlarm", 1) > alarm.inputs.get("evaluationPeriods", 1):
            yield f"{alarm.name} wants more datapoints than it looks at"


@rule(
    "dashboard-syntax",
    "medium",
    requires="dashboards follow the documented syntax: dimensions by position, a region for every widget",
    source="CloudWatch API Reference, Dashboard body structure and syntax",
    fix='Write ["namespace", "metric", "dimension", "value", ..., {options}]; "dimensions" is no option.',
)
def dashboard_syntax(planned: Planned) -> Iterator[str]:
    for dashboard in planned.of(DASHBOARD):
        for problem in problems(document(dashboard, "dashboardBody")):
            yield f"{dashboard.name}: {problem}"


def problems(body: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a dashboard's body."""
    widgets = body.get("widgets")
    if not isinstance(widgets, list) or not widgets:
        yield "it has no widgets, or is not known"
        return
    if len(widgets) > MOST_WIDGETS:
        yield f"it has {len(widgets)} widgets"
    for at, widget in enumerate(widgets):
        where = f"widget {at}"
        if widget.get("x", 0) + widget.get("width", 6) > GRID_COLUMNS:
            yield f"{where} ends beyond column {GRID_COLUMNS}"
        if widget.get("type") == "metric":
            for problem in _metric_widget(widget.get("properties") or {}):
                yield f"{where} {problem}"


def _metric_widget(properties: dict[str, Any]) -> Iterator[str]:
    rows = properties.get("metrics")
    if not properties.get("region"):
        yield "has no region"
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_METRICS:
        yield "has no metrics"
        return
    before: list[str] = []
    for row in rows:
        found = row if isinstance(row, list) else []
        options = found[-1] if found and isinstance(found[-1], dict) else {}
        fields = found[:-1] if options or (found and found[-1] == {}) else found
        if unknown := sorted(options.keys() - OPTIONS):
            yield f"has the option {', '.join(unknown)}"
        if "expression" in options:
            continue
        if len(fields) < 2 or len(fields) % 2 or not all(isinstance(one, str) for one in fields):
            yield f"has a row of {len(fields)} fields: namespace, metric, and pairs of dimension and value"
            continue
        if len(fields) == 2:
            yield f"has a row without dimensions ({'/'.join(fields)})"
        if any(one == SAME and at >= len(before) for at, one in enumerate(fields)):
            yield 'repeats by "." what the row before does not have'
        before = [before[at] if one == SAME and at < len(before) else one for at, one in enumerate(fields)]
