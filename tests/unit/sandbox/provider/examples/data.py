"""Tables and buckets."""

from __future__ import annotations

from typing import Any

from ..engine import PRIMARY, STANDBY, Engine, Inputs
from .base import ACCOUNT, Example, deny, regional
from .parts import bucket, role, versioned


def _table(engine: Engine) -> Inputs:
    return regional(
        name="example-table",
        hashKey="pk",
        rangeKey="sk",
        attributes=[{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
        billingMode="PAY_PER_REQUEST",
        streamEnabled=True,
        streamViewType="NEW_AND_OLD_IMAGES",
        pointInTimeRecovery={"enabled": True},
        serverSideEncryption={"enabled": True},
        deletionProtectionEnabled=False,
        ttl={"attributeName": "expires_at", "enabled": True},
        replicas=[{"regionName": STANDBY, "pointInTimeRecovery": True, "propagateTags": True}],
        tags={"team": "payments"},
    )


TABLES = {
    "aws:dynamodb/table:Table": Example(
        _table,
        change={
            "pointInTimeRecovery": {"enabled": False},
            "replicas": [{"regionName": STANDBY, "pointInTimeRecovery": False, "propagateTags": True}],
            "tags": {"stage": "drill"},
        },
        replacement={"rangeKey": "other"},
        drift=lambda client, id, state: client("dynamodb", STANDBY).update_continuous_backups(
            TableName=id, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        ),
        drifted="replicas",
        also=("rangeKey",),
        delete_first=True,
    ),
}


def _replication(engine: Engine) -> Inputs:
    source, target = versioned(engine, "example-source"), versioned(engine, "example-target", STANDBY)
    rule_inputs = {
        "id": "receipts",
        "status": "Enabled",
        "priority": 1,
        "filter": {"prefix": ""},
        "deleteMarkerReplication": {"status": "Enabled"},
        "destination": {
            "bucket": f"arn:aws:s3:::{target}",
            "metrics": {"status": "Enabled", "eventThreshold": {"minutes": 15}},
            "replicationTime": {"status": "Enabled", "time": {"minutes": 15}},
        },
        "sourceSelectionCriteria": {"replicaModifications": {"status": "Enabled"}},
    }
    return regional(bucket=source, role=role(engine, "example-replication")["arn"], rules=[rule_inputs])


def _lifecycle(days: int) -> list[Inputs]:
    return [
        {
            "id": "old-versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrentVersionExpiration": {"noncurrentDays": days},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
        }
    ]


def _bucket_policy(engine: Engine) -> Inputs:
    made = bucket(engine)
    return regional(bucket=made, policy=deny(f"arn:aws:s3:::{made}/*", "s3:*"))


BUCKETS = {
    "aws:s3/bucket:Bucket": Example(
        lambda engine: regional(bucket="example-own-bucket", forceDestroy=True, tags={"team": "payments"}),
        change={"tags": {"stage": "drill"}},
        replacement={"bucket": "example-other-bucket"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_tagging(
            Bucket=id, Tagging={"TagSet": [{"Key": "added", "Value": "outside"}]}
        ),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Example(
        lambda engine: regional(bucket=bucket(engine), versioningConfiguration={"status": "Enabled"}),
        change={"versioningConfiguration": {"status": "Suspended"}},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_versioning(
            Bucket=id, VersioningConfiguration={"Status": "Suspended"}
        ),
        drifted="versioningConfiguration",
        survives=True,
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Example(
        lambda engine: regional(bucket=bucket(engine), blockPublicAcls=True, blockPublicPolicy=True),
        change={"ignorePublicAcls": True},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_public_access_block(
            Bucket=id, PublicAccessBlockConfiguration={"BlockPublicAcls": False, "BlockPublicPolicy": True}
        ),
        drifted="blockPublicAcls",
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Example(
        lambda engine: regional(bucket=bucket(engine), rule={"objectOwnership": "BucketOwnerEnforced"}),
        change={"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_ownership_controls(
            Bucket=id, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        ),
        drifted="rule",
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Example(
        lambda engine: regional(
            bucket=bucket(engine), rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
        ),
        change={
            "rules": [
                {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}
            ]
        },
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_encryption(
            Bucket=id,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
        ),
        drifted="rules",
        survives=True,
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Example(
        lambda engine: regional(bucket=versioned(engine, "example-bucket"), rules=_lifecycle(30)),
        change={"rules": _lifecycle(60)},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_lifecycle_configuration(
            Bucket=id,
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": "old-versions",
                        "Status": "Disabled",
                        "Filter": {"Prefix": ""},
                        "Expiration": {"Days": 1},
                    }
                ]
            },
        ),
        drifted="rules",
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": Example(
        _replication,
        change={"role": f"arn:aws:iam::{ACCOUNT}:role/other"},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: _pause_replication(client, id),
        drifted="rules",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Example(
        _bucket_policy,
        change={"policy": deny("arn:aws:s3:::example-bucket", "s3:ListBucket")},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_policy(
            Bucket=id, Policy=deny(f"arn:aws:s3:::{id}", "s3:GetBucketPolicy")
        ),
        drifted="policy",
    ),
}


def _pause_replication(client: Any, bucket_name: str) -> None:
    s3 = client("s3", PRIMARY)
    configuration = s3.get_bucket_replication(Bucket=bucket_name)["ReplicationConfiguration"]
    configuration["Rules"][0]["Status"] = "Disabled"
    s3.put_bucket_replication(Bucket=bucket_name, ReplicationConfiguration=configuration)
