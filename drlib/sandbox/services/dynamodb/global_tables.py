"""DynamoDB global tables across regions: eventually consistent, last writer wins, stalled by an outage.

The emulator copies a write to the other replicas before it answers. Here each write is sent to each other
region (`drlib.sandbox.faults.deliveries`) and arrives after a lag drawn evenly from half to one and a half
times `replication_lag_seconds`; the writes of one item arrive in order. While the source or the target region
is down, writes wait; once both are whole, what waits gets a fresh lag each. An arriving write that is older
than what the target holds is dropped: the last writer wins (DynamoDB developer guide, "How DynamoDB global
tables work").

S3 replication is in `drlib.sandbox.services.s3.replication`, on the same courier.
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
"""Modelled seconds over which `ReplicationLatency` is summed up before it is published."""

TableKey = tuple[str, str, str]
"""Account, region, table name."""

ItemKey = tuple[str, str]
"""Values of the partition key and of the sort key, as the emulator stores them."""


@dataclass(frozen=True, order=True)
class Stamp:
    """Which write an item is from. The later one wins; `number` decides between writes of one instant."""

    written_at: float
    number: int
    region: str


@dataclass(frozen=True)
class Write:
    """A write to one item, on its way."""

    account: str
    table: str
    item_key: ItemKey
    event: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    stamp: Stamp


class Replication:
    """The component: replaces the emulator's own replication.

    A write that has arrived is an event `replicated`; one that loses against a later one of another region is
    an event `replication_conflict`.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dynamodb = emulator.module("services.dynamodb")
        self._responses = emulator.module("core.responses")
        self._stamps: dict[TableKey, dict[ItemKey, Stamp]] = {}
        self._latencies = Latencies(world)
        self._number = 0
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
        self._replicate_at_once = function("_replicate_write", "table", "event_name", "old_item", "new_item")
        emulator.replace(self._dynamodb, "_replicate_write", self.take)
        for name, parameters in (
            ("_delete_table", ("data",)),
            ("_apply_replica_updates", ("name", "table", "updates")),
        ):
            emulator.replace(self._dynamodb, name, self._then_tidy(function(name, *parameters)))
        s3_replication.Copies(world, self._delivery_queue)

    def start(self) -> None:
        """Begin to deliver."""
        self._delivery_queue.start()

    def stop(self) -> None:
        """End the deliveries; what has not arrived never does."""
        self._delivery_queue.stop()

    def take(self, table: dict[str, Any], event_name: str, old_item: Any, new_item: Any) -> None:
        """Send a write of the request's region to the table's others. Called in place of the emulator's."""
        regions = self._regions_of(table)
        if not regions:
            return
        account, home = self._responses.get_account_id(), self._responses.get_region()
        item = new_item if new_item is not None else old_item
        item_key = self._item_key(table, item)
        known = self._stamps.setdefault((account, home, table["TableName"]), {})
        self._number += 1
        write = Write(
            account=account,
            table=table["TableName"],
            item_key=item_key,
            event=event_name,
            # Of the old item, the target only needs the key.
            old=copy.deepcopy(old_item) if new_item is None else None,
            new=copy.deepcopy(new_item),
            stamp=Stamp(self._world.clock.now(), self._number, home),
        )
        known[item_key] = write.stamp
        for region in regions:
            if region != home:
                deliver: Deliver = partial(self._arrive, write, region)
                self._delivery_queue.send(
                    Route(SERVICE, home, region), (account, write.table, item_key), deliver
                )

    def _arrive(self, write: Write, region: str, now: float) -> None:
        """Make a write in `region`, unless a later one is there."""
        home = write.stamp.region
        if not self._is_replica(write.account, region, write.table, of=home):
            return
        self._latencies.add(home, write.table, region, 1000 * (now - write.stamp.written_at))
        known = self._stamps.setdefault((write.account, region, write.table), {})
        present = known.get(write.item_key)
        if present is not None and present > write.stamp:
            self._note_conflict(write, region, present)
            return
        known[write.item_key] = write.stamp
        # The emulator's own function, told that the table's only other region is this one.
        group = {"TableName": write.table, "_global_regions": [home, region]}
        with self._responses.request_scope(write.account, home):
            self._replicate_at_once(group, write.event, write.old, write.new)
        self._world.events.add(
            "replicated",
            at=now,
            table=write.table,
            item_key=[str(part) for part in write.item_key],
            source=home,
            target=region,
            written_at=write.stamp.written_at,
        )

    def _note_conflict(self, write: Write, region: str, present: Stamp) -> None:
        self._world.events.add(
            "replication_conflict",
            table=write.table,
            item_key=[str(part) for part in write.item_key],
            source=write.stamp.region,
            target=region,
            source_written_at=write.stamp.written_at,
            target_written_at=present.written_at,
        )

    def _item_key(self, table: dict[str, Any], item: dict[str, Any]) -> ItemKey:
        sort = table["sk_name"]
        return self._key_value(item.get(table["pk_name"])), self._key_value(item.get(sort)) if sort else ""

    def _is_replica(self, account: str, region: str, table: str, *, of: str) -> bool:
        replica = self._tables.get_scoped(account, region, table)
        return replica is not None and of in self._regions_of(replica)

    def _then_tidy(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, followed by dropping what was on its way to tables that are no replicas now."""

        def tidying(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            self._delivery_queue.discard(self._is_stray)
            for account, region, name in list(self._stamps):
                if self._tables.get_scoped(account, region, name) is None:
                    del self._stamps[account, region, name]
            return result

        return tidying

    def _is_stray(self, route: Route, key: Any) -> bool:
        if route.service != SERVICE:
            return False
        account, table, _ = key
        return not self._is_replica(account, route.target, table, of=route.source)


class Latencies:
    """Publishes `ReplicationLatency` (AWS/DynamoDB, by TableName and ReceivingRegion) in the source region.

    One datapoint for each period and route, of all that arrived in it. Nothing arrived: no datapoint, as on
    AWS (DynamoDB developer guide, "DynamoDB metrics and dimensions").
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[tuple[str, str, str], Counter[float]] = {}

    def add(self, source: str, table: str, target: str, milliseconds: float) -> None:
        """Note the latency of one write. In the emulator's loop."""
        if not self._seen:
            wall = self._world.clock.wall_seconds(METRIC_PERIOD_SECONDS)
            asyncio.get_running_loop().call_later(wall, self._publish)
        self._seen.setdefault((source, table, target), Counter())[float(round(milliseconds))] += 1

    def _publish(self) -> None:
        from drlib.sandbox.services.cloudwatch import aws_metrics

        seen, self._seen = self._seen, {}
        for (source, table, target), values in seen.items():
            dimensions = {"TableName": table, "ReceivingRegion": target}
            aws_metrics.put_values(
                self._world, source, "AWS/DynamoDB", "ReplicationLatency", values, dimensions, "Milliseconds"
            )
        for source in {source for source, _, _ in seen}:
            aws_metrics.evaluate(source)


def lag(world: World, name: str) -> Delay:
    """Return a seeded source of lags: half to one and a half times the world's, modelled seconds."""
    stream = world.random(name)
    return lambda: world.replication_lag_seconds * stream.uniform(0.5, 1.5)


def start(world: World) -> Replication:
    """Take replication over from the emulator. Once a process, after `patches.apply`."""
    replication = Replication(world)
    replication.start()
    return replication
