"""Certificates that API Gateway refuses for a custom domain (Developer Guide, "Custom domain names")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IN_USE = "Certificate {arn} in account {account} is in use."

NOT_THERE = "The provided certificate does not exist."
NOT_COVERED = "The domain name to be created is not covered by the provided certificate."


def certificate(
    domain: str, arn: str, region: str, found: Mapping[str, Any] | None, *, covers: bool
) -> str | None:
    """Return why a custom domain in `region` cannot use a certificate, or None.

    Args:
        domain: the custom domain's name.
        arn: the certificate's ARN, as in the request.
        region: the region of the domain; its certificate must be in the same region.
        found: the certificate, or None if it does not exist.
        covers: whether the certificate covers the domain's name.
    """
    parts = arn.split(":")
    if len(parts) > 3 and parts[3] != region:
        return f"Invalid certificate ARN: {arn}. Certificate must be in '{region}'."
    if found is None:
        return NOT_THERE
    if found.get("Status") != "ISSUED":
        # AWS refuses it too, but does not document the message.
        return f"The certificate {arn} is {found.get('Status')}; {domain} needs one that is ISSUED."
    return None if covers else NOT_COVERED
