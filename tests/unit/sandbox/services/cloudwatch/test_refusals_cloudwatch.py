"""Alarms and dashboards that CloudWatch refuses: the rules, and the same through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox.process.state import Status
from drlib.sandbox.services.cloudwatch import alarm_refusals, dashboard_refusals
from tests.unit.sandbox.refused import refused

EAST = "us-east-2"
ALARM = {
    "AlarmName": "refusals",
    "Namespace": "Test",
    "MetricName": "m",
    "Statistic": "Sum",
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
    "Period": 60,
    "EvaluationPeriods": 3,
}
ROW = ["AWS/Lambda", "Errors", "FunctionName", "f", {"stat": "Sum", "region": EAST, "label": "errors"}]


@pytest.fixture
def cloudwatch(sandbox: Status, aws: Callable[..., Any]) -> Any:
    return aws("cloudwatch", EAST)


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="an alarm's period is 10, 20 or 30 seconds, or a multiple of 60 seconds",
    level="documented",
    source="CloudWatch API Reference, PutMetricAlarm: Period",
)
def test_an_alarm_s_period_is_one_of_those_that_there_are(cloudwatch: Any) -> None:
    error = refused(cloudwatch.put_metric_alarm, **{**ALARM, "Period": 90})
    assert error == ("ValidationError", "Period must be 10, 20, 30 or a multiple of 60")
    assert [alarm_refusals.metric_alarm({"Period": period}) for period in (10, 20, 30, 60, 300)] == [None] * 5
    assert all(alarm_refusals.metric_alarm({"Period": period}) for period in (1, 5, 40, 61))


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="DatapointsToAlarm cannot be greater than EvaluationPeriods",
    level="documented",
    source="CloudWatch API Reference, PutMetricAlarm: DatapointsToAlarm",
)
def test_an_alarm_needs_no_more_datapoints_than_periods(cloudwatch: Any) -> None:
    error = refused(cloudwatch.put_metric_alarm, **ALARM, DatapointsToAlarm=4)
    told = "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
    assert error == ("ValidationError", told)
    assert cloudwatch.describe_alarms(AlarmNames=["refusals"])["MetricAlarms"] == []
    cloudwatch.put_metric_alarm(**ALARM, DatapointsToAlarm=3)
    cloudwatch.delete_alarms(AlarmNames=["refusals"])


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="an alarm evaluates at most one day of data, or one week if its period is an hour or longer",
    level="documented",
    source="CloudWatch API Reference, PutMetricAlarm: Period",
)
@pytest.mark.parametrize(
    ("period", "periods", "said"),
    [
        (300, 288, None),
        (300, 289, "across more than a day (EvaluationPeriods * Period must be <= 86400)"),
        (3600, 168, None),
        (86_400, 8, "across more than a week (EvaluationPeriods * Period must be <= 604800)"),
    ],
)
def test_an_alarm_looks_at_a_day_or_a_week_at_most(period: int, periods: int, said: str | None) -> None:
    message = alarm_refusals.metric_alarm({"Period": period, "EvaluationPeriods": periods})
    assert message is None if said is None else said in (message or "")


def body(*rows: Any, **change: Any) -> str:
    properties = {"metrics": list(rows), "region": EAST, "period": 60, **change.pop("properties", {})}
    widget = {"type": "metric", "x": 0, "y": 0, "width": 12, "height": 6, "properties": properties, **change}
    return json.dumps({"widgets": [{name: value for name, value in widget.items() if value is not None}]})


@pytest.mark.fidelity(
    service="CloudWatch",
    behaviour="a dashboard body with a syntax error is refused; the message gives the error and its place",
    level="approximated",
    source="CloudWatch API Reference, Dashboard Body Structure and Syntax",
    note=(
        "positions, dimensions, options, sources and regions are checked; colours, titles and similar are not"
    ),
)
def test_a_dashboard_with_an_error_is_refused(cloudwatch: Any) -> None:
    wrong = body(["AWS/Lambda", "Errors", {"stat": "Sum", "dimensions": {"FunctionName": "f"}}])
    with pytest.raises(ClientError) as caught:
        cloudwatch.put_dashboard(DashboardName="wrong", DashboardBody=wrong)
    answer = caught.value.response
    path, text = "/widgets/0/properties/metrics/0", "Should NOT have more than 2 items"
    assert answer["Error"]["Code"] == "InvalidParameterInput"
    assert answer["Error"]["Message"].startswith(
        "The dashboard body is invalid, there are 1 validation errors:"
    )
    assert answer["dashboardValidationMessages"] == [{"DataPath": path, "Message": text}]
    assert cloudwatch.list_dashboards(DashboardNamePrefix="wrong")["DashboardEntries"] == []


@pytest.mark.parametrize(
    "rows",
    [
        [ROW],
        [ROW, [".", ".", ".", "g"], ["...", "h"], ["...", {"stat": "p99"}]],
        [[{"expression": "m1 / m2", "id": "e"}], ["Own", "count", {"id": "m1", "visible": False}]],
        [],
    ],
)
def test_a_right_body_is_taken(rows: list[Any]) -> None:
    assert dashboard_refusals.problems(body(*rows)) == []


@pytest.mark.parametrize(
    ("row", "path", "text"),
    [
        ("AWS/Lambda", "", dashboard_refusals.INVALID_ROW),
        ({"expression": "m1", "id": "e"}, "", dashboard_refusals.INVALID_ROW),
        (["AWS/Lambda", "Errors", "FunctionName", 5], "/3", dashboard_refusals.INVALID_TEXT),
        (["AWS/Lambda", "Errors", "FunctionName", ""], "/3", dashboard_refusals.INVALID_TEXT),
        (
            ["AWS/Lambda", "Errors", "FunctionName", None, {"stat": "Sum"}],
            "/3",
            dashboard_refusals.INVALID_TEXT,
        ),
        (["AWS/Lambda", "Errors", "FunctionName"], "", "Should NOT have more than 2 items"),
        ([".", ".", ".", "Service", "S3"], "", "Should NOT have more than 4 items"),
        (["AWS/Lambda", "Errors", {"statistic": "Sum"}], "", "Should NOT have more than 2 items"),
    ],
)
def test_dimensions_go_by_position(row: Any, path: str, text: str) -> None:
    assert dashboard_refusals.problems(body(ROW, row)) == [(f"/widgets/0/properties/metrics/1{path}", text)]


@pytest.mark.parametrize(
    ("change", "path", "text"),
    [
        ({"x": 24}, "/x", "Should be <= 23"),
        ({"y": -1}, "/y", "Should be >= 0"),
        ({"width": 25}, "/width", "Should be <= 24"),
        ({"width": 0}, "/width", "Should be >= 1"),
        ({"height": 1001}, "/height", "Should be <= 1000"),
        ({"height": "6"}, "/height", "Should be integer"),
        ({"type": None}, "", "Should have required property 'type'"),
        ({"properties": {"region": None}}, "/properties", dashboard_refusals.MISSING_SOURCE),
        ({"properties": {"metrics": {}}}, "/properties/metrics", "Should be array"),
        ({"type": "text"}, "/properties", "Should have required property 'markdown'"),
        ({"type": "alarm"}, "/properties", "Should have required property 'alarms'"),
    ],
)
def test_widgets_have_their_place_and_their_source(change: dict[str, Any], path: str, text: str) -> None:
    assert dashboard_refusals.problems(body(ROW, **change)) == [(f"/widgets/0{path}", text)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", dashboard_refusals.NOT_JSON),
        ("[]", dashboard_refusals.NOT_JSON),
        ("{}", "Should have required property 'widgets'"),
        ('{"widgets": {}}', "Should be array"),
        ('{"widgets": [1]}', "Should be object"),
    ],
)
def test_a_body_is_an_object_with_widgets(text: str, said: str) -> None:
    assert [found for _, found in dashboard_refusals.problems(text)] == [said]


def test_a_metric_widget_without_a_source_says_what_it_could_have() -> None:
    text = json.dumps({"widgets": [{"type": "metric", "properties": {"region": EAST}}]})
    found = [message for _, message in dashboard_refusals.problems(text)]
    assert found == [
        "Should have required property 'metrics'",
        dashboard_refusals.MISSING_SOURCE,
        "Should have required property 'annotations'",
    ]


def test_a_body_that_is_no_json_is_told_plainly(cloudwatch: Any) -> None:
    error = refused(cloudwatch.put_dashboard, DashboardName="wrong", DashboardBody="{")
    assert error == ("InvalidParameterInput", dashboard_refusals.NOT_JSON)
