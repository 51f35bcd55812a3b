"""Topics, their policies, their subscriptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties, json_text, scalar

_TOPIC = {
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "deliveryPolicy": "DeliveryPolicy",
    "tracingConfig": "TracingConfig",
    "signatureVersion": "SignatureVersion",
    "policy": "Policy",
    "fifoTopic": "FifoTopic",
    "contentBasedDeduplication": "ContentBasedDeduplication",
}
_SUBSCRIPTION = {
    "rawMessageDelivery": "RawMessageDelivery",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "redrivePolicy": "RedrivePolicy",
    "deliveryPolicy": "DeliveryPolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


def _text(value: Any) -> str:
    return json_text(value) if isinstance(value, Mapping) else scalar(value)


def default_policy(arn: str) -> str:
    """Return AWS's default policy of a topic: its owner is allowed all operations."""
    account = arn.split(":")[4]
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission",
               "DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish")  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


class Topic(Resource):
    """`aws.sns.Topic`; its id is its ARN."""

    type = "aws:sns/topic:Topic"
    service = "sns"
    tagged = True
    names = "name " + " ".join(_TOPIC)
    required = ("name",)
    replaces = ("name", "fifoTopic")
    defaults = {
        "displayName": "",
        "kmsMasterKeyId": "",
        "tracingConfig": "PassThrough",
        "signatureVersion": "1",
        "deliveryPolicy": "",
    }
    name = "name"

    def create(self, call: Call, inputs: Properties) -> str:
        attributes = {
            member: _text(inputs[name]) for name, member in _TOPIC.items() if inputs.get(name) is not None
        }
        tags = {"Tags": tag_list(inputs["tags"])} if inputs.get("tags") else {}
        answer = call.client("sns").create_topic(Name=inputs["name"], Attributes=attributes, **tags)
        return str(answer["TopicArn"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        sns = call.client("sns")
        found = sns.get_topic_attributes(TopicArn=id)["Attributes"]
        tags = tags_from(sns.list_tags_for_resource(ResourceArn=id).get("Tags"))
        raw = {name: found[member] for name, member in _TOPIC.items() if member in found}
        raw.update({"name": id.rsplit(":", 1)[-1], "tags": tags})
        computed = {"arn": id, "owner": found.get("Owner", id.split(":")[4])}
        if "policy" not in state:
            computed["policy"] = found.get("Policy")
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        sns, desired = call.client("sns"), self.desired(change)
        for name, member in _TOPIC.items():
            if change.touches(name) and name in desired:
                sns.set_topic_attributes(
                    TopicArn=change.id, AttributeName=member, AttributeValue=_text(desired[name])
                )
        if change.touches("tags"):
            if change.tags_to_set:
                sns.tag_resource(ResourceArn=change.id, Tags=tag_list(change.tags_to_set))
            if change.tags_to_remove:
                sns.untag_resource(ResourceArn=change.id, TagKeys=change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("sns").delete_topic(TopicArn=id)


class TopicPolicy(Resource):
    """`aws.sns.TopicPolicy`. Its deletion restores AWS's default policy."""

    type = "aws:sns/topicPolicy:TopicPolicy"
    service = "sns"
    names = "arn policy"
    required = ("arn", "policy")
    replaces = ("arn",)

    @staticmethod
    def _set(call: Call, arn: str, policy: str) -> None:
        call.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)

    def create(self, call: Call, inputs: Properties) -> Made:
        self._set(call, inputs["arn"], json_text(inputs["policy"]))
        return Made(inputs["arn"], Reading({}, {"owner": inputs["arn"].split(":")[4]}))

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        policy = call.client("sns").get_topic_attributes(TopicArn=id)["Attributes"].get("Policy")
        if not policy or json.loads(policy).get("Id") == "__default_policy_ID":
            return None
        return Reading({"arn": id, "policy": policy}, {"owner": id.split(":")[4]})

    def update(self, call: Call, change: Change) -> None:
        self._set(call, change.id, json_text(change.news["policy"]))

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        self._set(call, id, default_policy(id))


class TopicSubscription(Resource):
    """`aws.sns.TopicSubscription`; its region is the topic's."""

    type = "aws:sns/topicSubscription:TopicSubscription"
    service = "sns"
    names = "topic protocol endpoint " + " ".join(_SUBSCRIPTION)
    required = ("topic", "protocol", "endpoint")
    replaces = ("topic", "protocol", "endpoint")
    no_effect = ("confirmationTimeoutInMinutes", "endpointAutoConfirms")
    write_only = no_effect
    defaults = {
        "rawMessageDelivery": False,
        "filterPolicy": "",
        "filterPolicyScope": "MessageAttributes",
        "redrivePolicy": "",
        "deliveryPolicy": "",
    }
    natural_key = True

    def create(self, call: Call, inputs: Properties) -> str:
        attributes = {
            member: _text(inputs[name])
            for name, member in _SUBSCRIPTION.items()
            if inputs.get(name) is not None
        }
        answer = call.client("sns").subscribe(
            TopicArn=inputs["topic"],
            Protocol=inputs["protocol"],
            Endpoint=inputs["endpoint"],
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
        return str(answer["SubscriptionArn"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        found = call.client("sns").get_subscription_attributes(SubscriptionArn=id)["Attributes"]
        raw = {name: found[member] for name, member in _SUBSCRIPTION.items() if member in found}
        raw.update(topic=found["TopicArn"], protocol=found["Protocol"], endpoint=found["Endpoint"])
        raw["rawMessageDelivery"] = found.get("RawMessageDelivery") == "true"
        computed = {
            "arn": id,
            "ownerId": found.get("Owner", id.split(":")[4]),
            "pendingConfirmation": found.get("PendingConfirmation") == "true",
            "confirmationWasAuthenticated": found.get("ConfirmationWasAuthenticated") == "true",
        }
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        desired = self.desired(change)
        for name, member in _SUBSCRIPTION.items():
            if change.touches(name) and name in desired:
                call.client("sns").set_subscription_attributes(
                    SubscriptionArn=change.id, AttributeName=member, AttributeValue=_text(desired[name])
                )

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("sns").unsubscribe(SubscriptionArn=id)


TYPES = (Topic, TopicPolicy, TopicSubscription)
