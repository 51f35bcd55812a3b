"""Rules on tables and buckets: replication, versioning, encryption, TLS, protection."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drlib.stack.plan import PlannedResource
from drlib.stack.rules.planned import Planned, statements
from drlib.stack.rules.rule import rule

BUCKET, TABLE = "s3/bucket:Bucket", "dynamodb/table:Table"
REPLICATION = "s3/bucketReplicationConfig:BucketReplicationConfig"
VERSIONING = "s3/bucketVersioning:BucketVersioning"
BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@rule(
    "data-kept",
    "critical",
    requires="no table and no bucket is replaced or deleted, unless the parameter delete_data names it",
    source="Pulumi documentation, Resource option: protect (a replacement deletes the old resource)",
    fix="Undo the change that replaces it. If its data may go, write its name into delete_data.",
)
def kept(planned: Planned) -> Iterator[str]:
    allowed = set(re.split(r"[,\s]+", planned.settings.delete_data))
    for found in planned.removed:
        if found.type in (f"aws:{TABLE}", f"aws:{BUCKET}") and not allowed & _names(found):
            change = f" (for {', '.join(found.changed)})" if found.changed else ""
            yield f"{found.name} would be {found.op}d with all its data{change}"


@rule(
    "s3-versioning",
    "critical",
    requires="both buckets of a replication have versioning on before it is configured",
    source="Amazon S3 User Guide, Requirements and considerations for replication",
    fix="Enable versioning on both, and let the replication depend on both.",
)
def versioning(planned: Planned) -> Iterator[str]:
    for config in planned.of(REPLICATION):
        for bucket in _replicated(planned, config):
            found = [
                one
                for one in planned.users(bucket, "bucket", VERSIONING)
                if (one.inputs.get("versioningConfiguration") or {}).get("status") == "Enabled"
            ]
            if not found:
                yield f"{bucket.name} has no versioning, and {config.name} replicates it"
            elif not any(planned.waits_for(config, one) for one in found):
                yield f"{config.name} does not wait for the versioning of {bucket.name}"


@rule(
    "s3-encryption",
    "high",
    requires="every bucket says how it encrypts",
    source="Amazon S3 User Guide, Setting default server-side encryption behavior",
    fix="Add a server-side encryption configuration.",
)
def encryption(planned: Planned) -> Iterator[str]:
    kind = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    for bucket in planned.of(BUCKET):
        if not planned.users(bucket, "bucket", kind):
            yield f"{bucket.name} has no encryption configuration"


@rule(
    "s3-closed",
    "high",
    requires="every bucket blocks public access in all four ways",
    source="Amazon S3 User Guide, Blocking public access to your Amazon S3 storage",
    fix="Add a public access block with all four settings on.",
)
def not_public(planned: Planned) -> Iterator[str]:
    for bucket in planned.of(BUCKET):
        blocks = planned.users(bucket, "bucket", "s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
        if not any(all(one.inputs.get(name) is True for name in BLOCKS) for one in blocks):
            yield f"{bucket.name} may become public"


@rule(
    "tls-only",
    "high",
    requires="buckets, queues and event topics refuse what does not come by TLS",
    source="Amazon S3 User Guide, Security best practices: enforce encryption of data in transit",
    fix="Deny every action where aws:SecureTransport is false, in the resource's own policy.",
)
def tls_only(planned: Planned) -> Iterator[str]:
    guarded = (
        (BUCKET, "bucket", "s3/bucketPolicy:BucketPolicy"),
        ("sqs/queue:Queue", "queueUrl", "sqs/queuePolicy:QueuePolicy"),
    )
    for kind, name, policy in guarded:
        for one in planned.of(kind):
            if not any(_denies_plain_text(found) for found in planned.users(one, name, policy)):
                yield f"{one.name} takes requests without TLS"


@rule(
    "dynamodb-recovery",
    "high",
    requires="the table and each replica keep point-in-time recovery, and are encrypted",
    source="DynamoDB Developer Guide, Point-in-time backups: replicas have recovery of their own",
    fix="Turn point-in-time recovery on for the table and for each replica.",
)
def recovery(planned: Planned) -> Iterator[str]:
    for table in planned.of(TABLE):
        if (table.inputs.get("pointInTimeRecovery") or {}).get("enabled") is not True:
            yield f"{table.name} has no point-in-time recovery"
        if (table.inputs.get("serverSideEncryption") or {}).get("enabled") is not True:
            yield f"{table.name} does not say that it is encrypted"
        for replica in table.inputs.get("replicas") or ():
            if replica.get("pointInTimeRecovery") is not True:
                yield f"{table.name} has no point-in-time recovery in {replica.get('regionName')}"


@rule(
    "dynamodb-replica",
    "critical",
    requires="the table is replicated to the other region, and streams new and old images",
    source="DynamoDB Developer Guide, Global tables: how it works",
    fix="List the standby region, and never the table's own, among its replicas; turn the stream on.",
)
def replica(planned: Planned) -> Iterator[str]:
    both = {planned.settings.primary_region, planned.settings.standby_region}
    for table in planned.of(TABLE):
        replicas = [one.get("regionName") for one in table.inputs.get("replicas") or ()]
        if table.region in replicas:
            yield f"{table.name} lists its own region {table.region} as a replica"
        if missing := both - {table.region, *replicas}:
            yield f"{table.name} has no replica in {', '.join(sorted(missing))}"
        if table.inputs.get("streamViewType") != "NEW_AND_OLD_IMAGES":
            yield f"{table.name} does not stream new and old images"


@rule(
    "dynamodb-protected",
    "high",
    requires="on aws, the table and its replicas are protected against deletion, but for a drill's own stack",
    source="DynamoDB Developer Guide, Using deletion protection to protect your table",
    fix="Turn deletion protection on, for the table and for each replica: each has its own.",
)
def protected(planned: Planned) -> Iterator[str]:
    settings = planned.settings
    if settings.target != "aws" or settings.suffix.startswith("drill"):
        return
    for table in planned.of(TABLE):
        if table.inputs.get("deletionProtectionEnabled") is not True:
            yield f"{table.name} is not protected"
        for one in table.inputs.get("replicas") or ():
            if one.get("deletionProtectionEnabled") is not True:
                yield f"{table.name} is not protected in {one.get('regionName')}"


def _replicated(planned: Planned, config: PlannedResource) -> Iterator[PlannedResource]:
    yield from planned.sources(config, "bucket", BUCKET)
    yield from planned.sources(config, "rules", BUCKET)


def _denies_plain_text(policy: PlannedResource) -> bool:
    return any(
        found.effect == "Deny"
        and found.principal in ("*", {"AWS": "*"})
        and str(found.condition.get("Bool", {}).get("aws:SecureTransport")).lower() == "false"
        for found in statements(policy, "policy")
    )


def _names(found: PlannedResource) -> set[str]:
    """Return the names by which a person may know a resource: the program's, and AWS's."""
    return {found.name, *(str(found.inputs[key]) for key in ("name", "bucket") if found.inputs.get(key))}
