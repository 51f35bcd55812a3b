"""What Route 53 refuses and the emulator would take: a sentence for each, or none.

Rules from the Route 53 API Reference (`HealthCheckConfig`, `ResourceRecordSet`, `ChangeResourceRecordSets`,
`CreateHostedZone`), so that a design that AWS would refuse fails in the sandbox too.
"""

from __future__ import annotations

import re
from typing import Any

CHECKER_REGIONS = (
    "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1",
    "sa-east-1", "us-east-1", "us-west-1", "us-west-2",
)  # fmt: skip
"""The AWS regions that have health checkers; all of them check when none is named."""

ENDPOINT_TYPES = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
TYPES = (*ENDPOINT_TYPES, "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")
ROUTING = ("Failover", "Weight", "Region", "GeoLocation", "MultiValueAnswer", "CidrRoutingConfig")

_LABEL = re.compile(r"[a-z0-9_*\\-]([a-z0-9_*\\-]{0,61}[a-z0-9_*\\-])?")


def hosted_zone(name: str) -> str | None:
    """Say why a zone of this name cannot be created."""
    labels = name.lower().rstrip(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return f"{name} is not a valid domain name"
    if len(labels) == 1 or labels[-2:] == ["example", "com"]:
        return f"{name} is reserved by AWS!"
    return None


def health_check(config: dict[str, Any]) -> str | None:
    """Say why a health check of this configuration cannot exist."""
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


def record_sets(
    zone: str,
    existing: list[dict[str, Any]],
    changes: list[tuple[str, dict[str, Any]]],
) -> str | None:
    """Say why a batch of (action, record set) cannot be applied to a zone with `existing` record sets."""
    after = {_key(record): record for record in existing}
    for action, record in changes:
        if action == "DELETE":
            after.pop(_key(record), None)
            continue
        refusal = _record_set(zone, record)
        if refusal:
            return refusal
        after[_key(record)] = record
    for action, record in changes:
        same = [other for other in after.values() if _key(other)[:2] == _key(record)[:2]]
        refusal = _group(record, same) if action != "DELETE" else None
        if refusal:
            return refusal
    return None


def _key(record: dict[str, Any]) -> tuple[str, str, str]:
    return record["Name"].lower(), record["Type"], record.get("SetIdentifier", "")


def _called(record: dict[str, Any]) -> str:
    return f"[name='{record['Name']}', type='{record['Type']}']"


def _record_set(zone: str, record: dict[str, Any]) -> str | None:
    name, called = record["Name"].lower(), _called(record)
    if name != zone.lower() and not name.endswith(f".{zone.lower()}"):
        return f"RRSet with DNS name {record['Name']} is not permitted in zone {zone}"
    policies = [policy for policy in ROUTING if policy in record]
    if policies and not record.get("SetIdentifier"):
        return f"{called} has the routing policy {policies[0]} and no SetIdentifier."
    if record.get("SetIdentifier") and not policies:
        return f"{called} has a SetIdentifier and no routing policy."
    if ("AliasTarget" in record) == bool(record.get("ResourceRecords")):
        return f"{called} must have either an AliasTarget or ResourceRecords."
    if "AliasTarget" in record and "TTL" in record:
        return f"{called} is an alias, which has no TTL of its own."
    if "AliasTarget" not in record and "TTL" not in record:
        return f"{called} has no TTL."
    if record["Type"] == "CNAME" and name == zone.lower():
        return f"{called} is a CNAME at the zone apex, which is not permitted."
    return _addresses(record)


def _addresses(record: dict[str, Any]) -> str | None:
    if record["Type"] != "A":
        return None
    for value in record.get("ResourceRecords", ()):
        parts = value.split(".")
        if len(parts) != 4 or not all(part.isdecimal() and int(part) < 256 for part in parts):
            return f"{_called(record)} has the value {value!r}, which is not an IPv4 address."
    return None


def _group(record: dict[str, Any], same: list[dict[str, Any]]) -> str | None:
    """Check the record sets that share a name and a type with `record`, itself included."""
    called = _called(record)
    policies = {next((policy for policy in ROUTING if policy in other), "") for other in same}
    if len(policies) > 1:
        return f"{called}: record sets with one name and type must have one routing policy."
    roles = [other["Failover"] for other in same if "Failover" in other]
    if len(roles) != len(set(roles)):
        return f"{called}: there can be one PRIMARY and one SECONDARY failover record set."
    return None
