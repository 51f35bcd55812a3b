"""Who is told what: topics, alarms and one dashboard.

Route 53 publishes its metrics in us-east-1 alone, so alarms on health checks, and the topic that they write
to, have to be there. If that region is down, they are silent: the standby therefore has an alarm of its
own, on payments that it serves, with its own topic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from drlib.stack.program.component import Component, Scope, document, foreseen, statement

PERIOD_SECONDS = 60
OLDEST_MESSAGE_SECONDS = 900  # longer than a message may be deferred
ERRORS_5XX = 3  # in a minute: one or two may be chance


class AlertTopic(Component):
    """A topic that the alarms of one region may write to, and a mail subscription if an address is given."""

    def __init__(
        self, name: str, role: str, region: str, email: str, scope: Scope, *, parent: pulumi.Resource | None
    ) -> None:
        super().__init__("AlertTopic", name, parent=parent)
        called = scope.names.regional(role, region)
        topic = aws.sns.Topic(name, region=region, name=called, tags=scope.tagged(called), opts=self.child())
        self.arn = foreseen(topic.arn, scope.arn("sns", region, called))
        aws.sns.TopicPolicy(
            f"{name}-policy",
            region=region,
            arn=topic.arn,
            policy=document(
                statement(
                    ["sns:Publish"],
                    self.arn,
                    principal={"Service": "cloudwatch.amazonaws.com"},
                    condition={"StringEquals": {"aws:SourceAccount": scope.account_id}},
                )
            ),
            opts=self.child(),
        )
        if email:
            aws.sns.TopicSubscription(
                f"{name}-mail",
                region=region,
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=self.child(),
            )
        self.register_outputs({})


@dataclass(frozen=True)
class Rule:
    """One alarm: a metric's statistic over a number of minutes against a threshold."""

    role: str
    text: str
    namespace: str
    metric: str
    dimensions: Mapping[str, Any]
    threshold: float
    statistic: str = "Sum"
    comparison: str = "GreaterThanOrEqualToThreshold"
    minutes: int = 1
    missing: str = "notBreaching"


class Alarms(Component):
    """One region's alarms, all writing to one topic. `names` lists what they are called."""

    def __init__(
        self,
        name: str,
        region: str,
        rules: Sequence[Rule],
        topic_arn: pulumi.Output[str],
        scope: Scope,
        *,
        parent: pulumi.Resource | None,
    ) -> None:
        super().__init__("Alarms", name, parent=parent)
        self.names = []
        for rule in rules:
            called = scope.names.regional(f"alarm-{rule.role}", region)
            aws.cloudwatch.MetricAlarm(
                f"{name}-{rule.role}",
                region=region,
                name=called,
                alarm_description=rule.text,
                namespace=rule.namespace,
                metric_name=rule.metric,
                dimensions=dict(rule.dimensions),
                statistic=rule.statistic,
                period=PERIOD_SECONDS,
                evaluation_periods=rule.minutes,
                datapoints_to_alarm=rule.minutes,
                threshold=rule.threshold,
                comparison_operator=rule.comparison,
                treat_missing_data=rule.missing,
                alarm_actions=[topic_arn],
                ok_actions=[topic_arn],
                tags=scope.tagged(called),
                opts=self.child(),
            )
            self.names.append(called)
        self.register_outputs({})


@dataclass(frozen=True)
class Watched:
    """What is watched in one region: identifiers of its parts, and the region that it sends replicas to."""

    region: str
    role: str
    other_region: str
    api_id: pulumi.Output[str]
    table: str
    bucket: str
    other_bucket: str
    queues: Mapping[str, str]
    functions: Mapping[str, str]


def region_rules(watched: Watched, *, replication_rule: str, rpo_seconds: int) -> list[Rule]:
    """Return the alarms that each region has, and the one that the standby has on top."""
    api = {"ApiId": watched.api_id, "Stage": "$default"}
    rules = [
        Rule("api-5xx", "The API answers with errors of its own.", "AWS/ApiGateway", "5xx", api, ERRORS_5XX),
        Rule(
            "oldest-message",
            "Payments wait to be settled longer than a takeover should take.",
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": watched.queues["work"]},
            OLDEST_MESSAGE_SECONDS,
            statistic="Maximum",
            minutes=3,
        ),
        Rule(
            "replication-lag",
            "The other region's replica is further behind than the recovery point allows.",
            "AWS/DynamoDB",
            "ReplicationLatency",
            {"TableName": watched.table, "ReceivingRegion": watched.other_region},
            rpo_seconds * 1000,
            statistic="Average",
            minutes=3,
        ),
        Rule(
            "receipts-failed",
            "Receipts could not be replicated to the other region.",
            "AWS/S3",
            "OperationsFailedReplication",
            {
                "SourceBucket": watched.bucket,
                "DestinationBucket": watched.other_bucket,
                "RuleId": replication_rule,
            },
            1,
        ),
    ]
    rules += [_queue_rule(role, watched.queues[role]) for role in ("dead-letter", "undelivered")]
    rules += [_errors_rule(role, called) for role, called in watched.functions.items()]
    if watched.role == "standby":
        rules.append(
            Rule(
                "serves",
                "The standby takes payments: traffic has failed over, whatever us-east-1 says.",
                "AWS/ApiGateway",
                "Count",
                {**api, "Method": "POST", "Resource": "/payments"},
                1,
            )
        )
    return rules


def _queue_rule(role: str, called: str) -> Rule:
    return Rule(
        role,
        "Messages were put aside and wait for a person.",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": called},
        1,
        statistic="Maximum",
    )


def _errors_rule(role: str, called: str) -> Rule:
    return Rule(
        f"errors-{role}", f"The {role} function fails.", "AWS/Lambda", "Errors", {"FunctionName": called}, 1
    )


def route53_rules(checks: Mapping[str, pulumi.Output[str]]) -> list[Rule]:
    """Return an alarm for each health check: Route 53 publishes 1 while it is healthy."""
    return [
        Rule(
            f"check-{role}",
            f"The health check {role} is unhealthy.",
            "AWS/Route53",
            "HealthCheckStatus",
            {"HealthCheckId": check},
            1,
            statistic="Minimum",
            comparison="LessThanThreshold",
            missing="breaching",
        )
        for role, check in checks.items()
    ]
