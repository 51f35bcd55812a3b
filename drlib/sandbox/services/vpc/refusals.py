"""VPC endpoints that EC2 refuses. Each function returns (error code, message), or None.

AWS PrivateLink Guide, "Access an AWS service using an interface VPC endpoint" (private DNS).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

INVALID = "InvalidParameter"


def supports_private_dns(vpc: Mapping[str, Any]) -> bool:
    """Return whether a VPC has the DNS attributes that private DNS needs."""
    hostnames = vpc.get("EnableDnsHostnames", vpc.get("IsDefault"))
    return bool(vpc.get("EnableDnsSupport", True) and hostnames)


def private_dns(
    vpc: Mapping[str, Any], service_name: str, others: Iterable[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """Check that private DNS can be enabled for a service in a VPC.

    Args:
        vpc: the VPC.
        service_name: the endpoint's service, e.g. "com.amazonaws.us-east-2.sqs".
        others: the existing endpoints.
    """
    vpc_id = vpc["VpcId"]
    if not supports_private_dns(vpc):
        return INVALID, (
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes "
            f"set to true for {vpc_id}"
        )
    if any(
        other["VpcId"] == vpc_id and other["ServiceName"] == service_name and other.get("PrivateDnsEnabled")
        for other in others
    ):
        return INVALID, (
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
            f"{_domain(service_name)} in the VPC {vpc_id}"
        )
    return None


def _domain(service_name: str) -> str:
    region, _, service = service_name.removeprefix("com.amazonaws.").partition(".")
    return f"{service}.{region}.amazonaws.com" if service else f"{region}.amazonaws.com"
