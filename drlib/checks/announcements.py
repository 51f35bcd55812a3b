"""Checks that payment announcements reach both work queues, and that each has a dead-letter queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target


def topics_subscribed(here: Target, deployment: Deployment, region: str) -> str:
    """Require that both regions' topics send to a region's work queue, and that its policy allows them.

    A subscription is in its topic's region. SNS Developer Guide, "Fanout to Amazon SQS queues".
    """
    queue = deployment.regions[region].queues["work"]
    policy = _attributes(here, queue["url"], region, "Policy")
    for origin, outputs in deployment.regions.items():
        pages = here.client("sns", origin).get_paginator("list_subscriptions_by_topic")
        found = [row for page in pages.paginate(TopicArn=outputs.topic_arn) for row in page["Subscriptions"]]
        if queue["arn"] not in {row["Endpoint"] for row in found}:
            raise Failed(f"the topic of {origin} has no subscription for it", region=origin)
        if not _allows(json.loads(policy or "{}"), outputs.topic_arn):
            raise Failed(f"its policy does not allow the topic of {origin} to send", region=region)
    return "by both topics"


def has_dead_letter_queue(here: Target, deployment: Deployment, region: str) -> str:
    """Require that the work queue has its dead-letter queue.

    Without one, SQS delivers a bad message again until it expires, and no alarm rings.
    """
    queues = deployment.regions[region].queues
    policy = json.loads(_attributes(here, queues["work"]["url"], region, "RedrivePolicy") or "{}")
    if policy.get("deadLetterTargetArn") != queues["dead_letter"]["arn"]:
        raise Failed("the work queue has no redrive policy to it", region=region)
    return f"after {policy['maxReceiveCount']} deliveries"


def _attributes(here: Target, url: str, region: str, name: str) -> str:
    found = here.client("sqs", region).get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return str(found.get("Attributes", {}).get(name, ""))


def _allows(policy: dict[str, Any], topic_arn: str) -> bool:
    return any(
        row["Effect"] == "Allow" and topic_arn in json.dumps(row.get("Condition", {}))
        for row in policy.get("Statement", ())
    )
