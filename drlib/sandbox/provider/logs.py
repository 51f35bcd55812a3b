"""Log groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.resource import Call, Change, Reading, Resource
from drlib.sandbox.provider.values import Properties


class LogGroup(Resource):
    """`aws.cloudwatch.LogGroup`; its id is its name. Its ARN excludes the `:*` that AWS appends."""

    type = "aws:cloudwatch/logGroup:LogGroup"
    service = "logs"
    tagged = True
    names = "name retentionInDays kmsKeyId logGroupClass skipDestroy"
    required = ("name",)
    replaces = ("name", "kmsKeyId", "logGroupClass")
    write_only = ("skipDestroy",)
    defaults = {"retentionInDays": 0}
    name = "name"

    def create(self, call: Call, inputs: Properties) -> str:
        request: Properties = {"logGroupName": inputs["name"]}
        for name in ("kmsKeyId", "logGroupClass", "tags"):
            if inputs.get(name):
                request[name] = inputs[name]
        call.client("logs").create_log_group(**request)
        return str(inputs["name"])

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        if inputs.get("retentionInDays"):
            self._retain(call, id, inputs["retentionInDays"])

    @staticmethod
    def _retain(call: Call, id: str, days: int) -> None:
        if days:
            call.client("logs").put_retention_policy(logGroupName=id, retentionInDays=days)
        else:
            call.client("logs").delete_retention_policy(logGroupName=id)

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        logs = call.client("logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=id)["logGroups"]
        group = next((one for one in groups if one["logGroupName"] == id), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        raw = {
            "name": id,
            "retentionInDays": group.get("retentionInDays", 0),
            "tags": dict(logs.list_tags_for_resource(resourceArn=arn).get("tags") or {}),
        }
        return Reading(raw, {"arn": arn})

    def update(self, call: Call, change: Change) -> None:
        logs = call.client("logs")
        if change.touches("retentionInDays"):
            self._retain(call, change.id, self.desired(change).get("retentionInDays") or 0)
        if change.touches("tags"):
            groups = logs.describe_log_groups(logGroupNamePrefix=change.id)["logGroups"]
            arn = next(one["arn"] for one in groups if one["logGroupName"] == change.id).removesuffix(":*")
            if change.tags_to_set:
                logs.tag_resource(resourceArn=arn, tags=change.tags_to_set)
            if change.tags_to_remove:
                logs.untag_resource(resourceArn=arn, tagKeys=change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        if not state.get("skipDestroy"):
            call.client("logs").delete_log_group(logGroupName=id)


TYPES = (LogGroup,)
