"""Replication of DynamoDB global tables: eventually consistent, last writer wins, paused by an outage.

The emulator copies a write to the other replicas before it answers. Here each write is sent to each other
region (`drlib.sandbox.faults.deliveries`) and arrives after a random lag of 0.5 to 1.5 times
`replication_lag_seconds` (uniform distribution). The writes of one item arrive in order. While the source or
the target region is down, writes wait; when both regions are up again, each waiting write gets a new lag. A
write that is older than the item in the target is dropped: the last writer wins (DynamoDB Developer Guide,
"How DynamoDB global tables work").

S3 replication is in `drlib.sandbox.services.s3.replication` and uses the same `DeliveryQueue`.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from drlib.sandbox.faults.deliveries import DeliveryQueue
from drlib.sandbox.faults.in_transit import Delay, Deliver, Route
from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.s3 import replication as s3_replication
from drlib.sandbox.world import World

SERVICE = "dynamodb"
METRIC_PERIOD_SECONDS = 30.0
"""Modelled seconds between two publications of `ReplicationLatency`."""

TableKey = tuple[str, str, str]
"""Account, region, table name."""

ItemKey = tuple[str, str]
"""Values of the partition key and of the sort key, as the emulator stores them."""


@dataclass(frozen=True, order=True)
class WriteVersion:
    """The write that an item comes from. The later one wins; `number` orders writes of the same instant."""

    written_at: float
    number: int
    region: str


@dataclass(frozen=True)
class Write:
    """A write to one item that is sent to another region."""

    account: str
    table: str
    item_key: ItemKey
    event: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    version: WriteVersion


class Replication:
    """Replaces the emulator's own replication.

    A write that arrives adds an event `replicated`. A write that loses against a later write of another
    region adds an event `replication_conflict`.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dynamodb = emulator.module("services.dynamodb")
        self._responses = emulator.module("core.responses")
        self._versions: dict[TableKey, dict[ItemKey, WriteVersion]] = {}
        self._latency_metric = LatencyMetric(world)
        self._last_number = 0
        self._delivery_queue = DeliveryQueue(world, name="drlib-replication")
        for service in (SERVICE, s3_replication.SERVICE):
            self._delivery_queue.serve(
                service,
                delay=lag(world, f"{service}/lag"),
                delay_after_outage=lag(world, f"{service}/lag-after-outage"),
            )
        function = partial(internals.function, self._dynamodb)
        self._regions_of = function("_replica_group", "table")
        self._key_value = function("_extract_key_val", "attr")
        self._tables = emulator.value(self._dynamodb, "_tables", self._responses.AccountRegionScopedDict)
        self._emulator_replicate = function("_replicate_write", "table", "event_name", "old_item", "new_item")
        emulator.replace(self._dynamodb, "_replicate_write", self.replicate)
        for name, parameters in (
            ("_delete_table", ("data",)),
            ("_apply_replica_updates", ("name", "table", "updates")),
        ):
            emulator.replace(self._dynamodb, name, self._then_discard(function(name, *parameters)))
        s3_replication.ObjectReplication(world, self._delivery_queue)

    def start(self) -> None:
        """Start the deliveries."""
        self._delivery_queue.start()

    def stop(self) -> None:
        """Stop the deliveries; the writes that wait are lost."""
        self._delivery_queue.stop()

    def replicate(self, table: dict[str, Any], event_name: str, old_item: Any, new_item: Any) -> None:
        """Send a write to the other regions of the table. Replaces `_replicate_write`."""
        regions = self._regions_of(table)
        if not regions:
            return
        account, source = self._responses.get_account_id(), self._responses.get_region()
        item = new_item if new_item is not None else old_item
        item_key = self._item_key(table, item)
        versions = self._versions.setdefault((account, source, table["TableName"]), {})
        self._last_number += 1
        write = Write(
            account=account,
            table=table["TableName"],
            item_key=item_key,
            event=event_name,
            # The target needs the old item only for its key, when it deletes.
            old=copy.deepcopy(old_item) if new_item is None else None,
            new=copy.deepcopy(new_item),
            version=WriteVersion(self._world.clock.now(), self._last_number, source),
        )
        versions[item_key] = write.version
        for region in regions:
            if region != source:
                deliver: Deliver = partial(self._deliver, write, region)
                order = (account, write.table, item_key)
                self._delivery_queue.send(Route(SERVICE, source, region), order, deliver)

    def _deliver(self, write: Write, region: str, now: float) -> None:
        """Apply a write in `region`, unless the item there is from a later write."""
        source = write.version.region
        if not self._is_replica(write.account, region, write.table, source=source):
            return
        self._latency_metric.add(source, write.table, region, 1000 * (now - write.version.written_at))
        versions = self._versions.setdefault((write.account, region, write.table), {})
        current = versions.get(write.item_key)
        if current is not None and current > write.version:
            self._note_conflict(write, region, current)
            return
        versions[write.item_key] = write.version
        # The emulator's own function, restricted to this one other region.
        group = {"TableName": write.table, "_global_regions": [source, region]}
        with self._responses.request_scope(write.account, source):
            self._emulator_replicate(group, write.event, write.old, write.new)
        self._world.events.add(
            "replicated",
            at=now,
            table=write.table,
            item_key=[str(part) for part in write.item_key],
            source=source,
            target=region,
            written_at=write.version.written_at,
        )

    def _note_conflict(self, write: Write, region: str, current: WriteVersion) -> None:
        self._world.events.add(
            "replication_conflict",
            table=write.table,
            item_key=[str(part) for part in write.item_key],
            source=write.version.region,
            target=region,
            source_written_at=write.version.written_at,
            target_written_at=current.written_at,
        )

    def _item_key(self, table: dict[str, Any], item: dict[str, Any]) -> ItemKey:
        sort = table["sk_name"]
        return self._key_value(item.get(table["pk_name"])), self._key_value(item.get(sort)) if sort else ""

    def _is_replica(self, account: str, region: str, table: str, *, source: str) -> bool:
        replica = self._tables.get_scoped(account, region, table)
        return replica is not None and source in self._regions_of(replica)

    def _then_discard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap `function`: afterwards, drop the writes that wait for tables that are no longer replicas."""

        def discarding(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            self._delivery_queue.discard(self._is_undeliverable)
            for account, region, name in list(self._versions):
                if self._tables.get_scoped(account, region, name) is None:
                    del self._versions[account, region, name]
            return result

        return discarding

    def _is_undeliverable(self, route: Route, key: Any) -> bool:
        if route.service != SERVICE:
            return False
        account, table, _ = key
        return not self._is_replica(account, route.target, table, source=route.source)


class LatencyMetric:
    """Publishes `ReplicationLatency` (AWS/DynamoDB, by TableName and ReceivingRegion) in the source region.

    One datapoint for each period and route. A period without arrivals has no datapoint, as on AWS (DynamoDB
    Developer Guide, "DynamoDB metrics and dimensions").
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._latencies: dict[tuple[str, str, str], Counter[float]] = {}

    def add(self, source: str, table: str, target: str, milliseconds: float) -> None:
        """Record the latency of one write. Runs in the emulator's loop."""
        if not self._latencies:
            wall = self._world.clock.wall_seconds(METRIC_PERIOD_SECONDS)
            asyncio.get_running_loop().call_later(wall, self._publish)
        self._latencies.setdefault((source, table, target), Counter())[float(round(milliseconds))] += 1

    def _publish(self) -> None:
        from drlib.sandbox.services.cloudwatch import aws_metrics

        latencies, self._latencies = self._latencies, {}
        for (source, table, target), values in latencies.items():
            dimensions = {"TableName": table, "ReceivingRegion": target}
            aws_metrics.put_values(
                self._world, source, "AWS/DynamoDB", "ReplicationLatency", values, dimensions, "Milliseconds"
            )
        for source in {source for source, _, _ in latencies}:
            aws_metrics.evaluate(source)


def lag(world: World, name: str) -> Delay:
    """Return a seeded source of lags: 0.5 to 1.5 times the world's lag, in modelled seconds."""
    stream = world.random(name)
    return lambda: world.replication_lag_seconds * stream.uniform(0.5, 1.5)


def start(world: World) -> Replication:
    """Replace the emulator's replication. Call it once in a process, after `patches.apply`."""
    replication = Replication(world)
    replication.start()
    return replication
