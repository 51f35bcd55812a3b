"""Two buckets that replicate to each other: statuses, order, delete markers, and an outage."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox import Status

from .outages import EAST, WEST, Control, Outages
from .refused import refused

PRINCIPAL = "s3.amazonaws.com"
OF_BUCKETS = ("GetReplicationConfiguration", "ListBucket")
OF_OBJECTS = (
    "GetObjectVersionForReplication", "GetObjectVersionAcl", "GetObjectVersionTagging",
    "ReplicateObject", "ReplicateDelete", "ReplicateTags",
)  # fmt: skip

_numbers = itertools.count()


def trusting(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Buckets:
    """A bucket in each region; both replicate everything to the other."""

    def __init__(self, status: Status, aws: Callable[..., Any], outages: Outages, name: str) -> None:
        self.clock = status.clock
        self._outages = outages
        self.s3 = {region: aws("s3", region) for region in (EAST, WEST)}
        self.iam = aws("iam")
        self.name = {region: f"{name}-{region}" for region in self.s3}
        self.role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(PRINCIPAL))["Role"]
        self.allow()
        for region, client in self.s3.items():
            client.create_bucket(
                Bucket=self.name[region], CreateBucketConfiguration={"LocationConstraint": region}
            )
            client.put_bucket_versioning(
                Bucket=self.name[region], VersioningConfiguration={"Status": "Enabled"}
            )
        self.replicate(EAST, WEST)
        self.replicate(WEST, EAST)

    def replicate(self, source: str, target: str, *, metrics: bool = False, **filters: Any) -> None:
        rule = {
            "ID": "all",
            "Priority": 1,
            "Status": "Enabled",
            "Filter": filters or {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled" if "Tag" in filters else "Enabled"},
            "Destination": {
                "Bucket": f"arn:aws:s3:::{self.name[target]}",
                **({"Metrics": {"Status": "Enabled"}} if metrics else {}),
            },
        }
        self.s3[source].put_bucket_replication(
            Bucket=self.name[source],
            ReplicationConfiguration={"Role": self.role["Arn"], "Rules": [rule]},
        )

    def allow(self, *but: str) -> None:
        """Let the role do all that replication takes, but for some actions."""
        buckets = [f"arn:aws:s3:::{name}" for name in self.name.values()]
        statements = [
            {
                "Effect": "Allow",
                "Action": [f"s3:{action}" for action in actions if action not in but],
                "Resource": resources,
            }
            for actions, resources in (
                (OF_BUCKETS, buckets),
                (OF_OBJECTS, [f"{bucket}/*" for bucket in buckets]),
            )
        ]
        self.iam.put_role_policy(
            RoleName=self.role["RoleName"],
            PolicyName="replicate",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    def put(self, region: str, key: str, body: bytes, **options: Any) -> str:
        answer = self.s3[region].put_object(Bucket=self.name[region], Key=key, Body=body, **options)
        return str(answer["VersionId"])

    def status(self, region: str, key: str, **options: Any) -> str | None:
        """Return the replication status; None if the object is not there."""
        try:
            answer = self.s3[region].head_object(Bucket=self.name[region], Key=key, **options)
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
            return None
        return str(answer.get("ReplicationStatus", ""))

    def body(self, region: str, key: str) -> bytes:
        return bytes(self.s3[region].get_object(Bucket=self.name[region], Key=key)["Body"].read())

    def versions(self, region: str, key: str) -> list[dict[str, Any]]:
        answer = self.s3[region].list_object_versions(Bucket=self.name[region], Prefix=key)
        return [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]

    def backlog(self) -> dict[str, int]:
        return self._outages.backlog("s3")

    def settle(self) -> None:
        while any(self.backlog().values()):
            self.clock.sleep(0.2)


@pytest.fixture
def outages(control: Control) -> Iterator[Outages]:
    regions = Outages(control)
    yield regions
    regions.heal_all()


@pytest.fixture
def buckets(sandbox: Status, aws: Callable[..., Any], outages: Outages) -> Buckets:
    return Buckets(sandbox, aws, outages, f"copies-{next(_numbers)}")


@pytest.mark.fidelity(
    service="S3",
    behaviour="the replication status is PENDING, COMPLETED or FAILED, and REPLICA at the destination",
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
    note="after a lag with jitter that is a parameter; AWS says: mostly within 15 minutes",
)
def test_a_copy_arrives_after_the_lag(buckets: Buckets, sandbox: Status) -> None:
    before = buckets.clock.now()
    buckets.put(WEST, "a", b"1")
    while buckets.status(EAST, "a") is None:
        buckets.clock.sleep(0.2)
    assert buckets.clock.now() - before >= sandbox.replication_lag_seconds / 2


@pytest.mark.fidelity(
    service="S3",
    behaviour="a replica is not replicated again",
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
    behaviour="delete markers are replicated if the rule says so; deletes of a version are not",
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
    behaviour="an object that the destination cannot take is FAILED",
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
    behaviour="only new objects that an enabled rule covers are replicated",
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


@pytest.mark.fidelity(
    service="S3",
    behaviour="an object is FAILED if the role lacks an action; the configuration itself is not refused",
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
    behaviour="an object goes without its tags if the role may not read or replicate tags",
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
    behaviour="a delete marker is replicated only if the role may ReplicateDelete",
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
    behaviour="OperationsFailedReplication counts failures in the source's region, for rules with metrics",
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
    behaviour="replication needs versioning in both buckets, and a destination that exists",
    level="documented",
    source="S3 User Guide, Requirements and considerations for replication",
)
def test_a_replication_that_cannot_be_is_refused(sandbox: Status, aws: Callable[..., Any]) -> None:
    number = next(_numbers)
    s3, names = aws("s3", EAST), [f"copies-refused-{number}-{one}" for one in ("source", "destination")]
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
    behaviour="versioning cannot be suspended while a bucket replicates",
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
