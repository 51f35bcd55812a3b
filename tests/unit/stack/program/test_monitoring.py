"""Alarms, topics and the dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from drlib.stack.rules import monitoring


def test_route53_alarms_and_their_topic_are_in_us_east_1(planned: Any) -> None:
    alarms = planned.of("cloudwatch/metricAlarm:MetricAlarm").values()
    dns = [alarm for alarm in alarms if alarm["namespace"] == "AWS/Route53"]
    assert len(dns) == 3
    for alarm in dns:
        assert alarm["region"] == "us-east-1"
        assert all(":us-east-1:" in action for action in alarm["alarmActions"])
        assert (alarm["statistic"], alarm["comparisonOperator"]) == ("Minimum", "LessThanThreshold")
        assert alarm["treatMissingData"] == "breaching"
    for alarm in alarms:
        assert all(f":{alarm['region']}:" in action for action in alarm["alarmActions"])


def test_the_standby_has_an_alarm_that_needs_no_other_region(planned: Any) -> None:
    alarm = planned.of("cloudwatch/metricAlarm:MetricAlarm")["alarms-standby-serves"]
    assert alarm["region"] == "us-west-2"
    assert alarm["dimensions"] == {
        "ApiId": "api-standby-id",
        "Stage": "$default",
        "Method": "POST",
        "Resource": "/payments",
    }


def test_mail_is_subscribed_to_every_alert_topic(planned: Any, full: Any) -> None:
    assert not [
        s for s in planned.of("sns/topicSubscription:TopicSubscription").values() if s["protocol"] != "sqs"
    ]
    mails = [
        s for s in full.of("sns/topicSubscription:TopicSubscription").values() if s["protocol"] == "email"
    ]
    assert {s["region"] for s in mails} == {"eu-west-1", "eu-central-1", "us-east-1"}


def test_a_pair_with_us_east_1_in_it_has_no_name_twice(plan: Callable[..., Any]) -> None:
    planned = plan(primary_region="us-east-1", standby_region="us-west-2")
    for kind in ("sns/topic:Topic", "cloudwatch/metricAlarm:MetricAlarm"):
        names = [(i["region"], i["name"]) for i in planned.of(kind).values()]
        assert len(names) == len(set(names))


def test_the_dashboard_has_a_row_for_everything_and_dimensions_by_position(planned: Any) -> None:
    (dashboard,) = planned.of("cloudwatch/dashboard:Dashboard").values()
    body = json.loads(dashboard["dashboardBody"])
    assert len(body["widgets"]) == 6
    assert list(monitoring.problems(body)) == []
