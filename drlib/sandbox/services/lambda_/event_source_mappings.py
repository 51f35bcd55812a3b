"""Event source mappings, with the checks of Lambda and the permissions of the function's role.

The rules are in `drlib.sandbox.services.lambda_.mapping_refusals`. If the role may no longer read the queue,
the messages stay in the queue. If the role may not delete messages, they are processed repeatedly.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from drlib.core.clock import Clock
from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.iam.permissions import Permissions
from drlib.sandbox.services.lambda_ import mapping_refusals as refusals

PERMISSION_CACHE_SECONDS = 5.0
"""Modelled seconds for which a permission of a role is cached."""


class EventSourceMappings:
    """Replaces the emulator's operations on mappings and the permissions of its pollers."""

    def __init__(self, clock: Clock, permissions: Permissions) -> None:
        self._clock = clock
        self._permissions = permissions
        self._cached_answers: dict[tuple[str, str, str], tuple[float, bool]] = {}
        self._lambda = emulator.module("services.lambda_svc")
        self._sqs = emulator.module("services.sqs")
        self._responses = emulator.module("core.responses")
        internals.function(self._sqs, "_queue_by_arn", "arn")
        internals.function(self._lambda, "_resolve_request_scoped_name", "name_or_arn")
        self._create = internals.function(self._lambda, "_create_esm", "data")
        self._update = internals.function(self._lambda, "_update_esm", "esm_id", "data")
        self._all = internals.function(self._lambda, "_iter_all_esms")
        self._run = internals.function(
            self._lambda, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name"
        )
        self._delete = internals.function(
            self._sqs, "_delete_messages_for_esm", "queue_url", "receipt_handles"
        )
        self._may_delete: contextvars.ContextVar[bool] = contextvars.ContextVar("may_delete", default=True)
        emulator.replace(self._lambda, "_create_esm", self.create)
        emulator.replace(self._lambda, "_update_esm", self.update)
        emulator.replace(self._lambda, "_iter_all_esms", self.readable_mappings)
        emulator.replace(self._lambda, "_run_sqs_batch", self.run)
        emulator.replace(self._sqs, "_delete_messages_for_esm", self.delete)

    def create(self, data: dict[str, Any]) -> Any:
        """Replace `_create_esm(data)`."""
        queue_arn = data.get("EventSourceArn", "")
        name = self._lambda._resolve_request_scoped_name(data.get("FunctionName", ""))
        return self._refusal(queue_arn, name, is_new=True) or self._create(data)

    def update(self, esm_id: str, data: dict[str, Any]) -> Any:
        """Replace `_update_esm(esm_id, data)`."""
        mapping = self._lambda._esms.get(esm_id)
        if mapping is None:
            return self._update(esm_id, data)
        name = self._lambda._resolve_request_scoped_name(data.get("FunctionName", mapping["FunctionName"]))
        return self._refusal(mapping["EventSourceArn"], name, is_new=False) or self._update(esm_id, data)

    def readable_mappings(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Replace `_iter_all_esms()`: skip mappings whose function may not read the queue."""
        for account, region, mapping in self._all():
            with internals.scope(region):
                unreadable = ":sqs:" in mapping["EventSourceArn"] and not self._is_allowed(
                    mapping, "sqs:ReceiveMessage"
                )
            if not unreadable:
                yield account, region, mapping

    def run(self, esm: dict[str, Any], *args: Any) -> Any:
        """Replace `_run_sqs_batch(esm, ...)`."""
        token = self._may_delete.set(self._is_allowed(esm, "sqs:DeleteMessage"))
        try:
            return self._run(esm, *args)
        finally:
            self._may_delete.reset(token)

    def delete(self, queue_url: str, receipt_handles: set[str]) -> None:
        """Replace `_delete_messages_for_esm(queue_url, receipt_handles)`."""
        if self._may_delete.get():
            self._delete(queue_url, receipt_handles)

    def _refusal(self, queue_arn: str, name: str, *, is_new: bool) -> Any:
        function = self._lambda._functions.get(name)
        region = self._responses.get_region()
        if function is None or queue_arn.split(":")[2:4] != ["sqs", region]:
            return None
        config, queue = function["config"], self._sqs._queue_by_arn(queue_arn)
        attributes = queue["attributes"] if queue else None
        refusal = refusals.missing_queue(attributes)
        if not refusal and attributes is not None:
            others = self._lambda._esms.values() if is_new else ()
            refusal = (
                refusals.missing_permission(self._permission_check(config, queue_arn, attributes))
                or refusals.visibility(attributes, int(config.get("Timeout", 3)))
                or refusals.duplicate(queue_arn, name, others)
            )
        if not refusal:
            return None
        code, message = refusal
        return self._responses.error_response_json(code, message, 409 if code == refusals.CONFLICT else 400)

    def _permission_check(
        self, config: Mapping[str, Any], queue_arn: str, attributes: Mapping[str, str]
    ) -> Callable[[str], bool]:
        policy = attributes.get("Policy")
        return lambda action: self._permissions.function_is_allowed(config, action, queue_arn, policy)

    def _is_allowed(self, mapping: Mapping[str, Any], action: str) -> bool:
        """Return whether a mapping's function may do an action on its queue; the answer is cached."""
        function_arn, queue_arn = mapping["FunctionArn"], mapping["EventSourceArn"]
        now = self._clock.now()
        until, answer = self._cached_answers.get((function_arn, queue_arn, action), (0.0, False))
        if now < until:
            return answer
        function = self._lambda._functions.get(mapping["FunctionName"])
        queue = self._sqs._queue_by_arn(queue_arn)
        answer = bool(
            function
            and queue
            and self._permission_check(function["config"], queue_arn, queue["attributes"])(action)
        )
        self._cached_answers[function_arn, queue_arn, action] = now + PERMISSION_CACHE_SECONDS, answer
        return answer
