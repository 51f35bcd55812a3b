"""Two buckets that replicate to each other: statuses, order, delete markers, and an outage."""

from __future__ import annotations

import pytest

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.buckets import Buckets
from tests.unit.sandbox.outages import EAST, WEST, Outages


@pytest.mark.fidelity(
    service="S3",
    behaviour="the replication status is PENDING, COMPLETED or FAILED, and REPLICA on the replica",
    level="documented",
    source="S3 User Guide, Getting replication status information",
)
def test_an_object_is_pending_then_completed_and_its_copy_a_replica(
    buckets: Buckets, outages: Outages
) -> None:
    with outages.of(WEST):
        version = buckets.put(EAST, "a", b"1", Tagging="kind=receipt", Metadata={"by": "test"})
        buckets.clock.sleep(5)
        assert buckets.status(EAST, "a") == "PENDING"
        assert buckets.status(EAST, "a", VersionId=version) == "PENDING"
        assert buckets.backlog()[f"{EAST}->{WEST}"] == 1
    buckets.settle()
    assert buckets.status(EAST, "a") == "COMPLETED"
    assert buckets.status(EAST, "a", VersionId=version) == "COMPLETED"
    assert buckets.status(WEST, "a") == "REPLICA"
    assert buckets.body(WEST, "a") == b"1"
    west = {"Bucket": buckets.name[WEST], "Key": "a"}
    assert buckets.s3[WEST].get_object_tagging(**west)["TagSet"] == [{"Key": "kind", "Value": "receipt"}]
    assert buckets.s3[WEST].head_object(**west)["Metadata"] == {"by": "test"}


@pytest.mark.fidelity(
    service="S3",
    behaviour="an object is replicated asynchronously",
    level="approximated",
    source="S3 User Guide, Replicating objects within and across Regions",
    note="after a lag with jitter, which is a parameter; AWS says mostly within 15 minutes",
)
def test_a_copy_arrives_after_the_lag(buckets: Buckets, sandbox: Status) -> None:
    before = buckets.clock.now()
    buckets.put(WEST, "a", b"1")
    while buckets.status(EAST, "a") is None:
        buckets.clock.sleep(0.2)
    assert buckets.clock.now() - before >= sandbox.replication_lag_seconds / 2


@pytest.mark.fidelity(
    service="S3",
    behaviour="a replicated object is not replicated again",
    level="documented",
    source="S3 User Guide, What does Amazon S3 replicate?",
)
def test_a_replica_is_not_replicated_back(buckets: Buckets) -> None:
    buckets.put(EAST, "a", b"1")
    buckets.settle()
    buckets.clock.sleep(5)
    assert not any(buckets.backlog().values())
    assert len(buckets.versions(EAST, "a")) == len(buckets.versions(WEST, "a")) == 1


@pytest.mark.fidelity(
    service="S3",
    behaviour=(
        "delete markers are replicated if the rule enables it; deletes of a version are never replicated"
    ),
    level="documented",
    source="S3 User Guide, What does Amazon S3 replicate?",
)
def test_versions_and_delete_markers_arrive_in_order(buckets: Buckets, outages: Outages) -> None:
    with outages.of(WEST):
        first = buckets.put(EAST, "a", b"1")
        buckets.put(EAST, "a", b"2")
        buckets.s3[EAST].delete_object(Bucket=buckets.name[EAST], Key="gone")
        buckets.put(EAST, "gone", b"x")
        buckets.s3[EAST].delete_object(Bucket=buckets.name[EAST], Key="gone")
    buckets.settle()
    assert buckets.body(WEST, "a") == b"2"
    assert len(buckets.versions(WEST, "a")) == 2
    assert buckets.status(EAST, "a", VersionId=first) == "COMPLETED"
    assert buckets.status(WEST, "gone") is None
    assert len(buckets.versions(WEST, "gone")) == 3


def test_a_version_removed_before_its_turn_is_not_replicated(buckets: Buckets, outages: Outages) -> None:
    with outages.of(WEST):
        version = buckets.put(EAST, "a", b"1")
        buckets.s3[EAST].delete_object(Bucket=buckets.name[EAST], Key="a", VersionId=version)
    buckets.settle()
    assert buckets.versions(WEST, "a") == []


@pytest.mark.fidelity(
    service="S3",
    behaviour="an object gets the status FAILED if the destination cannot store it",
    level="documented",
    source="S3 User Guide, Getting replication status information",
)
def test_a_destination_that_cannot_take_it_fails_the_object(buckets: Buckets, outages: Outages) -> None:
    outages.fail(EAST)
    late = buckets.put(WEST, "late", b"1")
    assert buckets.status(WEST, "late") == "PENDING"
    outages.turn(EAST)
    buckets.s3[EAST].delete_bucket_replication(Bucket=buckets.name[EAST])
    buckets.s3[EAST].put_bucket_versioning(
        Bucket=buckets.name[EAST], VersioningConfiguration={"Status": "Suspended"}
    )
    outages.heal(WEST)
    buckets.settle()
    assert buckets.status(WEST, "late", VersionId=late) == "FAILED"
    buckets.put(WEST, "at once", b"1")
    assert buckets.status(WEST, "at once") == "FAILED"
    assert buckets.versions(EAST, "") == []


@pytest.mark.fidelity(
    service="S3",
    behaviour="only new objects that match an enabled rule are replicated",
    level="documented",
    source="S3 User Guide, What does Amazon S3 replicate?",
)
def test_only_what_a_rule_covers_is_replicated(buckets: Buckets, outages: Outages) -> None:
    buckets.replicate(EAST, WEST, Tag={"Key": "kind", "Value": "receipt"})
    with outages.of(WEST):
        buckets.put(EAST, "plain", b"1")
        buckets.put(EAST, "tagged", b"1", Tagging="kind=receipt")
        buckets.s3[EAST].delete_object(Bucket=buckets.name[EAST], Key="tagged")
        assert buckets.status(EAST, "plain") == ""
        assert buckets.backlog()[f"{EAST}->{WEST}"] == 1
    buckets.settle()
    assert buckets.versions(WEST, "plain") == []
    assert buckets.status(WEST, "tagged") == "REPLICA"


def test_the_parts_of_a_large_object_arrive_as_one(buckets: Buckets) -> None:
    s3, bucket = buckets.s3[EAST], buckets.name[EAST]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=b"x" * 6_000_000)
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="large",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
    )
    buckets.settle()
    assert buckets.status(EAST, "large") == "COMPLETED"
    assert buckets.body(WEST, "large") == b"x" * 6_000_000


def test_a_bucket_that_is_gone_takes_its_copies_along(buckets: Buckets, outages: Outages) -> None:
    with outages.of(WEST):
        version = buckets.put(EAST, "a", b"1")
        buckets.s3[EAST].delete_object(Bucket=buckets.name[EAST], Key="a", VersionId=version)
        buckets.s3[EAST].delete_bucket(Bucket=buckets.name[EAST])
    buckets.settle()
    assert buckets.versions(WEST, "a") == []
