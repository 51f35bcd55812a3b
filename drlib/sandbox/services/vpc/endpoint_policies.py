"""Enforcement of endpoint policies: a request through a VPC endpoint needs the permission of its policy.

AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint policies"; the messages are
from the IAM User Guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import contextvars
import functools
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.world import ACCOUNT_ID

policies: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("endpoint_policies", default=())
"""Policies of the VPC endpoints that the current request came through."""


def apply() -> None:
    """Enforce the endpoint policies too, for every request that came through endpoints.

    Raises:
        SandboxError: the replacements do not fit this version of the emulator.
    """
    evaluator = emulator.module("core.iam_evaluator")
    actions = emulator.module("core.iam_actions")
    codes = emulator.value(actions, "_DENIED_CODES", dict)
    enforce = internals.function(
        evaluator,
        "enforce",
        "access_key_id",
        "iam_action",
        "service",
        "region",
        "resource_arn",
        "service_context",
    )
    internals.function(evaluator, "_principal_keys", "credential")
    internals.function(
        evaluator, "evaluate_resource_policy", "doc", "ctx", "service", "named_only", "direct_only"
    )

    @functools.wraps(enforce)
    def enforce_both(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied is not None or not policies.get():
            return denied
        credential = evaluator.resolve_credential(access_key_id, ACCOUNT_ID)
        context = evaluator.EvalContext(
            principal_arn=credential.principal_arn,
            principal_type=credential.principal_type,
            principal_account=credential.account_id,
            action=iam_action,
            resource_arn=resource_arn,
            region=region,
            service_context={key.lower(): value for key, value in (service_context or {}).items()},
            principal_keys=evaluator._principal_keys(credential),
        )
        for policy in policies.get():
            decision = evaluator.evaluate_resource_policy(policy, context).decision
            if decision != "Allow":
                message = _refusal(credential.principal_arn, iam_action, resource_arn, decision)
                return evaluator.AuthError(codes.get(service, "AccessDenied"), message)
        return None

    emulator.replace(evaluator, "enforce", enforce_both)


def _refusal(principal: str, action: str, resource: str, decision: str) -> str:
    reason = (
        "with an explicit deny in a VPC endpoint policy"
        if decision == "Deny"
        else f"because no VPC endpoint policy allows the {action} action"
    )
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}"
