"""Runs the checks of `refusals` before the emulator's table functions, and records replica sources."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from functools import partial
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.ministack.guards import Answer, before
from drlib.sandbox.services.dynamodb import refusals
from drlib.sandbox.world import World


def apply(world: World) -> None:
    """Install the checks. Call it once, before any other replacement.

    Raises:
        SandboxError: the guards do not fit this version of the emulator.
    """
    service, responses = emulator.module("services.dynamodb"), emulator.module("core.responses")
    normalize = internals.function(service, "_normalize_table_name", "value")
    group_of = internals.function(service, "_replica_group", "table")
    error = partial(responses.error_response_json, "ValidationException")
    sources = refusals.ReplicaSources()

    def deletion_refusal(region: str, name: str) -> Answer:
        key = (responses.get_account_id(), region, name)
        table = service._tables.get_scoped(*key)
        if table is None:
            return None  # the emulator refuses it
        message = refusals.deletion(
            name,
            region,
            protected=bool(table.get("DeletionProtectionEnabled")),
            group=group_of(table),
            recent_replicas=sources.recent(key, world.clock.now()),
        )
        return error(message) if message else None

    def delete(data: Mapping[str, Any]) -> Answer:
        return deletion_refusal(responses.get_region(), normalize(data.get("TableName")))

    def update(data: Mapping[str, Any]) -> Answer:
        table = service._tables.get(normalize(data.get("TableName")))
        if table is None:
            return None
        billing = table.get("BillingModeSummary", {}).get("BillingMode")
        message = refusals.update(
            data, replicated=bool(group_of(table)), on_demand=billing == "PAY_PER_REQUEST"
        )
        return error(message) if message else None

    def replicas(name: str, table: Any, updates: list[dict[str, Any]]) -> Answer:
        for change in updates:
            region = change.get("Delete", {}).get("RegionName", "")
            if region and region != responses.get_region() and (refusal := deletion_refusal(region, name)):
                return refusal
        return None

    before(service, "_delete_table", ("data",), delete)
    before(service, "_update_table", ("data",), update)
    before(service, "_apply_replica_updates", ("name", "table", "updates"), replicas)
    _record_sources(world, service, responses, sources)


def _record_sources(world: World, service: Any, responses: Any, sources: refusals.ReplicaSources) -> None:
    """Record from which table each replica is created, until it is deleted."""
    delete = internals.function(service, "_delete_table", "data")
    change = internals.function(service, "_apply_replica_updates", "name", "table", "updates")
    normalize = internals.function(service, "_normalize_table_name", "value")

    @functools.wraps(delete)
    def delete_and_forget(data: Any) -> Any:
        answer = delete(data)
        key = (responses.get_account_id(), responses.get_region(), normalize(data.get("TableName")))
        if service._tables.get_scoped(*key) is None:
            sources.remove(key)
        return answer

    @functools.wraps(change)
    def change_and_record(name: str, table: Any, updates: list[dict[str, Any]]) -> Any:
        refusal = change(name, table, updates)
        account, source = responses.get_account_id(), responses.get_region()
        for update in updates if refusal is None else ():
            if "Create" in update:
                sources.add((account, source, name), update["Create"]["RegionName"], world.clock.now())
            if "Delete" in update:
                sources.remove((account, update["Delete"]["RegionName"], name))
        return refusal

    emulator.replace(service, "_delete_table", delete_and_forget)
    emulator.replace(service, "_apply_replica_updates", change_and_record)
