"""A global table in two regions of the sandbox: lag, backlog, order, conflicts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.outages import EAST, WEST, Outages

TO_WEST = f"{EAST}->{WEST}"

_numbers = itertools.count()


class Table:
    """A global table, accessed in each of its regions."""

    def __init__(self, status: Status, aws: Callable[..., Any], outages: Outages, name: str) -> None:
        self.name = name
        self.clock = status.clock
        self._outages = outages
        self.regions = {region: aws("dynamodb", region) for region in (EAST, WEST)}
        self.regions[EAST].create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.add_replica()

    def add_replica(self) -> None:
        self.regions[EAST].update_table(
            TableName=self.name, ReplicaUpdates=[{"Create": {"RegionName": WEST}}]
        )

    def put(self, region: str, key: str, value: str) -> None:
        self.regions[region].put_item(TableName=self.name, Item={"pk": {"S": key}, "value": {"S": value}})

    def delete(self, region: str, key: str) -> None:
        self.regions[region].delete_item(TableName=self.name, Key={"pk": {"S": key}})

    def get(self, region: str, key: str) -> str | None:
        item = self.regions[region].get_item(TableName=self.name, Key={"pk": {"S": key}}).get("Item")
        return item["value"]["S"] if item else None

    def scan(self, region: str) -> dict[str, str]:
        items = self.regions[region].scan(TableName=self.name)["Items"]
        return {item["pk"]["S"]: item["value"]["S"] for item in items}

    def until(self, done: Callable[[], Any]) -> Any:
        """Query until the answer is not empty. The test's timeout is the limit."""
        while not (answer := done()):
            self.clock.sleep(0.2)
        return answer

    def backlog(self) -> dict[str, int]:
        """Return the waiting writes by route. No other test runs, so they are of this table."""
        return self._outages.backlog("dynamodb")

    def settle(self) -> None:
        """Wait until no write waits."""
        self.until(lambda: not any(self.backlog().values()))


@pytest.fixture
def table(sandbox: Status, aws: Callable[..., Any], outages: Outages) -> Table:
    return Table(sandbox, aws, outages, f"replicated-{next(_numbers)}")


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="a write reaches the other replica asynchronously",
    level="approximated",
    source="DynamoDB Developer Guide, Global tables: how they work",
    note="after a lag with jitter, which is a parameter; AWS says usually within a second",
)
@pytest.mark.parametrize(("here", "there"), [(EAST, WEST), (WEST, EAST)])
def test_a_write_arrives_in_the_other_region_after_the_lag(
    table: Table, sandbox: Status, here: str, there: str
) -> None:
    before = table.clock.now()
    table.put(here, "a", "1")
    assert table.get(here, "a") == "1"
    assert table.until(lambda: table.get(there, "a")) == "1"
    assert table.clock.now() - before >= sandbox.replication_lag_seconds / 2


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="writes wait while a region is isolated, and are replicated when it recovers",
    level="documented",
    source="DynamoDB Developer Guide, Global tables: how they work",
)
@pytest.mark.parametrize("region", [EAST, WEST])
def test_writes_wait_while_a_region_is_down_and_arrive_when_it_is_whole(
    table: Table, outages: Outages, region: str
) -> None:
    other = WEST if region == EAST else EAST
    route = f"{other}->{region}"
    with outages.of(region):
        for number in range(3):
            table.put(other, f"k{number}", "during")
        assert table.backlog()[route] == 3
        # Longer than any lag, so that only the outage can delay them.
        table.clock.sleep(5)
        assert table.backlog()[route] == 3
        assert outages.backlog("dynamodb_oldest_seconds")[route] >= 4
    table.settle()
    assert table.scan(region) == {f"k{number}": "during" for number in range(3)}
    (drained,) = outages.events("replication_backlog")
    assert (drained["service"], drained["source"], drained["target"]) == ("dynamodb", other, region)
    assert drained["count"] == 3
    assert drained["oldest_seconds"] >= 4
    assert drained["drained_seconds"] >= 0.5


