"""The permissions of a replication role, checked at each object, and replications that S3 refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.buckets import OF_BUCKETS, OF_OBJECTS, Buckets, trusting
from tests.unit.sandbox.outages import EAST, WEST
from tests.unit.sandbox.refused import refused


@pytest.mark.fidelity(
    service="S3",
    behaviour=(
        "an object gets the status FAILED if the role lacks a permission; the configuration is accepted"
    ),
    level="documented",
    source="S3 User Guide, Setting up permissions for live replication",
)
@pytest.mark.parametrize("lacking", [*OF_BUCKETS, *OF_OBJECTS[:2], "ReplicateObject"])
def test_an_object_fails_if_the_role_lacks_an_action(buckets: Buckets, lacking: str) -> None:
    buckets.allow(lacking)
    buckets.replicate(EAST, WEST)  # is not refused
    version = buckets.put(EAST, "a", b"1")
    buckets.settle()
    assert buckets.status(EAST, "a") == "FAILED"
    assert buckets.status(EAST, "a", VersionId=version) == "FAILED"
    assert buckets.status(WEST, "a") is None
    buckets.allow()
    buckets.put(EAST, "a", b"2")
    buckets.settle()
    assert buckets.status(EAST, "a") == "COMPLETED"


def test_an_object_fails_if_s3_cannot_assume_the_role(buckets: Buckets) -> None:
    buckets.iam.update_assume_role_policy(
        RoleName=buckets.role["RoleName"], PolicyDocument=trusting("lambda.amazonaws.com")
    )
    buckets.put(EAST, "a", b"1")
    buckets.settle()
    assert buckets.status(EAST, "a") == "FAILED"
    buckets.iam.delete_role_policy(RoleName=buckets.role["RoleName"], PolicyName="replicate")
    buckets.iam.delete_role(RoleName=buckets.role["RoleName"])
    buckets.put(EAST, "b", b"1")
    buckets.settle()
    assert buckets.status(EAST, "b") == "FAILED"


@pytest.mark.fidelity(
    service="S3",
    behaviour="an object is replicated without its tags if the role cannot read or replicate tags",
    level="documented",
    source="S3 User Guide, Setting up permissions for live replication",
)
@pytest.mark.parametrize("lacking", ["ReplicateTags", "GetObjectVersionTagging"])
def test_tags_stay_behind_if_the_role_lacks_an_action(buckets: Buckets, lacking: str) -> None:
    buckets.allow(lacking)
    buckets.put(EAST, "a", b"1", Tagging="kind=receipt")
    buckets.settle()
    assert buckets.status(EAST, "a") == "COMPLETED"
    assert buckets.s3[WEST].get_object_tagging(Bucket=buckets.name[WEST], Key="a")["TagSet"] == []


@pytest.mark.fidelity(
    service="S3",
    behaviour="delete markers are replicated only if the role has s3:ReplicateDelete",
    level="documented",
    source="S3 User Guide, Setting up permissions for live replication",
)
def test_a_delete_marker_stays_behind_if_the_role_lacks_the_action(buckets: Buckets) -> None:
    buckets.put(EAST, "a", b"1")
    buckets.settle()
    buckets.allow("ReplicateDelete")
    buckets.s3[EAST].delete_object(Bucket=buckets.name[EAST], Key="a")
    buckets.settle()
    assert buckets.status(EAST, "a") is None
    assert buckets.status(WEST, "a") == "REPLICA"


@pytest.mark.fidelity(
    service="S3",
    behaviour="OperationsFailedReplication counts failures in the source region, for rules with metrics",
    level="approximated",
    source="S3 User Guide, Monitoring replication with metrics, event notifications, and statuses",
    note="BytesPendingReplication, OperationsPendingReplication and ReplicationLatency are not published",
)
def test_failures_are_counted_in_the_source_s_region(buckets: Buckets, aws: Callable[..., Any]) -> None:
    dimensions = {
        "SourceBucket": buckets.name[EAST], "DestinationBucket": buckets.name[WEST], "RuleId": "all",
    }  # fmt: skip

    def failures(region: str) -> float:
        now = buckets.clock.now()
        points = aws("cloudwatch", region).get_metric_statistics(
            Namespace="AWS/S3",
            MetricName="OperationsFailedReplication",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - 3600,
            EndTime=now + 3600,
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    buckets.allow("ReplicateObject")
    buckets.put(EAST, "a", b"1")
    buckets.settle()
    assert failures(EAST) == 0.0
    buckets.replicate(EAST, WEST, metrics=True)
    for key in ("b", "c"):
        buckets.put(EAST, key, b"1")
    buckets.settle()
    assert (failures(EAST), failures(WEST)) == (2.0, 0.0)


@pytest.mark.fidelity(
    service="S3",
    behaviour="replication needs versioning on both buckets, and a destination that exists",
    level="documented",
    source="S3 User Guide, Requirements and considerations for replication",
)
def test_a_replication_that_cannot_be_is_refused(sandbox: Status, aws: Callable[..., Any]) -> None:
    s3, names = aws("s3", EAST), [f"copies-refused-{one}" for one in ("source", "destination")]
    for name in names:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": EAST})

    def replicate(destination: str) -> tuple[str, str]:
        rule = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": f"arn:aws:s3:::{destination}"}}
        order = {"Role": "arn:aws:iam::000000000000:role/none", "Rules": [rule]}
        return refused(s3.put_bucket_replication, Bucket=names[0], ReplicationConfiguration=order)

    assert replicate(names[1]) == (
        "InvalidRequest",
        "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
    )
    s3.put_bucket_versioning(Bucket=names[0], VersioningConfiguration={"Status": "Enabled"})
    assert replicate(names[1]) == ("InvalidRequest", "Destination bucket must have versioning enabled.")
    assert replicate(f"{names[1]}-nothere") == ("InvalidRequest", "Destination bucket must exist.")


@pytest.mark.fidelity(
    service="S3",
    behaviour="versioning cannot be suspended while a bucket has replication rules",
    level="documented",
    source="S3 User Guide, Additional replication configurations: replication and versioning",
)
def test_versioning_stays_while_a_bucket_replicates(buckets: Buckets) -> None:
    s3, bucket = buckets.s3[EAST], buckets.name[EAST]
    suspended = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}}
    code, message = refused(s3.put_bucket_versioning, **suspended)
    assert code == "InvalidBucketState"
    assert message.startswith("A replication configuration is present on this bucket, so you cannot change")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_bucket_replication(Bucket=bucket)
    s3.put_bucket_versioning(**suspended)
