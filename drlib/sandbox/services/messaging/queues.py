"""Creation and change of SQS queues, with the checks of SQS.

The rules are in `drlib.sandbox.services.messaging.refusals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.messaging import refusals
from drlib.sandbox.world import ACCOUNT_ID


class Queues:
    """Replaces CreateQueue and SetQueueAttributes: checks the request, then calls the emulator."""

    def __init__(self) -> None:
        self._sqs = emulator.module("services.sqs")
        self._responses = emulator.module("core.responses")
        self._refused = emulator.value(self._sqs, "_Err", type)
        internals.function(self._sqs, "_queue_url", "name")
        internals.function(self._sqs, "_queue_by_arn", "arn")
        handlers = emulator.value(self._sqs, "_HANDLERS", dict)
        self._create, self._set = handlers["CreateQueue"], handlers["SetQueueAttributes"]
        replacements = {"CreateQueue": self.create, "SetQueueAttributes": self.set}
        emulator.replace(self._sqs, "_HANDLERS", {**handlers, **replacements})

    def create(self, data: dict[str, Any], url: str) -> Any:
        """Replace `_act_create_queue(data, url)`."""
        name, attributes = data.get("QueueName", ""), data.get("Attributes") or {}
        existing = self._sqs._queues.get(self._sqs._queue_url(name))
        self._refuse_if(refusals.name(name) if name else None)
        self._refuse_if(self._redrive(attributes))
        if existing:
            self._refuse_if(refusals.conflicting_attributes(existing["attributes"], attributes))
        return self._create(data, url)

    def set(self, data: dict[str, Any], url: str) -> Any:
        """Replace `_act_set_queue_attributes(data, url)`."""
        self._refuse_if(self._redrive(data.get("Attributes") or {}))
        return self._set(data, url)

    def _redrive(self, attributes: Mapping[str, Any]) -> tuple[str, str] | None:
        value = attributes.get("RedrivePolicy")
        if not value:
            return None
        return refusals.redrive(
            str(value),
            region=self._responses.get_region(),
            account=ACCOUNT_ID,
            attributes_of=lambda arn: (self._sqs._queue_by_arn(arn) or {}).get("attributes"),
        )

    def _refuse_if(self, refusal: tuple[str, str] | None) -> None:
        if refusal:
            raise self._refused(*refusal)
