"""Queues that SQS refuses. Each function returns (error code, message), or None.

SQS API Reference, CreateQueue and SetQueueAttributes; SQS Developer Guide, "Using dead-letter queues".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

INVALID = "InvalidParameterValue"
MAX_RECEIVES = 1_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")


def name(queue_name: str) -> tuple[str, str] | None:
    """Check the name of a queue."""
    if _NAME.fullmatch(queue_name):
        return None
    return INVALID, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


def conflicting_attributes(existing: Mapping[str, str], wanted: Mapping[str, Any]) -> tuple[str, str] | None:
    """Check that an existing queue has the attributes of a second CreateQueue."""
    for attribute, value in wanted.items():
        if existing.get(attribute) != str(value):
            return "QueueNameExists", (
                "A queue already exists with the same name and a different value for attribute " + attribute
            )
    return None


def redrive(
    value: str, *, region: str, account: str, attributes_of: Callable[[str], Mapping[str, str] | None]
) -> tuple[str, str] | None:
    """Check the redrive policy of a queue.

    Args:
        value: the policy, as JSON.
        region: the queue's region.
        account: the queue's account.
        attributes_of: returns the attributes of the queue with an ARN, or None if it does not exist.
    """
    try:
        policy = json.loads(value)
        target, max_receives = policy["deadLetterTargetArn"], policy["maxReceiveCount"]
    except (ValueError, TypeError, KeyError):
        # Malformed: the emulator refuses it.
        return None
    parts = str(target).split(":")
    reason = ""
    if not str(max_receives).isdecimal() or not 1 <= int(max_receives) <= MAX_RECEIVES:
        reason = (
            f"Invalid value for maxReceiveCount: {max_receives}, "
            f"valid values are from 1 to {MAX_RECEIVES} both inclusive"
        )
    elif len(parts) == 6 and parts[4] != account:
        reason = "Dead-letter target owner should be same as the source"
    elif len(parts) != 6 or parts[3] != region or attributes_of(target) is None:
        reason = "Dead letter target does not exist"
    if not reason:
        return None
    return INVALID, f"Value {value} for parameter RedrivePolicy is invalid. Reason: {reason}."