def test_each_arrival_is_on_record(table: Table, outages: Outages) -> None:
    table.put(EAST, "a", "1")
    table.settle()
    (arrived,) = [event for event in outages.events("replicated") if event["table"] == table.name]
    assert (arrived["source"], arrived["target"]) == (EAST, WEST)
    assert arrived["item_key"][0] == "a"
    assert arrived["written_at"] < table.clock.now()


def test_what_the_source_had_not_sent_is_stranded_there_until_it_heals(
    table: Table, outages: Outages
) -> None:
    outages.fail(WEST)
    table.put(EAST, "a", "accepted")
    outages.turn(WEST)
    table.clock.sleep(5)
    assert table.get(WEST, "a") is None
    outages.heal(EAST)
    table.settle()
    assert table.get(WEST, "a") == "accepted"


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="writes to one item arrive in the order in which they were made",
    level="documented",
    source="DynamoDB Developer Guide, Global tables: how they work",
)
def test_the_writes_of_an_item_arrive_in_order(table: Table) -> None:
    seen = []
    for number in range(20):
        table.put(EAST, "a", f"{number:02}")
        seen.append(table.get(WEST, "a") or "")
    table.settle()
    seen.append(table.get(WEST, "a") or "")
    assert seen == sorted(seen)
    assert seen[-1] == "19"


def test_deletes_arrive_too(table: Table, outages: Outages) -> None:
    table.put(EAST, "a", "1")
    table.put(EAST, "b", "1")
    table.settle()
    with outages.of(EAST):
        table.delete(WEST, "a")
    table.delete(EAST, "b")
    table.settle()
    assert table.scan(EAST) == table.scan(WEST) == {}


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="batch writes and transactions are replicated item by item",
    level="documented",
    source="DynamoDB Developer Guide, Global tables: how they work",
)
def test_batches_and_transactions_arrive(table: Table) -> None:
    def put(key: str) -> dict[str, Any]:
        return {"Item": {"pk": {"S": key}, "value": {"S": "1"}}}

    table.regions[EAST].batch_write_item(RequestItems={table.name: [{"PutRequest": put("a")}]})
    table.regions[EAST].transact_write_items(TransactItems=[{"Put": {"TableName": table.name, **put("b")}}])
    table.regions[EAST].update_item(
        TableName=table.name,
        Key={"pk": {"S": "c"}},
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames={"#v": "value"},
        ExpressionAttributeValues={":v": {"S": "1"}},
    )
    table.settle()
    assert table.scan(WEST) == {"a": "1", "b": "1", "c": "1"}


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="of two concurrent writes, the last one wins in all replicas",
    level="documented",
    source="DynamoDB Developer Guide, Global tables: how they work",
)
def test_the_last_writer_wins_in_both_regions(table: Table, outages: Outages) -> None:
    outages.fail(EAST)
    table.put(WEST, "a", "first")
    outages.turn(EAST)
    # Neither region has the other's write yet.
    table.put(EAST, "a", "second")
    outages.heal(WEST)
    table.settle()
    assert (table.get(EAST, "a"), table.get(WEST, "a")) == ("second", "second")
    (lost,) = outages.events("replication_conflict")
    assert (lost["source"], lost["target"]) == (WEST, EAST)
    assert lost["table"] == table.name
    assert lost["item_key"][0] == "a"
    assert lost["source_written_at"] < lost["target_written_at"]


def test_a_write_that_waited_does_not_undo_a_later_delete(table: Table, outages: Outages) -> None:
    table.put(EAST, "a", "0")
    table.settle()
    outages.fail(WEST)
    table.put(EAST, "a", "waited")
    outages.turn(WEST)
    table.delete(WEST, "a")
    outages.heal(EAST)
    table.settle()
    assert (table.get(EAST, "a"), table.get(WEST, "a")) == (None, None)
    (lost,) = outages.events("replication_conflict")
    assert (lost["source"], lost["target"]) == (EAST, WEST)


