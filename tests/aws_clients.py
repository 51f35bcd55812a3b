"""Fake AWS clients for the calls of a drill. A test breaks them by their attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from drlib.deployed.deployment import Deployment
from tests.fakes import TwoRegions
from tests.two_regions import PRIMARY, STANDBY, TABLE

Key = tuple[str, str]


class Table:
    """One region's replica. What is written reaches those in `replicas` at once."""

    def __init__(self) -> None:
        self.items: dict[Key, dict[str, Any]] = {}
        self.replicas: list[Table] = []
        self.writes: list[dict[str, Any]] = []

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:
        found = self.items.get(key_of(Key))
        return {"Item": found} if found else {}

    def put_item(self, *, TableName: str, Item: dict[str, Any]) -> None:
        self.writes.append(Item)
        for table in (self, *self.replicas):
            table.items[key_of(Item)] = Item

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> None:
        for table in (self, *self.replicas):
            table.items.pop(key_of(Key), None)

    def query(self, *, ExpressionAttributeValues: dict[str, Any], **_: Any) -> dict[str, Any]:
        pk = ExpressionAttributeValues[":pk"]["S"]
        return {"Items": [item for (own, _), item in self.items.items() if own == pk]}

    def get_paginator(self, name: str) -> Any:
        assert name == "scan"
        return SimpleNamespace(paginate=self.pages)

    def pages(self, *, TableName: str, ConsistentRead: bool) -> list[dict[str, Any]]:
        assert TableName == TABLE
        items = list(self.items.values())
        return [{"Items": items[:1]}, {"Items": items[1:]}]


