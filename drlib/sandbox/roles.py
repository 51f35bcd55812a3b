"""What a role allows when a service of AWS acts by it, rather than a caller with keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from drlib.sandbox import emulator, internals

CONTEXT = ("principal_arn", "principal_type", "principal_account", "action", "resource_arn", "region")
"""What the emulator's evaluation of policies is told of a request."""


def allows(role_arn: str, *, service: str, region: str) -> Callable[[str, str], bool]:
    """Return what says whether a service may do an action to a resource by a role.

    A role that is not there, or that does not trust the service, allows nothing.

    Args:
        role_arn: the role.
        service: who assumes it, e.g. `s3.amazonaws.com`.
        region: where it acts.
    """
    evaluator = emulator.module("core.iam_evaluator")
    policies_of = internals.function(evaluator, "_gather_role_policies", "role_name", "account_id")
    account, _, name = role_arn.partition("::")[2].partition(":role/")
    name = name.rpartition("/")[2]
    role = emulator.module("services.iam")._roles.get_scoped(account, None, name)
    if role is None or not _trusts(role.get("AssumeRolePolicyDocument"), service):
        return lambda action, resource: False
    policies = policies_of(name, account)

    def allowed(action: str, resource: str) -> bool:
        told = (role_arn, "AssumedRole", account, action, resource, region)
        context = evaluator.EvalContext(**dict(zip(CONTEXT, told, strict=True)))
        return bool(evaluator.evaluate(context, policies).decision == "Allow")

    return allowed


def _trusts(document: Any, service: str) -> bool:
    policy = json.loads(document) if isinstance(document, str) else document or {}
    statements = policy.get("Statement", ())
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        named = principal.get("Service", ()) if isinstance(principal, dict) else ()
        actions = statement.get("Action", ())
        if (
            statement.get("Effect") == "Allow"
            and service in ([named] if isinstance(named, str) else named)
            and "sts:AssumeRole" in ([actions] if isinstance(actions, str) else actions)
        ):
            return True
    return False
