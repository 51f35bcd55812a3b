"""Event source mappings of queues that Lambda refuses. Each function returns (code, message), or None.

Lambda Developer Guide, "Using Lambda with Amazon SQS" and "Creating and configuring an Amazon SQS event
source mapping"; API Reference, CreateEventSourceMapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

INVALID = "InvalidParameterValueException"
CONFLICT = "ResourceConflictException"

REQUIRED_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
"""Actions on SQS that a function's role needs so that Lambda can read the queue."""

DEFAULT_VISIBILITY_SECONDS = 30


def missing_queue(attributes: Mapping[str, str] | None) -> tuple[str, str] | None:
    """Check that the queue exists; its attributes are None if it does not."""
    if attributes is not None:
        return None
    return INVALID, (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist or you do not have access to it."
    )


def visibility(attributes: Mapping[str, str], timeout_seconds: int) -> tuple[str, str] | None:
    """Check that the visibility timeout of the queue is at least the timeout of the function."""
    visible = int(attributes.get("VisibilityTimeout", DEFAULT_VISIBILITY_SECONDS))
    if visible >= timeout_seconds:
        return None
    return INVALID, (
        f"Queue visibility timeout: {visible} seconds is less than "
        f"Function timeout: {timeout_seconds} seconds"
    )


def missing_permission(allowed: Callable[[str], bool]) -> tuple[str, str] | None:
    """Check the function's role; `allowed` returns whether it allows an action on the queue."""
    for action in REQUIRED_ACTIONS:
        if not allowed(f"sqs:{action}"):
            return INVALID, f"The function execution role does not have permissions to call {action} on SQS"
    return None


def duplicate(
    queue_arn: str, function_name: str, others: Iterable[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """Check that the function does not read the queue already; `others` are the existing mappings."""
    for other in others:
        if other["EventSourceArn"] == queue_arn and other["FunctionName"] == function_name:
            return CONFLICT, (
                f'An event source mapping with SQS arn (" {queue_arn} ") and function (" {function_name} ") '
                f"already exists. Please update or delete the existing mapping with UUID {other['UUID']}"
            )
    return None
