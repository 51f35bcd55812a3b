"""EventBridge: rules and targets. Pulumi files them under CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.resource import (
    Call,
    Change,
    Made,
    Reading,
    Refused,
    Resource,
    tag_list,
    tags_from,
)
from drlib.sandbox.provider.values import Properties


def _bus(state: Mapping[str, Any]) -> Properties:
    return {"EventBusName": state["eventBusName"]} if state.get("eventBusName") else {}


class EventRule(Resource):
    """`aws.cloudwatch.EventRule`; its id is its name."""

    type = "aws:cloudwatch/eventRule:EventRule"
    service = "events"
    tagged = True
    shape = "PutRule"
    names = "forceDestroy"
    required = ("name",)
    replaces = ("name", "eventBusName")
    write_only = ("forceDestroy",)
    defaults = {"state": "ENABLED", "description": "", "scheduleExpression": "", "eventPattern": ""}
    name = "name"

    def _put(self, call: Call, inputs: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
        request = self.request(call, inputs)
        if tags:
            request["Tags"] = tag_list(tags)
        return str(call.client("events").put_rule(**request)["RuleArn"])

    def create(self, call: Call, inputs: Properties) -> str:
        self._put(call, inputs, inputs.get("tags") or {})
        return str(inputs["name"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        events = call.client("events")
        found = events.describe_rule(Name=id, **_bus(state))
        tags = tags_from(events.list_tags_for_resource(ResourceARN=found["Arn"]).get("Tags"))
        raw = {key: value for key, value in found.items() if key != "ResponseMetadata"}
        return Reading(
            {**raw, "tags": tags}, {"arn": found["Arn"], "eventBusName": found.get("EventBusName", "default")}
        )

    def update(self, call: Call, change: Change) -> None:
        events = call.client("events")
        # PutRule replaces the rule. The request has the state, because the emulator would keep the old one.
        arn = self._put(call, {"state": self.defaults["state"], **change.news}, {})
        if change.touches("tags"):
            if change.tags_to_set:
                events.tag_resource(ResourceARN=arn, Tags=tag_list(change.tags_to_set))
            if change.tags_to_remove:
                events.untag_resource(ResourceARN=arn, TagKeys=change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        events = call.client("events")
        if state.get("forceDestroy"):
            targets = events.list_targets_by_rule(Rule=id, **_bus(state))["Targets"]
            if targets:
                events.remove_targets(Rule=id, Ids=[target["Id"] for target in targets], **_bus(state))
        events.delete_rule(Name=id, **_bus(state))


class EventTarget(Resource):
    """`aws.cloudwatch.EventTarget`; its id is `rule-targetId`."""

    type = "aws:cloudwatch/eventTarget:EventTarget"
    service = "events"
    shape, within = "PutTargets", "Targets"
    names = "rule eventBusName"
    renames = {"targetId": "Id", "inputTransformer.inputPaths": "InputPathsMap"}
    required = ("rule", "targetId", "arn")
    replaces = ("rule", "targetId", "eventBusName")
    maps = ("inputTransformer.inputPaths",)
    natural_key = True

    def _put(self, call: Call, inputs: Mapping[str, Any]) -> None:
        target = self.request(call, inputs)
        answer = call.client("events").put_targets(Rule=inputs["rule"], Targets=[target], **_bus(inputs))
        _require_done(answer, "PutTargets", call.region)

    def create(self, call: Call, inputs: Properties) -> Made:
        self._put(call, inputs)
        return Made(f"{inputs['rule']}-{inputs['targetId']}", Reading())

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        events = call.client("events")
        targets = events.list_targets_by_rule(Rule=state["rule"], **_bus(state))["Targets"]
        found = next((target for target in targets if target["Id"] == state["targetId"]), None)
        return Reading({**found, "rule": state["rule"]}) if found else None

    def update(self, call: Call, change: Change) -> None:
        self._put(call, change.news)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        answer = call.client("events").remove_targets(
            Rule=state["rule"], Ids=[state["targetId"]], **_bus(state)
        )
        _require_done(answer, "RemoveTargets", call.region)


def _require_done(answer: Mapping[str, Any], operation: str, region: str) -> None:
    """Raise Refused if the response has failed entries: the call itself succeeds."""
    for entry in answer.get("FailedEntries", []):
        if "NotFound" not in entry.get("ErrorCode", ""):
            raise Refused(f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')} ({operation} in {region})")


TYPES = (EventRule, EventTarget)
