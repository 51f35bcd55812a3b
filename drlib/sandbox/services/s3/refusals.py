"""Replication requests that S3 refuses, and the permissions that a replication role needs.

S3 checks a configuration when it is put. It checks the permissions of the role when it replicates an object
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
"""Whether a role allows an action on a resource."""


def destinations(arns: Iterable[str], exists: Callable[[str], bool]) -> str | None:
    """Return why replication to these buckets is refused, or None. `exists` takes a bucket name."""
    return None if all(exists(bucket_name(arn)) for arn in arns) else NO_DESTINATION


def versioning(status: str, *, replicates: bool) -> str | None:
    """Return why a bucket's versioning cannot become `status`, or None."""
    return VERSIONING_NEEDED if replicates and status != "Enabled" else None


def bucket_name(arn: str) -> str:
    """Return the bucket name from an ARN or a name."""
    return arn.rpartition(":::")[2]


def missing_object_permissions(allowed: Allowed, source: str, destination: str, key: str) -> list[str]:
    """Return the actions that a role lacks to replicate an object; buckets are given by name."""
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
    """Return the actions that a role lacks to replicate the tags of an object."""
    needed = (
        ("s3:GetObjectVersionTagging", f"arn:aws:s3:::{source}/{key}"),
        ("s3:ReplicateTags", f"arn:aws:s3:::{destination}/{key}"),
    )
    return [action for action, resource in needed if not allowed(action, resource)]


def can_replicate_marker(allowed: Allowed, destination: str, key: str) -> bool:
    """Return whether a role may replicate a delete marker."""
    return allowed("s3:ReplicateDelete", f"arn:aws:s3:::{destination}/{key}")
