"""Table, buckets, queues and topics."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.stack.program.reading import PAIR


def test_each_region_gets_its_own_replica_bucket_queue_and_topic(planned: Any) -> None:
    for name, inputs in planned.of("lambda/function:Function").items():
        variables = inputs["environment"]["variables"]
        region, role = inputs["region"], name.split("-")[0]
        assert variables["STANDBY_REGION"] == "us-west-2"
        assert variables["TABLE_NAME"] == "pay-payments-drill"
        assert variables.get("REGION_ROLE", role) == role
        assert region in variables.get("TOPIC_ARN", region)
        assert region in variables.get("QUEUE_URL", region)


def test_queues_are_read_by_one_mapping_each_and_give_the_worker_time(planned: Any) -> None:
    mappings = planned.of("lambda/eventSourceMapping:EventSourceMapping")
    sources = [inputs["eventSourceArn"] for inputs in mappings.values()]
    assert len(sources) == len(set(sources)) == 2
    slowest = max(inputs["timeout"] for inputs in planned.of("lambda/function:Function").values())
    for inputs in mappings.values():
        assert inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
        assert inputs["scalingConfig"]["maximumConcurrency"] >= 2
        assert inputs["enabled"] is True
        assert inputs["region"] in inputs["eventSourceArn"]
    work = [inputs for name, inputs in planned.of("sqs/queue:Queue").items() if name.endswith("-work")]
    assert len(work) == 2
    assert all(inputs["visibilityTimeoutSeconds"] >= 6 * slowest for inputs in work)
    for inputs in planned.of("sqs/queue:Queue").values():
        assert inputs["messageRetentionSeconds"] == 1209600
        assert inputs["sqsManagedSseEnabled"] is True


def test_messages_fan_out_from_each_topic_to_both_queues(planned: Any) -> None:
    ways = set()
    for inputs in planned.of("sns/topicSubscription:TopicSubscription").values():
        assert inputs["region"] in inputs["topic"]
        assert inputs["rawMessageDelivery"] is True
        assert inputs["region"] in json.loads(inputs["redrivePolicy"])["deadLetterTargetArn"]
        ways.add((inputs["topic"].split(":")[3], inputs["endpoint"].split(":")[3]))
    assert ways == {(a, b) for a in PAIR for b in PAIR}


def test_redrive_is_allowed_both_ways_round(planned: Any) -> None:
    for inputs in planned.of("sqs/redrivePolicy:RedrivePolicy").values():
        policy = json.loads(inputs["redrivePolicy"])
        assert policy["maxReceiveCount"] == 30
        assert inputs["region"] in policy["deadLetterTargetArn"]
    for inputs in planned.of("sqs/redriveAllowPolicy:RedriveAllowPolicy").values():
        policy = json.loads(inputs["redriveAllowPolicy"])
        assert policy["redrivePermission"] == "byQueue"
        assert len(policy["sourceQueueArns"]) == 1


def test_queues_take_from_the_topics_alone_and_by_tls(planned: Any) -> None:
    for name, inputs in planned.of("sqs/queuePolicy:QueuePolicy").items():
        deny, *allow = json.loads(inputs["policy"])["Statement"]
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in allow:
            assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
            sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            assert len(sources) == (2 if "work" in name else 1)
        assert bool(allow) == ("dead-letter" not in name)


def test_the_table_is_global_encrypted_and_recoverable(planned: Any) -> None:
    (table,) = planned.of("dynamodb/table:Table").values()
    assert table["region"] == "us-east-2"
    assert (table["hashKey"], table["rangeKey"]) == ("pk", "sk")
    assert table["streamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["pointInTimeRecovery"]["enabled"] is True
    assert table["serverSideEncryption"]["enabled"] is True
    (replica,) = table["replicas"]
    assert replica["regionName"] == "us-west-2"
    assert replica["pointInTimeRecovery"] is True


@pytest.mark.parametrize("protect", [False, True])
def test_data_is_held_on_to_when_asked(plan: Callable[..., Any], protect: bool) -> None:
    planned = plan(protect_data=protect)
    (table,) = planned.of("dynamodb/table:Table").values()
    assert table["deletionProtectionEnabled"] is protect
    assert table["replicas"][0]["deletionProtectionEnabled"] is protect
    for bucket in planned.of("s3/bucket:Bucket").values():
        assert bucket["forceDestroy"] is not protect


def test_buckets_replicate_both_ways_after_versioning(planned: Any) -> None:
    configs = planned.of("s3/bucketReplicationConfig:BucketReplicationConfig")
    assert len(configs) == 2
    versioned = [
        planned.order("s3/bucketVersioning:BucketVersioning", name)
        for name in planned.of("s3/bucketVersioning:BucketVersioning")
    ]
    for name, inputs in configs.items():
        at = planned.order("s3/bucketReplicationConfig:BucketReplicationConfig", name)
        assert all(earlier < at for earlier in versioned)
        (rule,) = inputs["rules"]
        assert rule["status"] == rule["deleteMarkerReplication"]["status"] == "Enabled"
        assert rule["destination"]["replicationTime"]["time"]["minutes"] == 15
        assert rule["sourceSelectionCriteria"]["replicaModifications"]["status"] == "Enabled"


def test_buckets_are_closed(planned: Any) -> None:
    for inputs in planned.of("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").values():
        assert all(value is True for key, value in inputs.items() if key not in ("bucket", "region"))
    for inputs in planned.of("s3/bucketOwnershipControls:BucketOwnershipControls").values():
        assert inputs["rule"]["objectOwnership"] == "BucketOwnerEnforced"
    for inputs in planned.of("s3/bucketPolicy:BucketPolicy").values():
        (statement,) = json.loads(inputs["policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert len(statement["Resource"]) == 2
