"""Alarms and dashboards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.resource import Call, Change, Reading, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties, json_text


class MetricAlarm(Resource):
    """`aws.cloudwatch.MetricAlarm` on one metric; its id is its name. No metric mathematics."""

    type = "aws:cloudwatch/metricAlarm:MetricAlarm"
    service = "cloudwatch"
    tagged = True
    shape = "PutMetricAlarm"
    names = "dimensions"
    renames = {"name": "AlarmName"}
    required = ("name", "comparisonOperator", "evaluationPeriods")
    replaces = ("name",)
    maps = ("dimensions",)
    defaults = {
        "actionsEnabled": True,
        "alarmActions": [],
        "okActions": [],
        "insufficientDataActions": [],
        "alarmDescription": "",
        "treatMissingData": "missing",
        "dimensions": {},
    }
    name = "name"

    def _put(self, call: Call, inputs: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        request = self.request(call, inputs)
        if inputs.get("dimensions"):
            request["Dimensions"] = [
                {"Name": key, "Value": value} for key, value in inputs["dimensions"].items()
            ]
        if tags:
            request["Tags"] = tag_list(tags)
        call.client("cloudwatch").put_metric_alarm(**request)

    def create(self, call: Call, inputs: Properties) -> str:
        self._put(call, inputs, inputs.get("tags") or {})
        return str(inputs["name"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        cloudwatch = call.client("cloudwatch")
        alarms = cloudwatch.describe_alarms(AlarmNames=[id])["MetricAlarms"]
        if not alarms:
            return None
        alarm = alarms[0]
        arn = alarm["AlarmArn"]
        raw = {
            **alarm,
            "treatMissingData": alarm.get("TreatMissingData") or "missing",
            "dimensions": {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])},
            "tags": tags_from(cloudwatch.list_tags_for_resource(ResourceARN=arn).get("Tags")),
        }
        raw.pop("Dimensions", None)
        raw.pop("TreatMissingData", None)
        return Reading(raw, {"arn": arn})

    def update(self, call: Call, change: Change) -> None:
        cloudwatch = call.client("cloudwatch")
        if change.changed - {"tags"}:  # PutMetricAlarm resets all omitted values to AWS's defaults
            self._put(call, change.news, {})
        if change.touches("tags"):
            arn = (
                change.state.get("arn")
                or cloudwatch.describe_alarms(AlarmNames=[change.id])["MetricAlarms"][0]["AlarmArn"]
            )
            if change.tags_to_set:
                cloudwatch.tag_resource(ResourceARN=arn, Tags=tag_list(change.tags_to_set))
            if change.tags_to_remove:
                cloudwatch.untag_resource(ResourceARN=arn, TagKeys=change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("cloudwatch").delete_alarms(AlarmNames=[id])


class Dashboard(Resource):
    """`aws.cloudwatch.Dashboard`. The emulator keeps one for each region, AWS one for the account."""

    type = "aws:cloudwatch/dashboard:Dashboard"
    service = "cloudwatch"
    names = "dashboardName dashboardBody"
    required = ("dashboardName", "dashboardBody")
    replaces = ("dashboardName",)
    name = "dashboardName"

    @staticmethod
    def _put(call: Call, inputs: Mapping[str, Any]) -> None:
        call.client("cloudwatch").put_dashboard(
            DashboardName=inputs["dashboardName"], DashboardBody=json_text(inputs["dashboardBody"])
        )

    def create(self, call: Call, inputs: Properties) -> str:
        self._put(call, inputs)
        return str(inputs["dashboardName"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        found = call.client("cloudwatch").get_dashboard(DashboardName=id)
        raw = {"dashboardName": found["DashboardName"], "dashboardBody": found["DashboardBody"]}
        return Reading(raw, {"dashboardArn": found["DashboardArn"]})

    def update(self, call: Call, change: Change) -> None:
        self._put(call, change.news)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("cloudwatch").delete_dashboards(DashboardNames=[id])


TYPES = (MetricAlarm, Dashboard)
