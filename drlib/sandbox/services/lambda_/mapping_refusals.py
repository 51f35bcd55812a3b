"""What Lambda refuses of an event source mapping that reads a queue: (error code, sentence), or none.

Lambda Developer Guide, "Using Lambda with Amazon SQS" and "Creating and configuring an Amazon SQS event
source mapping"; API Reference, CreateEventSourceMapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

INVALID = "InvalidParameterValueException"
CONFLICT = "ResourceConflictException"

REQUIRED_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
"""What a function's role needs on SQS for Lambda to read a queue on its behalf."""

DEFAULT_VISIBILITY_SECONDS = 30


def missing_queue(attributes: Mapping[str, str] | None) -> tuple[str, str] | None:
    """Say why a queue that is not there cannot be read."""
    if attributes is not None:
        return None
    return INVALID, (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist or you do not have access to it."
    )


def visibility(attributes: Mapping[str, str], timeout_seconds: int) -> tuple[str, str] | None:
    """Say why a function of that timeout cannot read a queue: its messages would come back too early."""
    visible = int(attributes.get("VisibilityTimeout", DEFAULT_VISIBILITY_SECONDS))
    if visible >= timeout_seconds:
        return None
    return INVALID, (
        f"Queue visibility timeout: {visible} seconds is less than "
        f"Function timeout: {timeout_seconds} seconds"
    )


def missing_permission(allowed: Callable[[str], bool]) -> tuple[str, str] | None:
    """Say what a function's role lacks; `allowed` tells whether it may do an action to the queue."""
    for action in REQUIRED_ACTIONS:
        if not allowed(f"sqs:{action}"):
            return INVALID, f"The function execution role does not have permissions to call {action} on SQS"
    return None


def duplicate(
    queue_arn: str, function_name: str, others: Iterable[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """Say why a function cannot read a queue again; `others` are the mappings that there are."""
    for other in others:
        if other["EventSourceArn"] == queue_arn and other["FunctionName"] == function_name:
            return CONFLICT, (
                f'An event source mapping with SQS arn (" {queue_arn} ") and function (" {function_name} ") '
                f"already exists. Please update or delete the existing mapping with UUID {other['UUID']}"
            )
    return None
