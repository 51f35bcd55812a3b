"""Condition keys of IAM policies that the emulator does not support.

A statement with an unknown condition key never matches, so that a least-privilege policy that works on AWS
would deny the request here. `cloudwatch:namespace` restricts `PutMetricData`, which has no resource, to one
namespace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals

PUT_METRIC_DATA = "cloudwatch:PutMetricData"


def apply() -> None:
    """Add the condition keys to the emulator's policy evaluation.

    Raises:
        SandboxError: the replacement does not fit this version of the emulator.
    """
    actions = emulator.module("core.iam_actions")
    original = internals.function(actions, "request_tag_context", "service", "iam_action", "body", "params")

    def context(service: str, iam_action: str, body: bytes, params: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = original(service, iam_action, body, params)
        if iam_action == PUT_METRIC_DATA:
            found["cloudwatch:namespace"] = namespace(body, params)
        return found

    emulator.replace(actions, "request_tag_context", context)


def namespace(body: bytes, params: Mapping[str, Any]) -> str:
    """Return the namespace in a PutMetricData request (JSON or form), or an empty string."""
    named = params.get("Namespace", "")
    if body[:1] == b"{":
        try:
            named = json.loads(body).get("Namespace", "")
        except ValueError:
            return ""
    return str(named[0] if isinstance(named, list) and named else named or "")
