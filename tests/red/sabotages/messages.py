"""Sabotages of the announcements: subscriptions, policies, queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.red.sabotages.functions import AFTERWARDS, DRAINED
from tests.red.stage import Sabotages, Stage

CASES = Sabotages()


@contextmanager
def unsubscribed(stage: Stage, role: str) -> Iterator[None]:
    """Take the primary's topic's subscription for the work queue of `role` away."""
    sns, topic = stage.client("sns"), stage.outputs("primary").topic_arn
    queue = stage.outputs(role).queues["work"]["arn"]
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    arn = next(row["SubscriptionArn"] for row in found if row["Endpoint"] == queue)
    known = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    sns.unsubscribe(SubscriptionArn=arn)
    yield
    kept = {name: known[name] for name in ("RawMessageDelivery", "RedrivePolicy") if name in known}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=kept)


@contextmanager
def attribute(stage: Stage, role: str, queue: str, name: str, value: str) -> Iterator[None]:
    """Set an attribute of a queue."""
    sqs, url = stage.client("sqs", role), stage.outputs(role).queues[queue]["url"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: value})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: before})


@CASES.case(
    "the primary's topic has no subscription of the standby's queue", red=["the-work-queue-is-fed-standby"]
)
def standby_is_not_told(stage: Stage) -> Iterator[None]:
    with unsubscribed(stage, "standby"):
        yield


@CASES.case(
    "the primary's topic has no subscription of the primary's queue",
    red=["the-work-queue-is-fed-primary", *AFTERWARDS, DRAINED[1]],
)
def primary_is_not_told(stage: Stage) -> Iterator[None]:
    with unsubscribed(stage, "primary"):
        yield
    # The standby's worker defers its copy of a payment that the primary was never told of.
    stage.client("sqs", "standby").purge_queue(QueueUrl=stage.outputs("standby").queues["work"]["url"])


@CASES.case(
    "the policy of the standby's work queue is deleted",
    red=["the-work-queue-is-fed-standby"],
    echo=["the-undelivered-queue-is-empty-primary", "no-alarm-rings-primary"],
)
def no_queue_policy(stage: Stage) -> Iterator[None]:
    with attribute(stage, "standby", "work", "Policy", ""):
        yield
    undelivered = stage.outputs("primary").queues["undelivered"]["url"]
    stage.client("sqs").purge_queue(QueueUrl=undelivered)


@CASES.case(
    "the primary's work queue has no redrive policy", red=["what-cannot-be-settled-is-put-aside-primary"]
)
def no_redrive(stage: Stage) -> Iterator[None]:
    with attribute(stage, "primary", "work", "RedrivePolicy", ""):
        yield


@CASES.case(
    "the standby's dead-letter queue contains a message",
    red=["the-dead-letter-queue-is-empty-standby"],
    echo=["no-alarm-rings-standby"],
)
def dead_letter(stage: Stage) -> Iterator[None]:
    sqs, url = stage.client("sqs", "standby"), stage.outputs("standby").queues["dead_letter"]["url"]
    sqs.send_message(QueueUrl=url, MessageBody="a payment that no worker could settle")
    yield
    sqs.purge_queue(QueueUrl=url)
