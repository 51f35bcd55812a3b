"""Zones, records, health checks, alarms, logs, events."""

from __future__ import annotations

import json
from typing import Any

from ..engine import PRIMARY, Engine, Inputs
from .base import ACCOUNT, Example, regional
from .parts import function, rule, topic, zone


def _endpoint_check(engine: Engine) -> Inputs:
    return {
        "type": "HTTPS_STR_MATCH",
        "fqdn": f"abc.execute-api.{PRIMARY}.amazonaws.com",
        "port": 443,
        "resourcePath": "/healthz",
        "searchString": "ok",
        "enableSni": True,
        "requestInterval": 10,
        "failureThreshold": 3,
        "regions": ["us-east-1", "us-west-1", "us-west-2", "eu-west-1"],
        "tags": {"Name": "endpoint"},
    }


def _failover_record(engine: Engine) -> Inputs:
    return {
        "zoneId": zone(engine),
        "name": "api.example-drill.test",
        "type": "A",
        "setIdentifier": "primary",
        "healthCheckId": engine.create("aws:route53/healthCheck:HealthCheck", _endpoint_check(engine))[0],
        "failoverRoutingPolicies": [{"type": "PRIMARY"}],
        "aliases": [
            {
                "name": f"first.{PRIMARY}.elb.amazonaws.com",
                "zoneId": "Z3AADJGX6KTTL2",
                "evaluateTargetHealth": True,
            }
        ],
    }


def _record_drift(client: Any, id: str, state: Inputs) -> None:
    route53 = client("route53", "us-east-1")
    record = next(
        one
        for one in route53.list_resource_record_sets(HostedZoneId=state["zoneId"])["ResourceRecordSets"]
        if one.get("SetIdentifier") == state["setIdentifier"]
    )
    record["AliasTarget"]["EvaluateTargetHealth"] = False
    route53.change_resource_record_sets(
        HostedZoneId=state["zoneId"],
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
    )


NAMES = {
    "aws:route53/zone:Zone": Example(
        lambda engine: {
            "name": "own-drill.test",
            "comment": "Payments",
            "enableAcceleratedRecovery": True,
            "forceDestroy": False,
            "tags": {"team": "payments"},
        },
        change={"comment": "Refunds", "tags": {"stage": "drill"}},
        replacement={"name": "other-drill.test"},
        drift=lambda client, id, state: client("route53", "us-east-1").update_hosted_zone_comment(
            Id=id, Comment="meddled"
        ),
        drifted="comment",
    ),
    "aws:route53/record:Record": Example(
        _failover_record,
        change={
            "aliases": [
                {
                    "name": f"second.{PRIMARY}.elb.amazonaws.com",
                    "zoneId": "Z3AADJGX6KTTL2",
                    "evaluateTargetHealth": True,
                }
            ]
        },
        replacement={"setIdentifier": "other"},
        drift=_record_drift,
        drifted="aliases",
        also=("aliases",),
        delete_first=True,
    ),
    "aws:route53/healthCheck:HealthCheck": Example(
        _endpoint_check,
        change={"failureThreshold": 2, "invertHealthcheck": True, "tags": {"stage": "drill"}},
        replacement={"requestInterval": 30},
        drift=lambda client, id, state: client("route53", "us-east-1").update_health_check(
            HealthCheckId=id, Disabled=True
        ),
        drifted="disabled",
        also=("fqdn", "searchString"),
    ),
}


def _alarm(engine: Engine) -> Inputs:
    arn = topic(engine)
    return regional(
        name="example-alarm",
        alarmDescription="The latch is set",
        namespace="PaymentsDR",
        metricName="FailoverRequested",
        dimensions={"Stack": "drill"},
        statistic="Maximum",
        period=60,
        evaluationPeriods=1,
        datapointsToAlarm=1,
        threshold=1,
        comparisonOperator="GreaterThanOrEqualToThreshold",
        treatMissingData="ignore",
        alarmActions=[arn],
        okActions=[arn],
        tags={"team": "payments"},
    )


def _alarm_drift(client: Any, id: str, state: Inputs) -> None:
    client("cloudwatch", PRIMARY).disable_alarm_actions(AlarmNames=[id])


WATCH = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": Example(
        _alarm,
        change={
            "threshold": 2.5,
            "dimensions": {"Stack": "drill", "Region": "x"},
            "tags": {"stage": "drill"},
        },
        replacement={"name": "other"},
        drift=_alarm_drift,
        drifted="actionsEnabled",
    ),
    "aws:cloudwatch/dashboard:Dashboard": Example(
        lambda engine: regional(dashboardName="example-board", dashboardBody=json.dumps({"widgets": []})),
        change={"dashboardBody": json.dumps({"widgets": [], "start": "-PT1H"})},
        replacement={"dashboardName": "other"},
        drift=lambda client, id, state: client("cloudwatch", PRIMARY).put_dashboard(
            DashboardName=id, DashboardBody=json.dumps({"widgets": [], "start": "-PT9H"})
        ),
        drifted="dashboardBody",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Example(
        lambda engine: regional(name="/aws/lambda/example", retentionInDays=30, tags={"team": "payments"}),
        change={"retentionInDays": 7, "tags": {"stage": "drill"}},
        replacement={"name": "/aws/lambda/other"},
        drift=lambda client, id, state: client("logs", PRIMARY).delete_retention_policy(logGroupName=id),
        drifted="retentionInDays",
    ),
    "aws:cloudwatch/eventRule:EventRule": Example(
        lambda engine: regional(
            name="example-own-rule",
            scheduleExpression="rate(1 minute)",
            description="Latch",
            tags={"team": "payments"},
        ),
        change={"state": "DISABLED", "tags": {"stage": "drill"}},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("events", PRIMARY).disable_rule(Name=id),
        drifted="state",
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Example(
        lambda engine: regional(rule=rule(engine), targetId="latch", arn=function(engine)["arn"]),
        change={"input": json.dumps({"why": "schedule"})},
        replacement={"targetId": "other"},
        drift=lambda client, id, state: client("events", PRIMARY).put_targets(
            Rule=state["rule"], Targets=[{"Id": "latch", "Arn": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:other"}]
        ),
        drifted="arn",
        delete_first=True,
    ),
}
