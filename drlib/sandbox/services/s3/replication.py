"""S3 replication between regions: pending, then complete; paused by an outage.

The emulator writes the replica before it answers. Here an object that a replication rule covers is `PENDING`
until the emulator's own function writes its replica, after the lag of
`drlib.sandbox.services.dynamodb.global_tables`. Then the source is `COMPLETED` and the copy is `REPLICA`. The
objects and delete markers of one key arrive in order. A version that is removed before its delivery is not
replicated.

The permissions of the replication role are checked at the delivery: if one is missing, the object is `FAILED`
and `OperationsFailedReplication` counts it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from drlib.sandbox.faults.deliveries import DeliveryQueue
from drlib.sandbox.faults.impairments import GLOBAL_REGION
from drlib.sandbox.faults.in_transit import Route
from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.iam.permissions import Permissions
from drlib.sandbox.services.s3 import refusals
from drlib.sandbox.world import World

log = logging.getLogger("drlib.sandbox")

SERVICE = "s3"
PRINCIPAL = "s3.amazonaws.com"
STORES = (
    "_buckets", "_bucket_replication", "_bucket_versioning", "_object_versions", "_object_tags",
    "_object_annotations",
)  # fmt: skip
"""The emulator's stores that this module reads or writes."""


class ObjectReplication:
    """Replaces the emulator's S3 replication.

    Args:
        world: the world of the buckets.
        delivery_queue: delivers for the service `s3`.
    """

    def __init__(self, world: World, delivery_queue: DeliveryQueue) -> None:
        self._world = world
        self._delivery_queue = delivery_queue
        self._permissions = Permissions()
        self._s3 = emulator.module("services.s3")
        self._responses = emulator.module("core.responses")
        function = partial(internals.function, self._s3)
        self._emulator_replicate = function("_maybe_replicate", "bucket_name", "key", "obj", "data", "tags")
        self._emulator_replicate_marker = function("_maybe_replicate_delete_marker", "bucket_name", "key")
        self._destination = function("_replication_destination", "bucket_name", "key", "rule", "role")
        self._rule_for = function("_replication_rule_for", "bucket_name", "key", "tags")
        self._prefix_of = function("_replication_rule_prefix", "rule")
        self._tags_of = function("_replication_rule_tags", "rule")
        function("_in_account", "account_id")
        for store in STORES:
            emulator.value(self._s3, store, self._responses.AccountScopedDict)
        emulator.replace(self._s3, "_maybe_replicate", self.replicate)
        emulator.replace(self._s3, "_maybe_replicate_delete_marker", self.replicate_delete_marker)

    def replicate(self, bucket_name: str, key: str, obj: dict[str, Any], data: Any, tags: Any = None) -> None:
        """Send an object to the destination of its rule. Replaces `_maybe_replicate`."""
        rule, role = self._rule_for(bucket_name, key, tags)
        if rule is None:
            return
        destination = self._destination(bucket_name, key, rule, role)
        if destination is None:
            obj["replication_status"] = "FAILED"
            self._count_failure(bucket_name, rule)
            return
        obj["replication_status"] = "PENDING"
        deliver = partial(self._deliver, bucket_name, key, obj, data, rule, role)
        self._send(bucket_name, key, destination[2], deliver)

    def replicate_delete_marker(self, bucket_name: str, key: str) -> None:
        """Send a delete marker to the destination of its rule. Replaces `_maybe_replicate_delete_marker`."""
        rule = self._marker_rule(bucket_name, key)
        if rule is None:
            return
        role = self._s3._bucket_replication.get(bucket_name).get("Role", "")
        destination = self._destination(bucket_name, key, rule, role)
        if destination is not None:
            deliver = partial(self._deliver_marker, bucket_name, key, role, destination[0])
            self._send(bucket_name, key, destination[2], deliver)

    def _deliver_marker(self, bucket_name: str, key: str, role: str, destination: str) -> None:
        if refusals.can_replicate_marker(self._allowed(role, bucket_name), destination, key):
            self._emulator_replicate_marker(bucket_name, key)

    def _send(self, bucket_name: str, key: str, target: dict[str, Any], replicate: Any) -> None:
        account = self._responses.get_account_id()
        source = self._s3._buckets.get(bucket_name)
        route = Route(SERVICE, _region(source), _region(target))

        def deliver(now: float) -> None:
            with self._responses.request_scope(account, route.source):
                if self._s3._buckets.get(bucket_name) is source:
                    replicate()

        self._delivery_queue.send(route, (account, bucket_name, key), deliver)

    def _deliver(
        self, bucket_name: str, key: str, obj: dict[str, Any], data: Any, rule: dict[str, Any], role: str
    ) -> None:
        version_id = obj.get("version_id")
        entry = self._version(bucket_name, key, version_id)
        if entry is None:
            return
        allowed, destination = (
            self._allowed(role, bucket_name),
            refusals.bucket_name(rule["Destination"]["Bucket"]),
        )
        tags = self._s3._object_tags.get((bucket_name, key, version_id))
        missing = refusals.missing_object_permissions(allowed, bucket_name, destination, key)
        if missing:
            log.warning("%s is not replicated: %s may not %s", bucket_name, role, ", ".join(missing))
            obj["replication_status"] = "FAILED"
        else:
            self._emulator_replicate(bucket_name, key, obj, data, tags)
        entry["replication_status"] = obj["replication_status"]
        # A version that became current again has a separate record.
        current = self._s3._buckets[bucket_name]["objects"].get(key)
        if current is not None and current.get("version_id") == version_id:
            current["replication_status"] = obj["replication_status"]
        if obj["replication_status"] == "FAILED":
            self._count_failure(bucket_name, rule)
        elif obj["replication_status"] == "COMPLETED":
            missing_for_tags = tags and refusals.missing_tag_permissions(
                allowed, bucket_name, destination, key
            )
            self._copy_tags(bucket_name, key, obj, None if missing_for_tags else tags)

    def _allowed(self, role: str, bucket_name: str) -> refusals.Allowed:
        return self._permissions.role_permissions(
            role,
            service=PRINCIPAL,
            source_arn=f"arn:aws:s3:::{bucket_name}",
            region=self._responses.get_region(),
        )

    def _count_failure(self, bucket_name: str, rule: dict[str, Any]) -> None:
        """Publish a failure in the region of the source, if the rule enables metrics.

        S3 User Guide, "Monitoring replication with metrics".
        """
        from drlib.sandbox.services.cloudwatch import aws_metrics

        destination = rule["Destination"]
        if destination.get("Metrics", {}).get("Status") != "Enabled":
            return
        dimensions = {
            "SourceBucket": bucket_name,
            "DestinationBucket": refusals.bucket_name(destination["Bucket"]),
            "RuleId": rule["ID"],
        }
        region = _region(self._s3._buckets.get(bucket_name))
        aws_metrics.put(
            self._world, region, "AWS/S3", "OperationsFailedReplication", 1.0, dimensions, "Count"
        )

    def _copy_tags(self, bucket_name: str, key: str, obj: dict[str, Any], tags: Any) -> None:
        """Copy the tags and annotations, which the emulator stores separately from the object."""
        replica_bucket, replica_version, replica_account = obj["_replica"]
        annotations = self._s3._object_annotations.get((bucket_name, key, obj["version_id"]))
        with self._s3._in_account(replica_account):
            if tags:
                self._s3._object_tags[replica_bucket, key, replica_version] = dict(tags)
            if annotations:
                self._s3._object_annotations[replica_bucket, key, replica_version] = {
                    name: dict(note, replication_status="REPLICA") for name, note in annotations.items()
                }
        for note in (annotations or {}).values():
            note["replication_status"] = "COMPLETED"

    def _version(self, bucket_name: str, key: str, version_id: str | None) -> dict[str, Any] | None:
        versions: list[dict[str, Any]] = self._s3._object_versions.get((bucket_name, key)) or []
        return next((version for version in versions if version["version_id"] == version_id), None)

    def _marker_rule(self, bucket_name: str, key: str) -> dict[str, Any] | None:
        """Return the rule that replicates delete markers of `key`; the emulator selects rules likewise.

        A rule with a filter replicates them if its DeleteMarkerReplication is Enabled, but never if it
        filters by tags (S3 User Guide, "Replicating delete markers between buckets").
        """
        config = self._s3._bucket_replication.get(bucket_name)
        if not config or self._s3._bucket_versioning.get(bucket_name) != "Enabled":
            return None
        rules: list[dict[str, Any]] = config.get("Rules", [])
        enabled = (rule for rule in rules if rule.get("Status") == "Enabled")
        rule = next((rule for rule in enabled if key.startswith(self._prefix_of(rule))), None)
        if rule is None or "Filter" not in rule:
            return rule
        wanted = (rule.get("DeleteMarkerReplication") or {}).get("Status") == "Enabled"
        return rule if wanted and not self._tags_of(rule) else None


def _region(bucket: dict[str, Any]) -> str:
    return str(bucket.get("region") or GLOBAL_REGION)
