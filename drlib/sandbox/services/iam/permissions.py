"""Permissions and trust policies of roles, evaluated by the emulator.

AWS services check them: Lambda before it creates a function, connects it to a VPC or reads a queue for it; S3
before it replicates an object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.world import ACCOUNT_ID

ASSUME = "sts:AssumeRole"


class Permissions:
    """Evaluates policies with the emulator's evaluator."""

    def __init__(self) -> None:
        self._evaluator = emulator.module("core.iam_evaluator")
        self._runtime = emulator.module("core.lambda_runtime")
        self._iam = emulator.module("services.iam")
        for name, parameters in (
            ("resolve_principal", ("access_key_id", "account_id", "credential")),
            ("evaluate", ("ctx", "policies", "limits")),
            ("combine_resource_policy", ("identity", "ctx", "policy", "owner_account", "required", "limits")),
            (
                "enforce",
                ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
            ),
            ("_action_matches", ("request_action", "actions", "not_actions")),
            ("_conditions_met", ("conditions", "ctx")),
            ("_service_principal_matches", ("principal", "service")),
            ("_gather_role_policies", ("role_name", "account_id")),
        ):
            internals.function(self._evaluator, name, *parameters)
        internals.function(self._runtime, "execution_credentials", "config")

    def roles(self) -> Any:
        """Return name -> role, for every role."""
        return self._iam._roles

    def function_is_allowed(
        self, config: Mapping[str, Any], action: str, resource: str, policy: str | None = None
    ) -> bool:
        """Return whether a function's role allows an action.

        Args:
            config: the function's configuration.
            action: e.g. "sqs:ReceiveMessage".
            resource: the ARN of the resource.
            policy: the resource's own policy, or None.
        """
        key = self._runtime.execution_credentials(dict(config))["AWS_ACCESS_KEY_ID"]
        principal = self._evaluator.resolve_principal(key, ACCOUNT_ID)
        if isinstance(principal, self._evaluator.AuthError) or principal.policies is None:
            return False
        context = self._evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=resource,
            region=config["FunctionArn"].split(":")[3],
            secure_transport=True,
            principal_keys=principal.keys,
        )
        decision = self._evaluator.evaluate(context, principal.policies, *principal.limits)
        if policy:
            decision = self._evaluator.combine_resource_policy(
                decision, context, policy, ACCOUNT_ID, limits=principal.limits
            )
        return bool(decision.decision == "Allow")

    def role_permissions(
        self, role_arn: str, *, service: str, source_arn: str, region: str
    ) -> Callable[[str, str], bool]:
        """Return a function of (action, resource): whether a role allows it to an AWS service.

        A role that does not exist or does not trust the service allows nothing.

        Args:
            role_arn: the role.
            service: the service that assumes the role, e.g. "s3.amazonaws.com".
            source_arn: the resource for which it does so.
            region: the region of the service.
        """
        if not self.service_can_assume(service, role_arn, source_arn):
            return lambda action, resource: False
        policies = self._evaluator._gather_role_policies(role_arn.rsplit("/", 1)[-1], ACCOUNT_ID)

        def allowed(action: str, resource: str) -> bool:
            context = self._evaluator.EvalContext(
                principal_arn=role_arn,
                principal_type="AssumedRole",
                principal_account=ACCOUNT_ID,
                action=action,
                resource_arn=resource,
                region=region,
            )
            return bool(self._evaluator.evaluate(context, policies).decision == "Allow")

        return allowed

    def service_can_assume(self, service: str, role_arn: str, source_arn: str) -> bool:
        """Return whether a role's trust policy allows an AWS service to assume it for `source_arn`."""
        role = self._iam._roles.get(role_arn.rsplit("/", 1)[-1]) or {}
        document = role.get("AssumeRolePolicyDocument") or "{}"
        trust = json.loads(document) if isinstance(document, str) else document
        statements = trust.get("Statement", [])
        context = self._evaluator.EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account="",
            action=ASSUME,
            resource_arn=role_arn,
            region="",
            service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": ACCOUNT_ID},
        )
        matching = [
            statement["Effect"]
            for statement in (statements if isinstance(statements, list) else [statements])
            if self._statement_matches(statement, service, context)
        ]
        return "Allow" in matching and "Deny" not in matching

    def _statement_matches(self, statement: Mapping[str, Any], service: str, context: Any) -> bool:
        principal = statement.get("Principal", {})
        return bool(
            (principal == "*" or self._evaluator._service_principal_matches(principal, service))
            and self._evaluator._action_matches(
                ASSUME, _as_list(statement.get("Action")), _as_list(statement.get("NotAction"))
            )
            and self._evaluator._conditions_met(statement.get("Condition", {}), context)
        )

    def pass_role_refusal(self, access_key: str, region: str, role_arn: str, service: str) -> str | None:
        """Return IAM's message if a caller may not pass a role to an AWS service, otherwise None."""
        context = {"iam:PassedToService": service}
        denied = self._evaluator.enforce(
            access_key, "iam:PassRole", "iam", region, resource_arn=role_arn, service_context=context
        )
        if denied is None:
            return None
        actions = emulator.module("core.iam_actions")
        return str(
            actions.identity_denial_message(
                "iam:PassRole", denied.principal_arn, role_arn, denied.decision == "Deny"
            )
        )


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
