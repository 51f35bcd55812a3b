"""Two buckets that replicate to each other, and the role by which S3 does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from drlib.sandbox.process.state import Status

from .outages import EAST, WEST, Outages

PRINCIPAL = "s3.amazonaws.com"
OF_BUCKETS = ("GetReplicationConfiguration", "ListBucket")
OF_OBJECTS = (
    "GetObjectVersionForReplication", "GetObjectVersionAcl", "GetObjectVersionTagging",
    "ReplicateObject", "ReplicateDelete", "ReplicateTags",
)  # fmt: skip


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
