"""Buckets and their configurations, which are separate resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from drlib.sandbox.provider.clients import code_of
from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties, json_text

PURGES = 10
"""Number of times that a bucket is emptied before its deletion fails."""


class Bucket(Resource):
    """`aws.s3.Bucket`; its id is its name. Its configurations are separate resources."""

    type = "aws:s3/bucket:Bucket"
    service = "s3"
    tagged = True
    names = "bucket forceDestroy objectLockEnabled"
    required = ("bucket",)
    replaces = ("bucket", "objectLockEnabled")
    write_only = ("forceDestroy", "objectLockEnabled")
    name = "bucket"

    def create(self, call: Call, inputs: Properties) -> Made:
        request: Properties = {"Bucket": inputs["bucket"]}
        if call.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": call.region}
        if inputs.get("objectLockEnabled"):
            request["ObjectLockEnabledForBucket"] = True
        call.client("s3").create_bucket(**request)
        return Made(inputs["bucket"], Reading({}, self._computed(call, inputs["bucket"])))

    @staticmethod
    def _computed(call: Call, id: str) -> Properties:
        return {
            "arn": f"arn:aws:s3:::{id}",
            "bucketDomainName": f"{id}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{id}.s3.{call.region}.amazonaws.com",
            "bucketRegion": call.region,
        }

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        if inputs.get("tags"):
            self._tag(call, id, inputs["tags"])

    @staticmethod
    def _tag(call: Call, id: str, tags: Mapping[str, Any]) -> None:
        if tags:
            call.client("s3").put_bucket_tagging(Bucket=id, Tagging={"TagSet": tag_list(tags)})
        else:
            call.client("s3").delete_bucket_tagging(Bucket=id)

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        s3 = call.client("s3")
        s3.head_bucket(Bucket=id)
        try:
            tags = tags_from(s3.get_bucket_tagging(Bucket=id)["TagSet"])
        except ClientError as error:
            if code_of(error) != "NoSuchTagSet":
                raise
            tags = {}
        return Reading({"bucket": id, "tags": tags}, self._computed(call, id))

    def update(self, call: Call, change: Change) -> None:
        if change.touches("tags"):
            self._tag(call, change.id, change.tags_to_set)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        """Delete the bucket. With `forceDestroy`, empty it, and repeat while replicated objects arrive.
        The AWS provider does the same, without a limit."""
        left = PURGES if state.get("forceDestroy") else 0
        while True:
            try:
                call.client("s3").delete_bucket(Bucket=id)
                return
            except ClientError as error:
                if code_of(error) != "BucketNotEmpty" or not left:
                    raise
            _purge(call, id)
            left -= 1


def _purge(call: Call, bucket: str) -> None:
    """Delete all versions and delete markers, a thousand at a time."""
    s3 = call.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


class Configuration(Resource):
    """A configuration of a bucket, with one Put, Get and Delete operation; its id is the bucket's name.

    `within` is the member of Put's request that takes the inputs, `inside` that of Get's answer ("" if flat).
    """

    service = "s3"
    names = "bucket"
    required: ClassVar[tuple[str, ...]] = ("bucket",)
    replaces = ("bucket",)
    put: ClassVar[str]
    get: ClassVar[str]
    drop: ClassVar[str]
    inside: ClassVar[str] = ""

    def _put(self, call: Call, bucket: str, inputs: Mapping[str, Any]) -> None:
        content = self.request(call, inputs)
        getattr(call.client("s3"), self.put)(Bucket=bucket, **{self.within: content})

    def create(self, call: Call, inputs: Properties) -> Made:
        self._put(call, inputs["bucket"], inputs)
        return Made(inputs["bucket"], Reading())

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        answer = getattr(call.client("s3"), self.get)(Bucket=id)
        content = answer[self.inside] if self.inside else answer
        raw = {key: value for key, value in content.items() if key != "ResponseMetadata"}
        return Reading({**raw, "bucket": id})

    def update(self, call: Call, change: Change) -> None:
        self._put(call, change.id, change.news)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        getattr(call.client("s3"), self.drop)(Bucket=id)


class BucketVersioning(Configuration):
    """`aws.s3.BucketVersioning`. Versioning cannot be removed: deletion suspends it."""

    type = "aws:s3/bucketVersioning:BucketVersioning"
    names = "bucket versioningConfiguration.status"
    required = ("bucket", "versioningConfiguration")

    def _put(self, call: Call, bucket: str, inputs: Mapping[str, Any]) -> None:
        self._status(call, bucket, inputs["versioningConfiguration"]["status"])

    @staticmethod
    def _status(call: Call, bucket: str, status: str) -> None:
        call.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        status = call.client("s3").get_bucket_versioning(Bucket=id).get("Status")
        return Reading({"bucket": id, "versioningConfiguration": {"status": status}}) if status else None

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        self._status(call, id, "Suspended")


class BucketPublicAccessBlock(Configuration):
    """`aws.s3.BucketPublicAccessBlock`."""

    type = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    shape, within = "PutPublicAccessBlock", "PublicAccessBlockConfiguration"
    inside = within
    put, get, drop = "put_public_access_block", "get_public_access_block", "delete_public_access_block"
    defaults = dict.fromkeys(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False
    )


class BucketOwnershipControls(Configuration):
    """`aws.s3.BucketOwnershipControls`."""

    type = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    shape, within = "PutBucketOwnershipControls", "OwnershipControls"
    inside = within
    renames = {"rule": "Rules"}
    required = ("bucket", "rule")
    put, get, drop = (
        "put_bucket_ownership_controls",
        "get_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
    )


class BucketServerSideEncryptionConfiguration(Configuration):
    """`aws.s3.BucketServerSideEncryptionConfiguration`."""

    type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    shape, within = "PutBucketEncryption", "ServerSideEncryptionConfiguration"
    inside = within
    required = ("bucket", "rules")
    put, get, drop = "put_bucket_encryption", "get_bucket_encryption", "delete_bucket_encryption"


class BucketLifecycleConfiguration(Configuration):
    """`aws.s3.BucketLifecycleConfiguration`."""

    type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    shape, within = "PutBucketLifecycleConfiguration", "LifecycleConfiguration"
    required = ("bucket", "rules")
    put, get, drop = (
        "put_bucket_lifecycle_configuration",
        "get_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
    )

    def _put(self, call: Call, bucket: str, inputs: Mapping[str, Any]) -> None:
        content = self.request(call, inputs)
        for rule in content["Rules"]:
            if "Prefix" not in rule and not rule.get("Filter"):
                rule["Filter"] = {"Prefix": ""}  # AWS requires a filter; this one matches every object
        call.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=content)


class BucketReplicationConfig(Configuration):
    """`aws.s3.BucketReplicationConfig`."""

    type = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
    shape, within = "PutBucketReplication", "ReplicationConfiguration"
    inside = within
    required = ("bucket", "role", "rules")
    put, get, drop = "put_bucket_replication", "get_bucket_replication", "delete_bucket_replication"


class BucketPolicy(Configuration):
    """`aws.s3.BucketPolicy`."""

    type = "aws:s3/bucketPolicy:BucketPolicy"
    names = "bucket policy"
    required = ("bucket", "policy")
    get, drop = "get_bucket_policy", "delete_bucket_policy"

    def _put(self, call: Call, bucket: str, inputs: Mapping[str, Any]) -> None:
        call.client("s3").put_bucket_policy(Bucket=bucket, Policy=json_text(inputs["policy"]))


TYPES = (
    Bucket,
    BucketVersioning,
    BucketPublicAccessBlock,
    BucketOwnershipControls,
    BucketServerSideEncryptionConfiguration,
    BucketLifecycleConfiguration,
    BucketReplicationConfig,
    BucketPolicy,
)
