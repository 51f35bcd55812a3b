"""Checks that the data are replicated, can be restored, and are not public."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target


def has_point_in_time_recovery(here: Target, deployment: Deployment, region: str) -> str:
    """Require point-in-time recovery in the region's replica, because replication copies mistakes, too."""
    found = here.client("dynamodb", region).describe_continuous_backups(TableName=deployment.table)
    recovery = found["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        raise Failed("point-in-time recovery is off", region=region)
    return "to any second"


def bucket_replicates(here: Target, deployment: Deployment, region: str) -> str:
    """Require that the bucket is versioned, and that an enabled rule replicates it to the other region's."""
    other = next(name for name in deployment.regions if name != region)
    bucket, target = deployment.regions[region].bucket, deployment.regions[other].bucket
    s3 = here.client("s3", region)
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise Failed("versioning of the bucket is off", region=region)
    try:
        rules = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ReplicationConfigurationNotFoundError":
            raise
        rules = []
    on = [rule for rule in rules if rule["Status"] == "Enabled"]
    if not any(rule["Destination"]["Bucket"].endswith(f":::{target}") for rule in on):
        raise Failed(f"no enabled rule replicates receipts to {other}", region=region)
    return f"to {other}"


def public_access_blocked(here: Target, deployment: Deployment, region: str) -> str:
    """Require that the bucket blocks public access, by access control lists and by policies."""
    bucket = deployment.regions[region].bucket
    try:
        found = here.client("s3", region).get_public_access_block(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        raise Failed("its public access block is gone", region=region) from None
    off = sorted(name for name, on in found["PublicAccessBlockConfiguration"].items() if not on)
    if off:
        raise Failed(f"{', '.join(off)} is off", region=region)
    return "to the public"
