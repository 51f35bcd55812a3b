"""What API Gateway refuses of a custom domain's certificate (Developer Guide, "Custom domain names")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IN_USE = "Certificate {arn} in account {account} is in use."

NOT_THERE = "The provided certificate does not exist."
NOT_COVERED = "The domain name to be created is not covered by the provided certificate."


def certificate(
    domain: str, arn: str, region: str, found: Mapping[str, Any] | None, *, covers: bool
) -> str | None:
    """Say why a domain of `region` cannot have a certificate.

    Args:
        domain: the custom domain's name.
        arn: the certificate's ARN, as asked.
        region: where the domain is, and its certificate must be.
        found: the certificate, if it is there.
        covers: whether it is for the domain's name.
    """
    parts = arn.split(":")
    if len(parts) > 3 and parts[3] != region:
        return f"Invalid certificate ARN: {arn}. Certificate must be in '{region}'."
    if found is None:
        return NOT_THERE
    if found.get("Status") != "ISSUED":
        # AWS refuses it too, in words that it documents nowhere.
        return f"The certificate {arn} is {found.get('Status')}; {domain} needs one that is ISSUED."
    return None if covers else NOT_COVERED
