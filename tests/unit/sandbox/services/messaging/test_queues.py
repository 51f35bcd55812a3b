"""Queues that SQS refuses, and the dead-letter queues of SNS subscriptions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.outages import EAST, WEST

ACCOUNT = "000000000000"
_numbers = itertools.count()


@pytest.fixture
def sqs(aws: Callable[..., Any]) -> Any:
    return aws("sqs", EAST)


@pytest.fixture
def name() -> str:
    return f"strict-{next(_numbers)}"


def refusal(act: Callable[..., Any], **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        act(**members)
    error = caught.value.response["Error"]
    return error["Code"].removeprefix("AWS.SimpleQueueService."), error["Message"]


def arn(name: str, region: str = EAST, account: str = ACCOUNT) -> str:
    return f"arn:aws:sqs:{region}:{account}:{name}"


@pytest.mark.fidelity(
    service="SQS",
    behaviour="a queue's name has 1 to 80 letters, digits, hyphens and underscores",
    level="documented",
    source="SQS API Reference, CreateQueue (QueueName)",
)
@pytest.mark.parametrize("bad", ["a b", "a.b", "ü", "x" * 81])
def test_a_queues_name(sqs: Any, bad: str) -> None:
    code, said = refusal(sqs.create_queue, QueueName=bad)
    assert code == "InvalidParameterValue"
    assert said.startswith("Can only include alphanumeric characters, hyphens, or underscores.")


def test_a_fifo_queues_name_ends_in_fifo(sqs: Any, name: str) -> None:
    assert sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    assert refusal(sqs.create_queue, QueueName=f"{'x' * 76}.fifo")[0] == "InvalidParameterValue"


@pytest.mark.fidelity(
    service="SQS",
    behaviour="attributes out of range are refused, when a queue is created and when it is changed",
    level="documented",
    source="SQS API Reference, CreateQueue (Attributes)",
)
@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("VisibilityTimeout", "43201"),
        ("VisibilityTimeout", "-1"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("DelaySeconds", "901"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("MaximumMessageSize", "1023"),
    ],
)
def test_a_queues_attributes(sqs: Any, name: str, attribute: str, value: str) -> None:
    attributes = {"Attributes": {attribute: value}}
    code, said = refusal(sqs.create_queue, QueueName=name, **attributes)
    assert code == "InvalidAttributeValue"
    assert said.startswith(f"Invalid value for the parameter {attribute}.")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert refusal(sqs.set_queue_attributes, QueueUrl=url, **attributes)[0] == "InvalidAttributeValue"


@pytest.mark.fidelity(
    service="SQS",
    behaviour="a dead-letter queue must exist in the same region and account; maxReceiveCount is 1 to 1,000",
    level="documented",
    source="SQS Developer Guide, Using dead-letter queues in Amazon SQS",
)
@pytest.mark.parametrize(
    ("target", "most", "reason"),
    [
        (arn("nowhere"), 5, "Dead letter target does not exist."),
        (arn("elsewhere", WEST), 5, "Dead letter target does not exist."),
        (
            arn("strict-dead", account="999999999999"),
            5,
            "Dead-letter target owner should be same as the source.",
        ),
        (arn("strict-dead"), 0, "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000"),
        (arn("strict-dead"), 1001, "Invalid value for maxReceiveCount: 1001"),
    ],
)
def test_a_redrive_policy(
    sqs: Any, aws: Callable[..., Any], name: str, target: str, most: int, reason: str
) -> None:
    sqs.create_queue(QueueName="strict-dead")
    aws("sqs", WEST).create_queue(QueueName="elsewhere")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": most})
    attributes = {"RedrivePolicy": policy}
    code, said = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes=attributes)
    assert code == "InvalidParameterValue"
    assert said.startswith(f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}")
    assert refusal(sqs.create_queue, QueueName=f"{name}-x", Attributes=attributes)[0] == code


@pytest.mark.fidelity(
    service="SQS",
    behaviour=(
        "CreateQueue for an existing name succeeds with equal attributes and is refused with different ones"
    ),
    level="documented",
    source="SQS API Reference, CreateQueue",
)
def test_a_queue_that_exists(sqs: Any, name: str) -> None:
    made = {"QueueName": name, "Attributes": {"VisibilityTimeout": "45"}}
    url = sqs.create_queue(**made)["QueueUrl"]
    assert sqs.create_queue(**made)["QueueUrl"] == sqs.create_queue(QueueName=name)["QueueUrl"] == url
    said = "A queue already exists with the same name and a different value for attribute "
    for attribute, value in (("VisibilityTimeout", "46"), ("KmsMasterKeyId", "alias/aws/sqs")):
        assert refusal(sqs.create_queue, QueueName=name, Attributes={attribute: value}) == (
            "QueueAlreadyExists",
            said + attribute,
        )


def sender(topic: str, queue: str) -> str:
    """A queue's policy that allows a topic to send."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn(queue),
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.fidelity(
    service="SNS",
    behaviour="a message that the queue's policy refuses goes to the subscription's dead-letter queue",
    level="documented",
    source="SNS Developer Guide, Dead-letter queues (client-side errors)",
)
def test_what_a_queue_does_not_take_is_kept(
    sandbox: Status, aws: Callable[..., Any], sqs: Any, name: str
) -> None:
    sns = aws("sns", EAST)
    topic = sns.create_topic(Name=name)["TopicArn"]
    urls = {role: sqs.create_queue(QueueName=f"{name}-{role}")["QueueUrl"] for role in ("work", "dead")}
    redrive = json.dumps({"deadLetterTargetArn": arn(f"{name}-dead")})
    subscription = sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn(f"{name}-work"),
        Attributes={"RawMessageDelivery": "true", "RedrivePolicy": redrive},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]

    def permit(role: str) -> None:
        policy = sender(topic, f"{name}-{role}")
        sqs.set_queue_attributes(QueueUrl=urls[role], Attributes={"Policy": policy})

    def take(role: str) -> list[str]:
        found = sqs.receive_message(QueueUrl=urls[role], MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in found]

    sns.publish(TopicArn=topic, Message="nobody may have it")
    permit("dead")
    sns.publish(TopicArn=topic, Message="kept")
    permit("work")
    sns.publish(TopicArn=topic, Message="taken")
    assert (take("work"), take("dead")) == (["taken"], ["kept"])
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RedrivePolicy", AttributeValue=""
    )
    sqs.delete_queue(QueueUrl=urls["work"])
    sns.publish(TopicArn=topic, Message="lost")
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RedrivePolicy", AttributeValue=redrive
    )
    sns.publish(TopicArn=topic, Message="its queue is gone")
    assert take("dead") == ["its queue is gone"]