def test_one_after_the_other_is_no_conflict(table: Table, outages: Outages) -> None:
    for number, region in enumerate((EAST, WEST, EAST, WEST)):
        table.put(region, "a", str(number))
        table.settle()
    assert (table.get(EAST, "a"), table.get(WEST, "a")) == ("3", "3")
    assert outages.events("replication_conflict") == []


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="a condition of a write is evaluated only against the replica in the same region",
    level="documented",
    source="DynamoDB Developer Guide, Global tables: how they work",
)
def test_conditions_see_the_own_region_only(table: Table, outages: Outages) -> None:
    def create(region: str) -> None:
        table.regions[region].put_item(
            TableName=table.name,
            Item={"pk": {"S": "a"}, "value": {"S": region}},
            ConditionExpression="attribute_not_exists(pk)",
        )

    outages.fail(EAST)
    create(WEST)
    outages.turn(EAST)
    create(EAST)
    outages.heal(WEST)
    table.settle()
    assert table.get(EAST, "a") == table.get(WEST, "a") == EAST


def test_a_replica_that_is_removed_takes_its_backlog_along(table: Table, outages: Outages) -> None:
    with outages.of(WEST):
        table.put(EAST, "a", "1")
        assert table.backlog()[TO_WEST] == 1
        table.regions[EAST].update_table(
            TableName=table.name, ReplicaUpdates=[{"Delete": {"RegionName": WEST}}]
        )
        assert table.backlog()[TO_WEST] == 0
    table.delete(EAST, "a")
    table.add_replica()
    table.put(EAST, "b", "2")
    table.settle()
    assert table.scan(WEST) == {"b": "2"}


def test_a_replica_that_is_deleted_takes_its_backlog_along(table: Table, outages: Outages) -> None:
    with outages.of(EAST):
        table.put(WEST, "a", "1")
        table.regions[WEST].delete_table(TableName=table.name)
        assert table.backlog()[f"{WEST}->{EAST}"] == 0
    assert table.scan(EAST) == {}


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="the stream of a replica contains the replicated writes",
    level="documented",
    source="DynamoDB Developer Guide, Global tables: how they work",
)
def test_a_replicas_stream_has_what_arrived(table: Table, aws: Callable[..., Any]) -> None:
    table.put(EAST, "a", "1")
    table.settle()
    table.put(EAST, "a", "2")
    table.settle()
    table.delete(EAST, "a")
    table.settle()
    streams = aws("dynamodbstreams", WEST)
    arn = table.regions[WEST].describe_table(TableName=table.name)["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert records[1]["dynamodb"]["OldImage"]["value"] == {"S": "1"}
    assert {record["awsRegion"] for record in records} == {WEST}


@pytest.mark.fidelity(
    service="DynamoDB",
    behaviour="ReplicationLatency is published in the source region",
    level="documented",
    source="DynamoDB Developer Guide, Monitoring global tables",
)
def test_latency_is_published_in_the_source_region_and_not_while_stalled(
    table: Table, aws: Callable[..., Any], sandbox: Status, outages: Outages
) -> None:
    def points(region: str, receiving: str) -> list[dict[str, Any]]:
        now = table.clock.now()
        answer = aws("cloudwatch", region).get_metric_statistics(
            Namespace="AWS/DynamoDB",
            MetricName="ReplicationLatency",
            Dimensions=[
                {"Name": "TableName", "Value": table.name},
                {"Name": "ReceivingRegion", "Value": receiving},
            ],
            StartTime=now - 3600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Minimum", "Maximum", "SampleCount"],
        )
        return list(answer["Datapoints"])

    with outages.of(WEST):
        table.put(EAST, "a", "1")
        table.put(EAST, "b", "1")
        # Two publication periods.
        table.clock.sleep(60)
        assert points(EAST, WEST) == []
    (point,) = table.until(lambda: points(EAST, WEST))
    assert point["SampleCount"] == 2
    assert point["Unit"] == "Milliseconds"
    assert point["Minimum"] >= 60_000
    assert points(WEST, EAST) == []


def test_a_table_of_one_region_stays_there(aws: Callable[..., Any], outages: Outages) -> None:
    dynamodb = aws("dynamodb", EAST)
    dynamodb.create_table(
        TableName="alone",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    before = outages.backlog("dynamodb")
    dynamodb.put_item(TableName="alone", Item={"pk": {"S": "a"}})
    assert outages.backlog("dynamodb") == before
    assert "alone" not in aws("dynamodb", WEST).list_tables()["TableNames"]
