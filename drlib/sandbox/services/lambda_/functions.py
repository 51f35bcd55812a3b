"""Creation and change of Lambda functions, with the checks of Lambda: roles, environments, networks.

The rules are in `drlib.sandbox.services.lambda_.function_refusals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.iam.permissions import Permissions
from drlib.sandbox.services.lambda_ import function_refusals as refusals
from drlib.sandbox.world import ACCOUNT_ID

INVALID = "InvalidParameterValueException"
SERVICE = "lambda.amazonaws.com"


class Functions:
    """Replaces CreateFunction and UpdateFunctionConfiguration: checks, then calls the emulator."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self._lambda = emulator.module("services.lambda_svc")
        self._ec2 = emulator.module("services.ec2")
        self._responses = emulator.module("core.responses")
        self._create = internals.function(self._lambda, "_create_function", "data")
        self._update = internals.function(self._lambda, "_update_config", "name", "data")
        internals.function(self._lambda, "_func_arn", "name")
        emulator.replace(self._lambda, "_create_function", self.create)
        emulator.replace(self._lambda, "_update_config", self.update)

    def create(self, data: dict[str, Any]) -> Any:
        """Replace `_create_function(data)`."""
        known = data.get("FunctionName", "") in self._lambda._functions
        return (None if known else self._refusal(data, {})) or self._create(data)

    def update(self, name: str, data: dict[str, Any]) -> Any:
        """Replace `_update_config(name, data)`."""
        record = self._lambda._functions.get(name)
        before = record["config"] if record else {}
        refused = self._refusal({"FunctionName": name, **data}, before) if record else None
        return refused or self._update(name, data)

    def _refusal(self, data: Mapping[str, Any], before: Mapping[str, Any]) -> Any:
        """Return the error response of a refused request, or None; `before`: the current configuration."""
        message = refusals.environment((data.get("Environment") or {}).get("Variables") or {})
        role_arn = data.get("Role") or before.get("Role", "")
        known = role_arn.rsplit("/", 1)[-1] in self._permissions.roles()
        arn = self._lambda._func_arn(data.get("FunctionName", ""))
        if not message and data.get("Role") and known:
            region = self._responses.get_region()
            caller = self._lambda._request_access_key.get()
            denied = self._permissions.pass_role_refusal(caller, region, role_arn, SERVICE)
            if denied:
                return self._responses.error_response_json("AccessDeniedException", denied, 403)
            if not self._permissions.service_can_assume(SERVICE, role_arn, arn):
                message = refusals.NOT_ASSUMABLE
        wanted = data.get("VpcConfig") or {}
        if not message and wanted.get("SubnetIds") and known:
            message = self._network({**before, "Role": role_arn, "FunctionArn": arn}, wanted)
        return self._responses.error_response_json(INVALID, message, 400) if message else None

    def _network(self, config: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
        subnet_ids, group_ids = wanted["SubnetIds"], wanted.get("SecurityGroupIds", ())
        self._ec2._ensure_defaults_initialized()
        missing = refusals.vpc(
            subnet_ids, group_ids, subnets=self._ec2._subnets, groups=self._ec2._security_groups
        )
        if missing:
            return missing
        prefix = f"arn:aws:ec2:{self._responses.get_region()}:{ACCOUNT_ID}:"
        return refusals.missing_vpc_permission(
            lambda action, resource: self._permissions.function_is_allowed(config, action, resource),
            arn=lambda resource: prefix + resource,
            subnet_ids=subnet_ids,
            group_ids=group_ids,
        )
