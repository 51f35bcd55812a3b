"""Dead-letter queues of SNS subscriptions: they get the messages that SNS cannot deliver to a queue.

If the queue does not exist, or its policy does not allow the topic to send, SNS does not retry: it is a
client-side error (SNS Developer Guide, "Dead-letter queues"). The dead-letter queue is in the topic's region
and account, and its policy must allow the topic to send too; otherwise the message is lost.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.world import ACCOUNT_ID

PRINCIPAL = "sns.amazonaws.com"


class DeadLetters:
    """Replaces SNS's delivery to a queue.

    Args:
        parameters: the parameters of the emulator's own function.
    """

    def __init__(self, parameters: tuple[str, ...]) -> None:
        self._sns = emulator.module("services.sns")
        self._sqs = emulator.module("services.sqs")
        self._deliver = internals.function(self._sns, "_deliver_to_sqs", *parameters)
        internals.function(
            self._sqs, "queue_policy_allows", "queue_arn", "service", "source_arn", "source_account"
        )
        internals.function(self._sqs, "_queue_by_arn", "arn")
        internals.function(self._sns, "_topic_by_arn_any_scope", "topic_arn")

        @functools.wraps(self._deliver)
        def replacement(*args: Any, **options: Any) -> None:
            self.deliver(*args, **options)

        emulator.replace(self._sns, "_deliver_to_sqs", replacement)

    def deliver(self, endpoint: str, *args: Any, topic_arn: str = "", **options: Any) -> None:
        """Deliver a message to the queue `endpoint`, or to the subscription's dead-letter queue."""
        if not self._accepts(endpoint, topic_arn):
            endpoint = self._dead_letter_queue(endpoint, topic_arn) or endpoint
        self._deliver(endpoint, *args, topic_arn=topic_arn, **options)

    def _accepts(self, queue_arn: str, topic_arn: str) -> bool:
        return self._sqs._queue_by_arn(queue_arn) is not None and bool(
            self._sqs.queue_policy_allows(queue_arn, PRINCIPAL, topic_arn, ACCOUNT_ID)
        )

    def _dead_letter_queue(self, endpoint: str, topic_arn: str) -> str:
        topic = self._sns._topic_by_arn_any_scope(topic_arn) or {}
        for subscription in topic.get("subscriptions", ()):
            if subscription["protocol"] == "sqs" and subscription["endpoint"] == endpoint:
                return _dead_letter_arn(subscription["attributes"])
        return ""


def _dead_letter_arn(attributes: Mapping[str, str]) -> str:
    try:
        return str(json.loads(attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn", ""))
    except ValueError:
        return ""
