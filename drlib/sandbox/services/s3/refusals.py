"""What S3 refuses of a replication, and what it needs of the replication's role.

The configuration is checked when it is put; what its role may do is not, until an object is to be replicated
(S3 User Guide, "Setting up permissions for live replication" and "Getting replication status information").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

NO_DESTINATION = "Destination bucket must exist."
VERSIONING_NEEDED = (
    "A replication configuration is present on this bucket, so you cannot change the versioning state. "
    "To change the versioning state, first delete the replication configuration."
)

Allowed = Callable[[str, str], bool]
"""Whether a role may do an action to a resource."""


def destinations(arns: Iterable[str], exists: Callable[[str], bool]) -> str | None:
    """Say why replication to these buckets cannot be configured. `exists` is asked for a bucket's name."""
    return None if all(exists(bucket_name(arn)) for arn in arns) else NO_DESTINATION


def versioning(status: str, *, replicates: bool) -> str | None:
    """Say why a bucket's versioning cannot become `status`."""
    return VERSIONING_NEEDED if replicates and status != "Enabled" else None


def bucket_name(arn: str) -> str:
    """Return the name of a bucket that is given by its ARN or its name."""
    return arn.rpartition(":::")[2]


def missing_object_permissions(allowed: Allowed, source: str, destination: str, key: str) -> list[str]:
    """Return the actions without which a role cannot replicate an object; names of buckets are given."""
    source_arn, destination_arn = f"arn:aws:s3:::{source}", f"arn:aws:s3:::{destination}"
    needed = (
        ("s3:GetReplicationConfiguration", source_arn),
        ("s3:ListBucket", source_arn),
        ("s3:GetObjectVersionForReplication", f"{source_arn}/{key}"),
        ("s3:GetObjectVersionAcl", f"{source_arn}/{key}"),
        ("s3:ReplicateObject", f"{destination_arn}/{key}"),
    )
    return [action for action, resource in needed if not allowed(action, resource)]


def missing_tag_permissions(allowed: Allowed, source: str, destination: str, key: str) -> list[str]:
    """Return the actions without which an object is replicated, and its tags are not."""
    needed = (
        ("s3:GetObjectVersionTagging", f"arn:aws:s3:::{source}/{key}"),
        ("s3:ReplicateTags", f"arn:aws:s3:::{destination}/{key}"),
    )
    return [action for action, resource in needed if not allowed(action, resource)]


def can_replicate_marker(allowed: Allowed, destination: str, key: str) -> bool:
    """Say whether a role may replicate a delete marker."""
    return allowed("s3:ReplicateDelete", f"arn:aws:s3:::{destination}/{key}")
