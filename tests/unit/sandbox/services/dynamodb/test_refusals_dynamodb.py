"""Requests on a global table that DynamoDB refuses: the 24-hour rule, protection, changes of replicas."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from drlib.sandbox.process.state import Status
from drlib.sandbox.services.dynamodb import refusals
from drlib.sandbox.services.dynamodb.refusals import RECENT_SOURCE, SOURCE_SECONDS, ReplicaSources
from tests.unit.sandbox.refused import refused

EAST, WEST, FIRST = "us-east-2", "us-west-2", "us-east-1"

_numbers = itertools.count()


class Table:
    """A table in the east, and its replicas."""

    def __init__(self, aws: Callable[..., Any], name: str, **options: Any) -> None:
        self.name = name
        self.regions = {region: aws("dynamodb", region) for region in (EAST, WEST, FIRST)}
        self.regions[EAST].create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            **(options or {"BillingMode": "PAY_PER_REQUEST"}),
        )

    def add(self, region: str, *, at: str = EAST) -> None:
        self.update(at, ReplicaUpdates=[{"Create": {"RegionName": region}}])

    def remove(self, region: str, *, at: str = EAST) -> None:
        self.update(at, ReplicaUpdates=[{"Delete": {"RegionName": region}}])

    def update(self, region: str, **order: Any) -> None:
        self.regions[region].update_table(TableName=self.name, **order)

    def delete(self, region: str = EAST) -> None:
        self.regions[region].delete_table(TableName=self.name)


@pytest.fixture
def make(sandbox: Status, aws: Callable[..., Any]) -> Callable[..., Table]:
    return lambda **options: Table(aws, f"refusals-{next(_numbers)}", **options)


def test_a_source_is_one_for_24_hours_and_while_its_replica_is_there() -> None:
    sources, key = ReplicaSources(), ("1", EAST, "t")
    sources.add(key, WEST, 0.0)
    sources.add(key, FIRST, 100.0)
    assert sources.recent(key, SOURCE_SECONDS - 1) == [FIRST, WEST]
    assert sources.recent(key, SOURCE_SECONDS) == [FIRST]
    sources.remove(("1", FIRST, "another"))
    assert sources.recent(key, 200.0) == [FIRST, WEST]
    sources.remove(("1", FIRST, "t"))
    assert sources.recent(key, 200.0) == [WEST]
    sources.remove(key)
    assert sources.recent(key, 200.0) == []


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour=(
        "a table cannot be deleted while a replica exists that was created from it in the last 24 hours"
    ),
    level="documented",
    source="DynamoDB Developer Guide, Global tables: version 2019.11.21",
)
def test_replicas_go_first_and_the_table_after_them(make: Callable[..., Table]) -> None:
    table = make()
    table.add(WEST)
    assert refused(table.delete) == ("ValidationException", RECENT_SOURCE)
    table.remove(WEST)
    table.delete()
    assert refused(table.delete)[0] == "ResourceNotFoundException"


def test_of_a_chain_the_last_replica_goes_first(make: Callable[..., Table]) -> None:
    table = make()
    table.add(WEST)
    table.add(FIRST, at=WEST)
    assert refused(table.remove, region=WEST) == ("ValidationException", RECENT_SOURCE)
    assert refused(table.delete, region=WEST) == ("ValidationException", RECENT_SOURCE)
    table.delete(FIRST)
    table.delete(WEST)
    table.delete()


def test_a_name_can_be_used_again(make: Callable[..., Table], aws: Callable[..., Any]) -> None:
    table = make()
    table.add(WEST)
    table.remove(WEST)
    table.delete()
    Table(aws, table.name).delete()


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour=(
        "each replica has its own deletion protection, which must be disabled before that replica is deleted"
    ),
    level="documented",
    source="DynamoDB Developer Guide, Using deletion protection",
)
def test_a_protected_table_or_replica_is_not_deleted(make: Callable[..., Table]) -> None:
    table = make()
    table.update(EAST, DeletionProtectionEnabled=True)
    assert refused(table.delete) == ("ValidationException", refusals.PROTECTED_TABLE)
    table.add(WEST)
    table.update(WEST, DeletionProtectionEnabled=True)
    told = (
        f"Cannot delete table {table.name} in region {WEST} because it has deletion protection enabled. "
        "Disable deletion protection first."
    )
    assert refused(table.remove, region=WEST) == ("ValidationException", told)
    assert refused(table.delete, region=WEST) == ("ValidationException", told)
    table.update(WEST, DeletionProtectionEnabled=False)
    table.remove(WEST)
    assert refused(table.delete) == ("ValidationException", refusals.PROTECTED_TABLE)
    table.update(EAST, DeletionProtectionEnabled=False)
    table.delete()


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="a replica can be created once in each other region; only an existing replica can be updated",
    level="documented",
    source="DynamoDB API Reference, UpdateTable: ReplicaUpdates",
)
def test_replicas_are_of_other_regions_and_made_once(make: Callable[..., Table]) -> None:
    table = make()
    code, message = refused(table.add, region=EAST)
    assert (code, "local region" in message) == ("ValidationException", True)
    code, message = refused(table.remove, region=WEST)
    assert (code, message.endswith("was not found.")) == ("ValidationException", True)
    table.add(WEST)
    code, message = refused(table.add, region=WEST)
    assert (code, message.endswith("already existed as tables.")) == ("ValidationException", True)


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="a replicated table must keep its stream, and must be on-demand or use automatic scaling",
    level="approximated",
    source="DynamoDB Developer Guide, Global tables: how they work",
    note="automatic scaling is not modelled: a table with provisioned capacity cannot have replicas",
)
def test_a_replicated_table_has_a_stream_and_no_fixed_capacity(make: Callable[..., Table]) -> None:
    table = make()
    table.add(WEST)
    off = {"StreamSpecification": {"StreamEnabled": False}}
    assert refused(table.update, region=EAST, **off) == ("ValidationException", refusals.STREAM_NEEDED)
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    fixed = make(BillingMode="PROVISIONED", ProvisionedThroughput=capacity)
    assert refused(fixed.add, region=WEST) == ("ValidationException", refusals.FIXED_CAPACITY)
