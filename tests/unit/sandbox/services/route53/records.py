"""Records of a zone, and a failover pair."""

from __future__ import annotations

from typing import Any

NAME = "api.pay.drill.test."
SOA = "ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"


def record(name: str, type_: str, *values: str, ttl: int = 300, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": type_, "TTL": str(ttl), "ResourceRecords": list(values), **more}


def alias(name: str, target: str, *, evaluate: bool = True, **more: Any) -> dict[str, Any]:
    to = {"HostedZoneId": "Z1", "DNSName": target, "EvaluateTargetHealth": evaluate}
    return {"Name": name, "Type": "A", "AliasTarget": to, **more}


def pair(primary: str | None = "p", secondary: str | None = "s") -> list[dict[str, Any]]:
    """Return a failover pair of aliases to two regions, with the health checks named."""
    return [
        alias(
            NAME,
            f"d-{role}.execute-api.{region}.amazonaws.com.",
            SetIdentifier=role,
            Failover=role.upper(),
            **({"HealthCheckId": check} if check else {}),
        )
        for role, region, check in (("primary", "us-east-2", primary), ("secondary", "us-west-2", secondary))
    ]
