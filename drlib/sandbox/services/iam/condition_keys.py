"""Condition keys of IAM policies that the emulator does not know.

A statement whose condition names an unknown key never applies: a least-privilege policy that AWS accepts
would be refused here. `cloudwatch:namespace` is what holds `PutMetricData`, which takes no resource, to one
namespace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals

PUT_METRIC_DATA = "cloudwatch:PutMetricData"


def apply() -> None:
    """Tell the emulator's policy evaluation what else a request says of itself.

    Raises:
        SandboxError: the emulator's own function is not what it was.
    """
    actions = emulator.module("core.iam_actions")
    known = internals.function(actions, "request_tag_context", "service", "iam_action", "body", "params")

    def context(service: str, iam_action: str, body: bytes, params: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = known(service, iam_action, body, params)
        if iam_action == PUT_METRIC_DATA:
            found["cloudwatch:namespace"] = namespace(body, params)
        return found

    emulator.replace(actions, "request_tag_context", context)


def namespace(body: bytes, params: Mapping[str, Any]) -> str:
    """Return the namespace that a PutMetricData request names, in JSON or as a form, or an empty text."""
    named = params.get("Namespace", "")
    if body[:1] == b"{":
        try:
            named = json.loads(body).get("Namespace", "")
        except ValueError:
            return ""
    return str(named[0] if isinstance(named, list) and named else named or "")