def key_of(item: dict[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def payment(payment_id: str, region: str, accepted_wall: float) -> dict[str, Any]:
    return {
        "pk": {"S": f"PAYMENT#{payment_id}"},
        "sk": {"S": "PAYMENT"},
        "payment_id": {"S": payment_id},
        "idempotency_key": {"S": f"key-{payment_id}"},
        "amount_minor": {"N": "1250"},
        "region": {"S": region},
        "accepted_at": {"N": f"{accepted_wall:.6f}"},
    }


def settlement(payment_id: str, region: str, settled_wall: float) -> dict[str, Any]:
    return {
        "pk": {"S": f"PAYMENT#{payment_id}"},
        "sk": {"S": f"SETTLED#{region}"},
        "payment_id": {"S": payment_id},
        "region": {"S": region},
        "settled_at": {"N": f"{settled_wall:.6f}"},
    }


class Aws:
    """Clients for a deployment that is well, in a world of two regions."""

    def __init__(self, here: TwoRegions, deployment: Deployment) -> None:
        self.tables = {PRIMARY: Table(), STANDBY: Table()}
        self.tables[PRIMARY].replicas = [self.tables[STANDBY]]
        self.tables[STANDBY].replicas = [self.tables[PRIMARY]]
        self.metrics: list[dict[str, Any]] = []
        self.failing: dict[str, int] = {}
        self.messages: dict[str, int] = {}
        self.aside: dict[str, list[str]] = {}
        self.receipts: set[str] = set()
        self.stored: dict[str, set[str]] = {}
        self.announced: list[tuple[str, Any]] = []
        self.configurations = {
            name: {
                "CodeSha256": "abc",
                "MemorySize": 256,
                "Timeout": 10,
                "Environment": {"Variables": {"TABLE_NAME": TABLE}},
            }
            for outputs in deployment.regions.values()
            for name in outputs.functions.values()
        }
        self.mappings: dict[str, dict[str, str]] = {
            region: {outputs.functions["settlement"]: "Enabled"}
            for region, outputs in deployment.regions.items()
        }
        self.alarms: dict[str, str] = {"alarm-dns": "OK", f"alarm-{PRIMARY}": "OK", f"alarm-{STANDBY}": "OK"}
        self.alarms_changed = datetime.now(UTC)
        self.datapoints: dict[str, list[tuple[float, float]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.clock_off_seconds = 0.0
        here.clients["route53", "us-east-1"] = SimpleNamespace(get_health_check_status=self.health)
        here.clients["cloudwatch", "us-east-1"] = self.cloudwatch("us-east-1")
        for region, table in self.tables.items():
            here.clients["dynamodb", region] = table
            here.clients["cloudwatch", region] = self.cloudwatch(region)
            here.clients["sqs", region] = SimpleNamespace(
                get_queue_attributes=self.depth, receive_message=self.peek
            )
            here.clients["sns", region] = SimpleNamespace(
                publish=lambda TopicArn, Message, region=region: self.announced.append(
                    (region, json.loads(Message))
                )
            )
            here.clients["s3", region] = SimpleNamespace(
                list_objects_v2=self.objects,
                get_paginator=lambda name: SimpleNamespace(paginate=self.object_pages),
            )
            here.clients["lambda", region] = SimpleNamespace(
                get_function_configuration=lambda FunctionName: self.configurations[FunctionName],
                get_function_concurrency=lambda FunctionName: {},
                list_event_source_mappings=lambda EventSourceArn, region=region: {
                    "EventSourceMappings": [
                        {"FunctionArn": f"arn:aws:lambda:::function:{name}", "State": state}
                        for name, state in self.mappings[region].items()
                    ]
                },
            )
            here.clients["sts", region] = SimpleNamespace(get_caller_identity=self.identity)

    def identity(self) -> dict[str, Any]:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=self.clock_off_seconds))
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    def health(self, *, HealthCheckId: str) -> dict[str, Any]:
        failing = self.failing.get(HealthCheckId, 0)
        return {
            "HealthCheckObservations": [
                {
                    "Region": f"region-{number}",
                    "StatusReport": {
                        "Status": "Failure: refused" if number < failing else "Success: 200",
                        "CheckedTime": datetime.fromtimestamp(100 + number, UTC),
                    },
                }
                for number in range(8)
            ]
        }

    def depth(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        waiting = self.messages.get(QueueUrl, 0)
        return {
            "Attributes": {name: str(waiting if name.endswith("Messages") else 0) for name in AttributeNames}
        }

    def put_aside(self, url: str, payment_id: str) -> None:
        """Put a message about a payment into a dead-letter queue."""
        self.aside.setdefault(url, []).append(json.dumps({"payment_id": payment_id}))
        self.messages[url] = len(self.aside[url])

    def peek(self, *, QueueUrl: str, MaxNumberOfMessages: int, VisibilityTimeout: int) -> dict[str, Any]:
        assert VisibilityTimeout == 0
        bodies = self.aside.get(QueueUrl, [])[:MaxNumberOfMessages]
        return {"Messages": [{"MessageId": f"m-{n}", "Body": body} for n, body in enumerate(bodies)]}

    def objects(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        return {"KeyCount": int(Bucket in self.receipts)}

    def object_pages(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        keys = [f"{Prefix}{payment_id}.json" for payment_id in sorted(self.stored.get(Bucket, ()))]
        return [{"Contents": [{"Key": key}]} for key in keys] or [{}]

    def cloudwatch(self, region: str) -> Any:
        def paginator(name: str) -> Any:
            pages = {"describe_alarms": self.alarm_pages, "get_metric_data": metric_pages}
            return SimpleNamespace(paginate=pages[name])

        def metric_pages(*, MetricDataQueries: list[dict[str, Any]], **_: Any) -> list[dict[str, Any]]:
            pages = []
            for query in MetricDataQueries:
                name = query["MetricStat"]["Metric"]["MetricName"]
                self.asked.append((region, name))
                points = self.datapoints.get(f"{region} {name}", [])
                result = {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
                    "Values": [value for _, value in points],
                }
                pages.append({"MetricDataResults": [result]})
            return pages

        def put(*, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
            self.metrics.append({"region": region, "namespace": Namespace, "value": MetricData[0]["Value"]})

        return SimpleNamespace(get_paginator=paginator, put_metric_data=put)

    def alarm_pages(self, *, AlarmNames: list[str]) -> list[dict[str, Any]]:
        found = [
            {"AlarmName": name, "StateValue": self.alarms[name], "StateUpdatedTimestamp": self.alarms_changed}
            for name in AlarmNames
            if name in self.alarms
        ]
        return [{"MetricAlarms": found}]


class Queue:
    """A queue as SQS shows it. What was received and not given back is out of sight."""

    def __init__(self):
        self.bodies = []
        self.hidden = set()

    def put(self, body):
        self.bodies.append(body)

    def move(self, other, *, count, mark):
        for body in [body for body in self.bodies if mark in body][:count]:
            self.bodies.remove(body)
            other.put(body)

    @staticmethod
    def client(queues: Mapping[str, Queue]):
        def receive(QueueUrl, MaxNumberOfMessages, VisibilityTimeout):
            queue = queues[QueueUrl]
            seen = [body for body in queue.bodies if body not in queue.hidden][:MaxNumberOfMessages]
            queue.hidden.update(seen)
            return {"Messages": [{"Body": body, "ReceiptHandle": body} for body in seen]} if seen else {}

        def delete(QueueUrl, ReceiptHandle):
            queues[QueueUrl].bodies.remove(ReceiptHandle)

        def give_back(QueueUrl, ReceiptHandle, VisibilityTimeout):
            assert VisibilityTimeout == 0
            queues[QueueUrl].hidden.discard(ReceiptHandle)

        def depth(QueueUrl, AttributeNames):
            return {"Attributes": {AttributeNames[0]: str(len(queues[QueueUrl].bodies))}}

        return SimpleNamespace(
            receive_message=receive,
            delete_message=delete,
            change_message_visibility=give_back,
            get_queue_attributes=depth,
            send_message=lambda QueueUrl, MessageBody: queues[QueueUrl].put(MessageBody),
        )
