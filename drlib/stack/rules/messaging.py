"""Rules on queues, topics and their functions: no message is lost, taken by another consumer, or repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from drlib.stack.plan import PlannedResource
from drlib.stack.rules.planned import Planned, document, statements
from drlib.stack.rules.rule import rule

QUEUE, MAPPING = "sqs/queue:Queue", "lambda/eventSourceMapping:EventSourceMapping"
SUBSCRIPTION, TOPIC = "sns/topicSubscription:TopicSubscription", "sns/topic:Topic"
VISIBILITY_FACTOR = 6
LEAST_RECEIVES = 5
DEFAULT_TIMEOUT, DEFAULT_VISIBILITY, DEFAULT_RETENTION = 3, 30, 345_600
RESERVED = frozenset(
    (
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    )
)
"""Source: Lambda Developer Guide, Working with environment variables: reserved variables."""


@rule(
    "sqs-visibility",
    "critical",
    requires="a queue hides a message at least six times as long as its function may take",
    source="Lambda Developer Guide, Using Lambda with Amazon SQS: configuring a queue",
    fix="Set visibility_timeout_seconds to six times the function's timeout, or more.",
)
def visibility(planned: Planned) -> Iterator[str]:
    for mapping in planned.of(MAPPING):
        function = _function(planned, mapping)
        limit = int(function.inputs.get("timeout", DEFAULT_TIMEOUT)) if function else DEFAULT_TIMEOUT
        for queue in planned.sources(mapping, "eventSourceArn", QUEUE):
            hidden = int(queue.inputs.get("visibilityTimeoutSeconds") or DEFAULT_VISIBILITY)
            if hidden < VISIBILITY_FACTOR * limit:
                yield f"{queue.name} hides a message for {hidden} s, and its function may take {limit} s"


@rule(
    "sqs-one-consumer",
    "critical",
    requires="one event source mapping reads a queue, and it reads one of its own region",
    source="SQS Developer Guide, Basic architecture: a message goes to one consumer",
    fix="Fan out by a topic to a queue for each purpose; a second consumer steals the first one's messages.",
)
def one_consumer(planned: Planned) -> Iterator[str]:
    readers: Counter[str] = Counter()
    for mapping in planned.of(MAPPING):
        for queue in planned.sources(mapping, "eventSourceArn", QUEUE):
            readers[queue.name] += 1
            if queue.region != mapping.region:
                yield f"{mapping.name} of {mapping.region} reads {queue.name} of {queue.region}"
    for name, count in sorted(readers.items()):
        if count > 1:
            yield f"{name} is read by {count} event source mappings"


@rule(
    "sqs-partial-batches",
    "critical",
    requires="event source mappings take reports of partial batch failures",
    source="Lambda Developer Guide, Handling errors for an SQS event source: partial batch responses",
    fix="Set function_response_types to ReportBatchItemFailures: else one bad message brings back a batch.",
)
def partial_batches(planned: Planned) -> Iterator[str]:
    for mapping in planned.of(MAPPING):
        if "ReportBatchItemFailures" not in (mapping.inputs.get("functionResponseTypes") or ()):
            yield f"{mapping.name} takes no reports of partial failures"


@rule(
    "sqs-dead-letters",
    "high",
    requires="what cannot be handled or delivered goes to a dead-letter queue, which keeps it no shorter",
    source="SQS Developer Guide, Using dead-letter queues",
    fix="Give the queue a redrive policy (five receives at least), each subscription one too, and the "
    "dead-letter queue the longest retention.",
)
def dead_letters(planned: Planned) -> Iterator[str]:
    named = {str(one.inputs.get("name")): one for one in planned.of(QUEUE)}
    for mapping in planned.of(MAPPING):
        for queue in planned.sources(mapping, "eventSourceArn", QUEUE):
            policies = [
                document(one, "redrivePolicy")
                for one in planned.users(queue, "queueUrl", "sqs/redrivePolicy:RedrivePolicy")
            ] + [document(queue, "redrivePolicy")]
            found = next((one for one in policies if one.get("deadLetterTargetArn")), None)
            if found is None:
                yield f"{queue.name} has no dead-letter queue"
                continue
            if int(found.get("maxReceiveCount", 0)) < LEAST_RECEIVES:
                yield f"{queue.name} gives a message up after {found.get('maxReceiveCount')} receives"
            target = named.get(str(found["deadLetterTargetArn"]).rsplit(":", 1)[-1])
            if target and _retention(target) < _retention(queue):
                yield f"{target.name} keeps messages shorter than {queue.name}"
    for one in planned.of(SUBSCRIPTION):
        if one.inputs.get("protocol") == "sqs" and not document(one, "redrivePolicy"):
            yield f"{one.name} has no dead-letter queue for what it cannot deliver"


@rule(
    "sqs-encryption",
    "high",
    requires="every queue is encrypted at rest",
    source="SQS Developer Guide, Encryption at rest",
    fix="Set sqs_managed_sse_enabled, or name a KMS key.",
)
def encryption(planned: Planned) -> Iterator[str]:
    for queue in planned.of(QUEUE):
        if not (queue.inputs.get("sqsManagedSseEnabled") or queue.inputs.get("kmsMasterKeyId")):
            yield f"{queue.name} is not encrypted"


@rule(
    "sns-fan-out",
    "critical",
    requires="each region's events reach the work queues of both regions, whose policies let them in",
    source="SNS Developer Guide, Sending messages to SQS queues in a different Region",
    fix="Subscribe both queues in the topic's region, and allow sqs:SendMessage to the topic in each policy.",
)
def fan_out(planned: Planned) -> Iterator[str]:
    queues = {
        queue.urn: queue
        for mapping in planned.of(MAPPING)
        for queue in planned.sources(mapping, "eventSourceArn", QUEUE)
    }
    for topic in _event_topics(planned):
        subscriptions = planned.users(topic, "topic", SUBSCRIPTION)
        for queue in queues.values():
            if not any(queue.urn in one.references.get("endpoint", ()) for one in subscriptions):
                yield f"{topic.name} does not reach {queue.name}"
            if not any(
                _lets_in(one, topic)
                for one in planned.users(queue, "queueUrl", "sqs/queuePolicy:QueuePolicy")
            ):
                yield f"{queue.name} does not let {topic.name} in"
        for one in subscriptions:
            if one.region != topic.region:
                yield f"{one.name} must be in {topic.region}, its topic's region, and is in {one.region}"


@rule(
    "lambda-reserved-variables",
    "critical",
    requires="functions set no environment variable that Lambda keeps for itself",
    source="Lambda Developer Guide, Working with Lambda environment variables: reserved variables",
    fix="Leave it out: the runtime sets it.",
)
def reserved_variables(planned: Planned) -> Iterator[str]:
    for function in planned.of("lambda/function:Function"):
        variables = (function.inputs.get("environment") or {}).get("variables") or {}
        for name in sorted(RESERVED & variables.keys()):
            yield f"{function.name} sets {name}"


def _function(planned: Planned, mapping: PlannedResource) -> PlannedResource | None:
    named = mapping.inputs.get("functionName")
    return next(
        (
            one
            for one in planned.of("lambda/function:Function")
            if one.region == mapping.region and named == one.inputs.get("name")
        ),
        None,
    )


def _event_topics(planned: Planned) -> list[PlannedResource]:
    """Return the topics that a function announces to."""
    return [
        topic
        for topic in planned.of(TOPIC)
        if any(
            topic.urn in function.references.get("environment", ())
            for function in planned.of("lambda/function:Function")
        )
    ]


def _lets_in(policy: PlannedResource, topic: PlannedResource) -> bool:
    ending = f":{topic.region}:"
    for found in statements(policy, "policy"):
        if found.effect != "Allow" or "sqs:SendMessage" not in found.actions:
            continue
        sources = [
            arn
            for operator in found.condition.values()
            for key, values in operator.items()
            if key == "aws:SourceArn"
            for arn in (values if isinstance(values, list) else [values])
        ]
        if any(ending in arn and arn.endswith(f":{topic.inputs.get('name')}") for arn in sources):
            return True
    return False


def _retention(queue: PlannedResource) -> int:
    return int(queue.inputs.get("messageRetentionSeconds") or DEFAULT_RETENTION)
