"""One table in one region: its state, its point-in-time recovery, and its replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from drlib.sandbox.provider.clients import is_gone
from drlib.sandbox.provider.resource import Call, Refused, tag_list
from drlib.sandbox.provider.values import Properties


def describe(call: Call, name: str, region: str = "") -> Properties | None:
    """Describe a table, in the call's region or another; None if it does not exist."""
    try:
        return dict(call.client("dynamodb", region).describe_table(TableName=name)["Table"])
    except ClientError as error:
        if is_gone(error):
            return None
        raise


def wait_until_active(call: Call, name: str, region: str = "") -> None:
    """Wait until a table is active: AWS allows one change at a time."""

    def active() -> bool:
        table = describe(call, name, region)
        replicas = (table or {}).get("Replicas", [])
        moving = [one for one in replicas if one.get("ReplicaStatus", "ACTIVE") != "ACTIVE"]
        return table is not None and table["TableStatus"] == "ACTIVE" and not moving

    call.wait(active, f"the change of table {name}")


def recovery(call: Call, name: str, region: str = "") -> Properties:
    """Return a table's point-in-time recovery, in the form of the input."""
    answer = call.client("dynamodb", region).describe_continuous_backups(TableName=name)
    found = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    result: Properties = {"enabled": found.get("PointInTimeRecoveryStatus") == "ENABLED"}
    if found.get("RecoveryPeriodInDays"):
        result["recoveryPeriodInDays"] = found["RecoveryPeriodInDays"]
    return result


def set_recovery(call: Call, name: str, wanted: Mapping[str, Any], region: str = "") -> None:
    """Turn a table's point-in-time recovery on or off."""
    specification: Properties = {"PointInTimeRecoveryEnabled": bool(wanted.get("enabled"))}
    if wanted.get("recoveryPeriodInDays"):
        specification["RecoveryPeriodInDays"] = wanted["recoveryPeriodInDays"]
    call.client("dynamodb", region).update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification=specification
    )


def read(call: Call, name: str, region: str) -> Properties | None:
    """Return a replica's settings, read in its own region; None if it does not exist."""
    table = describe(call, name, region)
    if table is None:
        return None
    return {
        "regionName": region,
        "pointInTimeRecovery": recovery(call, name, region)["enabled"],
        "deletionProtectionEnabled": bool(table.get("DeletionProtectionEnabled")),
        "arn": table["TableArn"],
        "streamArn": table.get("LatestStreamArn", ""),
        "streamLabel": table.get("LatestStreamLabel", ""),
    }


def reconcile(
    call: Call, name: str, wanted: list[Properties], tags: Mapping[str, str], gone_tags: list[str]
) -> None:
    """Create, change and remove replicas until they match `wanted`."""
    table = describe(call, name) or {}
    there = {one["RegionName"] for one in table.get("Replicas", [])} - {call.region}
    for region in sorted(there - {one["regionName"] for one in wanted}):
        refuse_protected(call, name, region)
        remove(call, name, region)
    for one in wanted:
        region = one["regionName"]
        if region not in there:
            creation = {"RegionName": region}
            if one.get("kmsKeyArn"):
                creation["KMSMasterKeyId"] = one["kmsKeyArn"]
            call.client("dynamodb").update_table(TableName=name, ReplicaUpdates=[{"Create": creation}])
            wait_until_active(call, name)
            wait_until_active(call, name, region)
        _configure(call, name, one, tags, gone_tags)


def _configure(
    call: Call, name: str, wanted: Properties, tags: Mapping[str, str], gone_tags: list[str]
) -> None:
    """Set a replica's own settings, with a client of its region."""
    region = wanted["regionName"]
    client, found = call.client("dynamodb", region), read(call, name, region) or {}
    recoverable = bool(wanted.get("pointInTimeRecovery"))
    if recoverable != found.get("pointInTimeRecovery"):
        set_recovery(call, name, {"enabled": recoverable}, region)
    protected = bool(wanted.get("deletionProtectionEnabled"))
    if protected != found.get("deletionProtectionEnabled"):
        client.update_table(TableName=name, DeletionProtectionEnabled=protected)
        wait_until_active(call, name, region)
    if wanted.get("propagateTags"):
        if tags:
            client.tag_resource(ResourceArn=found["arn"], Tags=tag_list(tags))
        if gone_tags:
            client.untag_resource(ResourceArn=found["arn"], TagKeys=gone_tags)


def remove(call: Call, name: str, region: str) -> None:
    """Remove a replica and wait until it is gone."""
    client = call.client("dynamodb")
    client.update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": region}}])
    call.wait(lambda: describe(call, name, region) is None, f"the end of {name}'s replica in {region}")
    wait_until_active(call, name)


def refuse_protected(call: Call, name: str, region: str) -> None:
    """Refuse as AWS does, before any replica is removed."""
    if (describe(call, name, region) or {}).get("DeletionProtectionEnabled"):
        raise Refused(
            f"ValidationException: the replica of table {name} is protected against deletion;"
            f" disable its deletion protection first (UpdateTable in {region})"
        )
