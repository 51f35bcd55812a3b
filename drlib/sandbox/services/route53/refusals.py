"""Requests that Route 53 refuses and the emulator accepts.

Rules from the Route 53 API Reference (`HealthCheckConfig`, `ResourceRecordSet`, `ChangeResourceRecordSets`,
`CreateHostedZone`), so that a design that AWS refuses fails in the sandbox too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drlib.sandbox.services.route53.zones import region_of_api

CHECKER_REGIONS = (
    "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1",
    "sa-east-1", "us-east-1", "us-west-1", "us-west-2",
)  # fmt: skip
"""The AWS regions that have health checkers; by default all of them check."""

ENDPOINT_TYPES = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
TYPES = (*ENDPOINT_TYPES, "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")
ROUTING = ("Failover", "Weight", "Region", "GeoLocation", "MultiValueAnswer", "CidrRoutingConfig")

INVALID_INPUT, INVALID_BATCH = "InvalidInput", "InvalidChangeBatch"

_LABEL = re.compile(r"[a-z0-9_*\\-]([a-z0-9_*\\-]{0,61}[a-z0-9_*\\-])?")


def hosted_zone(name: str) -> str | None:
    """Return why a zone of this name is refused, or None."""
    labels = name.lower().rstrip(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return f"{name} is not a valid domain name"
    if len(labels) == 1 or labels[-2:] == ["example", "com"]:
        return f"{name} is reserved by AWS!"
    return None


def health_check(config: dict[str, Any]) -> str | None:
    """Return why a health check with this configuration is refused, or None."""
    type_ = config.get("Type", "")
    if type_ not in TYPES:
        return f"Type must be one of {', '.join(TYPES)}, not {type_!r}."
    if type_ in ENDPOINT_TYPES:
        return _endpoint(type_, config)
    if type_ == "CLOUDWATCH_METRIC" and not config.get("AlarmIdentifier", {}).get("Name"):
        return "A CLOUDWATCH_METRIC health check needs an AlarmIdentifier."
    if type_ == "CALCULATED" and len(config.get("ChildHealthChecks", ())) > 256:
        return "A CALCULATED health check has 256 children at most."
    return None


def _endpoint(type_: str, config: dict[str, Any]) -> str | None:
    regions = config.get("Regions")
    unknown = sorted(set(regions or ()) - set(CHECKER_REGIONS))
    if config.get("RequestInterval", 30) not in (10, 30):
        return "RequestInterval must be 10 or 30."
    if not 1 <= config.get("FailureThreshold", 3) <= 10:
        return "FailureThreshold must be between 1 and 10."
    if not config.get("IPAddress") and not config.get("FullyQualifiedDomainName"):
        return "An endpoint health check needs IPAddress or FullyQualifiedDomainName."
    if type_.endswith("_STR_MATCH") != bool(config.get("SearchString")):
        return "SearchString goes with HTTP_STR_MATCH and HTTPS_STR_MATCH, and with them alone."
    if unknown:
        return f"There are no health checkers in {', '.join(unknown)}."
    if regions is not None and 0 < len(set(regions)) < 3:
        return "Regions must name at least three regions."
    return None


@dataclass(frozen=True)
class ChangedZone:
    """The zone whose record sets change.

    Args:
        id: its id.
        name: its name, with the final dot.
        domains: API Gateway's regional domain names -> the id of their hosted zone.
    """

    id: str
    name: str
    domains: Mapping[str, str] = field(default_factory=dict)


class _InvalidChange(Exception):
    def __init__(self, message: str, code: str = INVALID_BATCH) -> None:
        super().__init__(message)
        self.code = code


def record_sets(
    zone: ChangedZone, existing: list[dict[str, Any]], changes: list[tuple[str, dict[str, Any]]]
) -> tuple[str, str] | None:
    """Return (error code, message) of a batch of (action, record set) that is refused, or None.

    Args:
        zone: the zone.
        existing: its record sets.
        changes: the batch. It is applied as a whole, so its record sets may depend on each other.
    """
    after = {_key(record): record for record in existing}
    try:
        for action, record in changes:
            _check_shape(action, record)
            if action == "DELETE":
                after.pop(_key(record), None)
            else:
                _check_record_set(zone.name, record)
                after[_key(record)] = record
        for action, record in changes:
            if action != "DELETE":
                _check_group(record, [one for one in after.values() if _key(one)[:2] == _key(record)[:2]])
                _check_alias(zone, record, list(after.values()))
    except _InvalidChange as refused:
        message = f"[{refused}]" if refused.code == INVALID_BATCH else str(refused)
        return refused.code, message
    return None


def _key(record: dict[str, Any]) -> tuple[str, str, str]:
    return _plain(record["Name"]), record["Type"], record.get("SetIdentifier", "")


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def _check_shape(action: str, record: dict[str, Any]) -> None:
    """Check which fields of a change occur together."""
    identifier = record.get("SetIdentifier")
    change = (
        f"Change with [Action={action}, Name={record['Name']}, Type={record['Type']}, "
        f"SetIdentifier={identifier or 'null'}]"
    )
    policies = [policy for policy in ROUTING if policy in record]
    if policies and not identifier:
        raise _InvalidChange(f"Invalid request: Missing field 'SetIdentifier' in {change}", INVALID_INPUT)
    if identifier and len(policies) != 1:
        raise _InvalidChange(
            "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, "
            "MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig], but found "
            f"{'more than one' if policies else 'none'} in {change}",
            INVALID_INPUT,
        )
    values = [one for one in ("ResourceRecords", "TTL") if record.get(one)]
    if "AliasTarget" in record and values or "AliasTarget" not in record and len(values) < 2:
        raise _InvalidChange(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            f"TrafficPolicyInstanceId], but found {'more than one' if 'AliasTarget' in record else 'none'} "
            f"in {change}",
            INVALID_INPUT,
        )


def _check_record_set(zone: str, record: dict[str, Any]) -> None:
    """Check one record set."""
    name = _plain(record["Name"])
    if name != _plain(zone) and not name.endswith(f".{_plain(zone)}"):
        raise _InvalidChange(f"RRSet with DNS name {record['Name']} is not permitted in zone {zone}")
    if record["Type"] == "CNAME" and name == _plain(zone):
        raise _InvalidChange(
            f"RRSet of type CNAME with DNS name {record['Name']} is not permitted at apex in zone {zone}"
        )
    if (
        record.get("Failover") == "PRIMARY"
        and "AliasTarget" not in record
        and not record.get("HealthCheckId")
    ):
        raise _InvalidChange(
            "A non-alias primary ResourceRecordSet must have an associated health check. No changes made."
        )
    for value in record.get("ResourceRecords", ()) if record["Type"] == "A" else ():
        parts = value.split(".")
        if len(parts) != 4 or not all(part.isdecimal() and int(part) < 256 for part in parts):
            raise _InvalidChange(
                "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid "
                f"IPv4 address) encountered with '{value}''"
            )


def _check_group(record: dict[str, Any], same: list[dict[str, Any]]) -> None:
    """Check the record sets with the name and type of `record`; `same` includes it."""
    label = f"RRSet with DNS name {record['Name']}, type {record['Type']}"
    policies = {next((policy for policy in ROUTING if policy in other), "") for other in same}
    role = record.get("Failover", "").lower()
    if role:
        label += f", SetIdentifier {record['SetIdentifier']}, and marked as {role}"
    if len(policies) > 1:
        others = "a non-failover RRSet" if role else "other RRSets"
        raise _InvalidChange(
            f"{label} cannot be created because {others} with the same name and type already "
            f"exist{'s' if role else ''}"
        )
    if role and sum(other["Failover"] == record["Failover"] for other in same) > 1:
        raise _InvalidChange(
            f"{label} cannot be created because a failover RRSet with the same name, type and role "
            "already exists"
        )


def _check_alias(zone: ChangedZone, record: dict[str, Any], records: list[dict[str, Any]]) -> None:
    """Check that the target of an alias exists in the zone that it names: this zone or API Gateway's."""
    target = record.get("AliasTarget")
    if target is None:
        return
    name, zone_id = _plain(target["DNSName"]), target.get("HostedZoneId", "").rpartition("/")[2]
    tried = f"Tried to create an alias that targets {name}., type {record['Type']} in zone {zone_id}, but "
    outside = tried + "the alias target name does not lie within the target zone"
    missing = tried + "that target was not found"
    if region_of_api(name):
        if name not in zone.domains:
            raise _InvalidChange(missing)
        if zone.domains[name] != zone_id:
            raise _InvalidChange(f"{outside}, {missing}")
    elif zone_id == zone.id:
        if name != _plain(zone.name) and not name.endswith(f".{_plain(zone.name)}"):
            raise _InvalidChange(f"{outside}, {missing}")
        if not any(_key(one)[:2] == (name, record["Type"]) for one in records):
            raise _InvalidChange(missing)
