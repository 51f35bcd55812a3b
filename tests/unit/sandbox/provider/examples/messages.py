"""Topics and queues."""

from __future__ import annotations

import json

from ..engine import PRIMARY, STANDBY, Engine, Inputs
from .base import ACCOUNT, Example, deny, regional
from .parts import queue, topic


def _subscription(engine: Engine) -> Inputs:
    return regional(
        topic=topic(engine),
        protocol="sqs",
        endpoint=queue(engine, region=STANDBY)["arn"],
        rawMessageDelivery=True,
        redrivePolicy=json.dumps({"deadLetterTargetArn": queue(engine, "example-undelivered")["arn"]}),
    )


def _topic_policy(engine: Engine) -> Inputs:
    arn = topic(engine)
    return regional(arn=arn, policy=deny(arn, "sns:Publish"))


def _queue_policy(engine: Engine) -> Inputs:
    made = queue(engine)
    return regional(queueUrl=made["url"], policy=deny(made["arn"]))


def _redrive(engine: Engine) -> Inputs:
    target = queue(engine, "example-dead")["arn"]
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 30})
    return regional(queueUrl=queue(engine)["url"], redrivePolicy=policy)


def _redrive_allow(engine: Engine) -> Inputs:
    policy = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue(engine)["arn"]]})
    return regional(queueUrl=queue(engine, "example-dead")["url"], redriveAllowPolicy=policy)


MESSAGES = {
    "aws:sns/topic:Topic": Example(
        lambda engine: regional(name="example-own-topic", displayName="Payments", tags={"team": "payments"}),
        change={"displayName": "Refunds", "tags": {"stage": "drill"}},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("sns", PRIMARY).set_topic_attributes(
            TopicArn=id, AttributeName="DisplayName", AttributeValue="meddled"
        ),
        drifted="displayName",
    ),
    "aws:sns/topicPolicy:TopicPolicy": Example(
        _topic_policy,
        change={"policy": deny("*", "sns:Publish")},
        replacement={"arn": "arn:other"},
        drift=lambda client, id, state: client("sns", PRIMARY).set_topic_attributes(
            TopicArn=id, AttributeName="Policy", AttributeValue=deny("*", "sns:Subscribe")
        ),
        drifted="policy",
    ),
    "aws:sns/topicSubscription:TopicSubscription": Example(
        _subscription,
        change={"rawMessageDelivery": False},
        replacement={"endpoint": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:other"},
        drift=lambda client, id, state: client("sns", PRIMARY).set_subscription_attributes(
            SubscriptionArn=id, AttributeName="RawMessageDelivery", AttributeValue="false"
        ),
        drifted="rawMessageDelivery",
        delete_first=True,
    ),
    "aws:sqs/queue:Queue": Example(
        lambda engine: regional(
            name="example-own-queue",
            visibilityTimeoutSeconds=60,
            messageRetentionSeconds=1209600,
            receiveWaitTimeSeconds=20,
            sqsManagedSseEnabled=True,
            tags={"team": "payments"},
        ),
        change={"visibilityTimeoutSeconds": 90, "tags": {"stage": "drill"}},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).tag_queue(
            QueueUrl=id, Tags={"added": "outside"}
        ),
    ),
    "aws:sqs/redrivePolicy:RedrivePolicy": Example(
        _redrive,
        change={
            "redrivePolicy": json.dumps(
                {"deadLetterTargetArn": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:example-dead", "maxReceiveCount": 5}
            )
        },
        replacement={"queueUrl": "http://other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).set_queue_attributes(
            QueueUrl=id, Attributes={"RedrivePolicy": state["redrivePolicy"].replace("30", "3")}
        ),
        drifted="redrivePolicy",
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Example(
        _redrive_allow,
        change={"redriveAllowPolicy": json.dumps({"redrivePermission": "allowAll"})},
        replacement={"queueUrl": "http://other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).set_queue_attributes(
            QueueUrl=id, Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})}
        ),
        drifted="redriveAllowPolicy",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Example(
        _queue_policy,
        change={"policy": deny("*")},
        replacement={"queueUrl": "http://other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).set_queue_attributes(
            QueueUrl=id, Attributes={"Policy": deny("*", "sqs:SendMessage")}
        ),
        drifted="policy",
    ),
}
