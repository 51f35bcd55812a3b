"""The announcements: a topic in each region, fanned out to the work queues of both.

A worker's queue is read by nothing else: what must be in both regions is sent to both, not drained from
one. SNS crosses regions by itself, so functions in a VPC without a way out publish to their own region
only. What a worker cannot settle in `MAX_RECEIVES` deliveries goes to its dead-letter queue; what SNS
cannot deliver goes to a queue beside the topic, which has to be in the topic's region.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from drlib.stack.program.component import Component, Scope, deny_plain_text, document, foreseen, statement

# A deferred message comes again every 30 s: it may wait 15 minutes for a takeover before it is put aside.
MAX_RECEIVES = 30
RETENTION_SECONDS = 14 * 24 * 3600
LONG_POLL_SECONDS = 20


@dataclass(frozen=True)
class MessagingArgs:
    """The fan-out.

    Args:
        regions: both regions.
        visibility_timeout_seconds: at least six times the worker's timeout, as Lambda asks for.
    """

    regions: Sequence[str]
    visibility_timeout_seconds: int


@dataclass(frozen=True)
class RegionQueues:
    """One region's topic and queues."""

    topic: aws.sns.Topic
    work: aws.sqs.Queue
    dead_letter: aws.sqs.Queue
    undelivered: aws.sqs.Queue
    topic_arn: pulumi.Output[str]
    work_arn: pulumi.Output[str]
    dead_letter_arn: pulumi.Output[str]
    undelivered_arn: pulumi.Output[str]


class Messaging(Component):
    """See the module. `regions` has each region's topic and queues."""

    def __init__(self, name: str, args: MessagingArgs, scope: Scope) -> None:
        super().__init__("Messaging", name)
        self.args, self.scope = args, scope
        self.regions = {region: self._region(f"{name}-{region}", region) for region in args.regions}
        for region, queues in self.regions.items():
            self._redrive(f"{name}-{region}", region, queues)
            self._policies(f"{name}-{region}", region, queues)
            for other in args.regions:
                self._subscribe(f"{name}-{region}-to-{other}", region, self.regions[other].work_arn)
        self.register_outputs({})

    def _region(self, name: str, region: str) -> RegionQueues:
        scope = self.scope
        called = scope.names.regional("events", region)
        topic = aws.sns.Topic(
            f"{name}-events",
            region=region,
            name=called,
            tags=scope.tagged(called),
            opts=self.child(),
        )
        visible = self.args.visibility_timeout_seconds
        work = self._queue(name, "work", region, visibility_timeout_seconds=visible)
        dead_letter = self._queue(name, "dead-letter", region)
        undelivered = self._queue(name, "undelivered", region)
        return RegionQueues(
            topic=topic,
            work=work,
            dead_letter=dead_letter,
            undelivered=undelivered,
            topic_arn=foreseen(topic.arn, scope.arn("sns", region, called)),
            work_arn=self._arn(work, "work", region),
            dead_letter_arn=self._arn(dead_letter, "dead-letter", region),
            undelivered_arn=self._arn(undelivered, "undelivered", region),
        )

    def _arn(self, queue: aws.sqs.Queue, role: str, region: str) -> pulumi.Output[str]:
        return foreseen(queue.arn, self.scope.arn("sqs", region, self.scope.names.regional(role, region)))

    def _queue(
        self, name: str, role: str, region: str, *, visibility_timeout_seconds: int | None = None
    ) -> aws.sqs.Queue:
        called = self.scope.names.regional(role, region)
        return aws.sqs.Queue(
            f"{name}-{role}",
            region=region,
            name=called,
            visibility_timeout_seconds=visibility_timeout_seconds,
            message_retention_seconds=RETENTION_SECONDS,
            receive_wait_time_seconds=LONG_POLL_SECONDS,
            sqs_managed_sse_enabled=True,
            tags=self.scope.tagged(called),
            opts=self.child(),
        )

    def _redrive(self, name: str, region: str, queues: RegionQueues) -> None:
        aws.sqs.RedrivePolicy(
            f"{name}-redrive",
            region=region,
            queue_url=queues.work.id,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": queues.dead_letter_arn, "maxReceiveCount": MAX_RECEIVES}
            ),
            opts=self.child(),
        )
        aws.sqs.RedriveAllowPolicy(
            f"{name}-redrive-allow",
            region=region,
            queue_url=queues.dead_letter.id,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queues.work_arn]}
            ),
            opts=self.child(),
        )

    def _policies(self, name: str, region: str, queues: RegionQueues) -> None:
        """Both topics may send to the work queue, this region's to what it cannot deliver; TLS only."""
        topics = [found.topic_arn for found in self.regions.values()]
        senders = {
            "work": (queues.work, queues.work_arn, topics),
            "dead-letter": (queues.dead_letter, queues.dead_letter_arn, []),
            "undelivered": (queues.undelivered, queues.undelivered_arn, [queues.topic_arn]),
        }
        for role, (queue, arn, sources) in senders.items():
            statements = [deny_plain_text("sqs:*", arn)]
            if sources:
                statements.append(
                    statement(
                        ["sqs:SendMessage"],
                        arn,
                        principal={"Service": "sns.amazonaws.com"},
                        condition={"ArnEquals": {"aws:SourceArn": sources}},
                    )
                )
            aws.sqs.QueuePolicy(
                f"{name}-{role}-policy",
                region=region,
                queue_url=queue.id,
                policy=document(*statements),
                opts=self.child(),
            )
        aws.sns.TopicPolicy(
            f"{name}-events-policy",
            region=region,
            arn=queues.topic.arn,
            policy=document(deny_plain_text("sns:Publish", queues.topic_arn)),
            opts=self.child(),
        )

    def _subscribe(self, name: str, region: str, work_arn: pulumi.Output[str]) -> None:
        """Send this region's announcements to a work queue; a subscription lives in its topic's region."""
        queues = self.regions[region]
        aws.sns.TopicSubscription(
            name,
            region=region,
            topic=queues.topic.arn,
            protocol="sqs",
            endpoint=work_arn,
            raw_message_delivery=True,
            redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": queues.undelivered_arn}),
            opts=self.child(),
        )
