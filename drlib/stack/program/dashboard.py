"""The dashboard: both regions in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from drlib.core.aws_calls import GLOBAL_REGION
from drlib.stack.program.component import Component, Scope
from drlib.stack.program.monitoring import PERIOD_SECONDS, Watched


class Dashboard(Component):
    """One picture of both regions. Dashboards have no region; the call goes to the standby's."""

    def __init__(
        self,
        name: str,
        region: str,
        watched: Sequence[Watched],
        checks: Mapping[str, pulumi.Output[str]],
        scope: Scope,
        *,
        parent: pulumi.Resource | None,
    ) -> None:
        super().__init__("Dashboard", name, parent=parent)
        charts = [
            ("Requests", [_api_row(at, "Count") for at in watched]),
            ("Errors of the API", [_api_row(at, "5xx") for at in watched]),
            ("Health checks", [_check_row(role, check) for role, check in checks.items()]),
            ("Replication latency, ms", [_lag_row(at) for at in watched]),
            ("Oldest message, s", [_age_row(at) for at in watched]),
            ("Errors of the functions", [row for at in watched for row in _error_rows(at)]),
        ]
        widgets = [
            {
                "type": "metric",
                "x": 12 * (number % 2),
                "y": 6 * (number // 2),
                "width": 12,
                "height": 6,
                "properties": {"title": title, "region": region, "period": PERIOD_SECONDS, "metrics": rows},
            }
            for number, (title, rows) in enumerate(charts)
        ]
        aws.cloudwatch.Dashboard(
            name,
            region=region,
            dashboard_name=scope.names.shared("dr"),
            dashboard_body=pulumi.Output.json_dumps({"widgets": widgets}),
            opts=self.child(),
        )
        self.register_outputs({})


# A row is [namespace, metric, dimension, value, ..., options]: dimensions by position, never as an option.
def _api_row(at: Watched, metric: str) -> list[Any]:
    options = {"stat": "Sum", "region": at.region, "label": f"{metric} {at.role}"}
    return ["AWS/ApiGateway", metric, "ApiId", at.api_id, "Stage", "$default", options]


def _check_row(role: str, check: pulumi.Output[str]) -> list[Any]:
    options = {"stat": "Minimum", "region": GLOBAL_REGION, "label": role}
    return ["AWS/Route53", "HealthCheckStatus", "HealthCheckId", check, options]


def _lag_row(at: Watched) -> list[Any]:
    options = {"stat": "Maximum", "region": at.region, "label": f"to {at.other_region}"}
    return [
        "AWS/DynamoDB",
        "ReplicationLatency",
        "TableName",
        at.table,
        "ReceivingRegion",
        at.other_region,
        options,
    ]


def _age_row(at: Watched) -> list[Any]:
    options = {"stat": "Maximum", "region": at.region, "label": at.role}
    return ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", at.queues["work"], options]


def _error_rows(at: Watched) -> list[list[Any]]:
    return [
        [
            "AWS/Lambda",
            "Errors",
            "FunctionName",
            called,
            {"stat": "Sum", "region": at.region, "label": f"{role} {at.role}"},
        ]
        for role, called in at.functions.items()
    ]
