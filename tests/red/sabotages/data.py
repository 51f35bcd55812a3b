"""Sabotages of the data: recovery, replication, who may read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.red.stage import Sabotages, Stage

CASES = Sabotages()


@contextmanager
def rule_off(stage: Stage, role: str) -> Iterator[None]:
    """Disable the replication rule of a region's bucket."""
    s3, bucket = stage.client("s3", role), stage.outputs(role).bucket
    before = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    off = {**before, "Rules": [{**rule, "Status": "Disabled"} for rule in before["Rules"]]}
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=off)
    yield
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=before)


@CASES.case("the standby's replica has no point-in-time recovery", red=["the-table-can-be-restored-standby"])
def no_recovery(stage: Stage) -> Iterator[None]:
    dynamodb, table = stage.client("dynamodb", "standby"), stage.deployment.table
    for enabled in (False, True):
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
        )
        if not enabled:
            yield


@CASES.case(
    "the replication rule of the primary's receipts is disabled",
    red=["receipts-are-replicated-primary", "its-receipt-is-in-the-bucket-standby"],
)
def receipts_stay(stage: Stage) -> Iterator[None]:
    with rule_off(stage, "primary"):
        yield


@CASES.case(
    "the replication rule of the standby's receipts is disabled", red=["receipts-are-replicated-standby"]
)
def receipts_of_a_takeover_stay(stage: Stage) -> Iterator[None]:
    with rule_off(stage, "standby"):
        yield


@CASES.case(
    "versioning is suspended on the standby's bucket, so receipts are replicated neither to it nor from it",
    red=["receipts-are-replicated-standby", "its-receipt-is-in-the-bucket-standby"],
    echo=["no-alarm-rings-primary"],
)
def versioning_suspended(stage: Stage) -> Iterator[None]:
    s3, bucket = stage.client("s3", "standby"), stage.outputs("standby").bucket
    before = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    s3.delete_bucket_replication(Bucket=bucket)  # while it is there, versioning cannot be suspended
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    yield
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=before)


@CASES.case(
    "the replication of the table and the receipts to the standby stalls",
    red=[
        "replication-to-standby",
        "its-records-are-in-the-table-standby",
        "its-receipt-is-in-the-bucket-standby",
    ],
    echo=["no-alarm-rings-primary", "work-queue-drained-standby"],
)
def replication_stalled(stage: Stage) -> Iterator[None]:
    cut = {"kind": "cut", "source": stage.region("primary"), "target": stage.region("standby")}
    cut["services"] = ["dynamodb", "s3"]
    stage.here.impair("red-stall", cut, deadline_seconds=3600.0)
    yield
    stage.here.restore("red-stall")


@CASES.case(
    "the public access block of the standby's receipts is deleted",
    red=["receipts-are-closed-to-the-public-standby"],
)
def open_to_the_public(stage: Stage) -> Iterator[None]:
    s3, bucket = stage.client("s3", "standby"), stage.outputs("standby").bucket
    before = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=bucket)
    yield
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=before)
