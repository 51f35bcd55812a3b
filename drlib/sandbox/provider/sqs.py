"""Queues and their policies, which are separate resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Resource
from drlib.sandbox.provider.values import Properties, json_text, scalar

_ATTRIBUTES = {
    "visibilityTimeoutSeconds": "VisibilityTimeout",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "maxMessageSize": "MaximumMessageSize",
    "delaySeconds": "DelaySeconds",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "fifoQueue": "FifoQueue",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "policy": "Policy",
    "redrivePolicy": "RedrivePolicy",
    "redriveAllowPolicy": "RedriveAllowPolicy",
}


def _text(value: Any) -> str:
    return json_text(value) if isinstance(value, Mapping) else scalar(value)


class Queue(Resource):
    """`aws.sqs.Queue`; its id is its URL.

    A policy is compared only if the queue sets it, so a policy from another resource is no drift.
    """

    type = "aws:sqs/queue:Queue"
    service = "sqs"
    tagged = True
    names = "name " + " ".join(_ATTRIBUTES)
    required = ("name",)
    replaces = ("name", "fifoQueue")
    defaults = {
        "visibilityTimeoutSeconds": 30,
        "messageRetentionSeconds": 345600,
        "delaySeconds": 0,
        "receiveWaitTimeSeconds": 0,
    }
    name = "name"

    def create(self, call: Call, inputs: Properties) -> str:
        attributes = {
            member: _text(inputs[name])
            for name, member in _ATTRIBUTES.items()
            if inputs.get(name) is not None
        }
        tags = {"tags": inputs["tags"]} if inputs.get("tags") else {}
        answer = call.client("sqs").create_queue(QueueName=inputs["name"], Attributes=attributes, **tags)
        return str(answer["QueueUrl"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        sqs = call.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=id, AttributeNames=["All"])["Attributes"]
        raw = {name: found.get(member) for name, member in _ATTRIBUTES.items() if member in found}
        tags = dict(sqs.list_queue_tags(QueueUrl=id).get("Tags") or {})
        raw.update({"name": found["QueueArn"].rsplit(":", 1)[-1], "tags": tags})
        return Reading(raw, {"arn": found["QueueArn"], "url": id})

    def update(self, call: Call, change: Change) -> None:
        sqs, desired = call.client("sqs"), self.desired(change)
        attributes = {
            member: _text(desired[name])
            for name, member in _ATTRIBUTES.items()
            if change.touches(name) and name in desired and name not in self.replaces
        }
        if attributes:
            sqs.set_queue_attributes(QueueUrl=change.id, Attributes=attributes)
        if change.touches("tags"):
            if change.tags_to_set:
                sqs.tag_queue(QueueUrl=change.id, Tags=change.tags_to_set)
            if change.tags_to_remove:
                sqs.untag_queue(QueueUrl=change.id, TagKeys=change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("sqs").delete_queue(QueueUrl=id)


class _Attribute(Resource):
    """A resource that sets one attribute of a queue; its id is the queue's URL."""

    service = "sqs"
    member: ClassVar[str]
    input: ClassVar[str]
    replaces = ("queueUrl",)

    def _set(self, call: Call, url: str, value: Any) -> None:
        call.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={self.member: json_text(value)})

    def create(self, call: Call, inputs: Properties) -> Made:
        self._set(call, inputs["queueUrl"], inputs[self.input])
        return Made(inputs["queueUrl"], Reading())

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        found = call.client("sqs").get_queue_attributes(QueueUrl=id, AttributeNames=["All"])["Attributes"]
        value = found.get(self.member)
        return Reading({"queueUrl": id, self.input: value}) if value else None

    def update(self, call: Call, change: Change) -> None:
        self._set(call, change.id, change.news[self.input])

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        self._set(call, id, "")


class RedrivePolicy(_Attribute):
    """`aws.sqs.RedrivePolicy`."""

    type = "aws:sqs/redrivePolicy:RedrivePolicy"
    member, input = "RedrivePolicy", "redrivePolicy"
    names = "queueUrl redrivePolicy"
    required = ("queueUrl", "redrivePolicy")


class RedriveAllowPolicy(_Attribute):
    """`aws.sqs.RedriveAllowPolicy`."""

    type = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
    member, input = "RedriveAllowPolicy", "redriveAllowPolicy"
    names = "queueUrl redriveAllowPolicy"
    required = ("queueUrl", "redriveAllowPolicy")


class QueuePolicy(_Attribute):
    """`aws.sqs.QueuePolicy`."""

    type = "aws:sqs/queuePolicy:QueuePolicy"
    member, input = "Policy", "policy"
    names = "queueUrl policy"
    required = ("queueUrl", "policy")


TYPES = (Queue, RedrivePolicy, RedriveAllowPolicy, QueuePolicy)
