"""DNS validation of ACM certificates: a certificate is pending until a zone contains its records.

AWS looks for the records every few minutes. Here the sandbox looks when a certificate is requested and when
records change. An issued certificate stays issued (ACM User Guide, "DNS validation").
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.route53.zones import Resolver, Zone, canonical, snapshot

PENDING, ISSUED = "PENDING_VALIDATION", "ISSUED"
FIELDS_AFTER_ISSUE = ("IssuedAt", "NotBefore", "NotAfter")
"""Fields that a certificate has only after it is issued."""


def apply() -> None:
    """Make certificates wait for their records.

    Raises:
        SandboxError: the replacements do not fit this version of the emulator.
    """
    service = emulator.module("services.acm")
    request = internals.function(service, "_request_certificate", "data")
    shape = internals.function(service, "_cert_shape", "cert")

    @functools.wraps(request)
    def pending(data: Any) -> Any:
        known = set(service._certificates)
        answer = request(data)
        for arn in set(service._certificates) - known:
            certificate = service._certificates[arn]
            certificate["Status"] = PENDING
            for option in certificate["DomainValidationOptions"]:
                option["ValidationStatus"] = PENDING
        validate()
        return answer

    @functools.wraps(shape)
    def shown(cert: dict[str, Any]) -> Any:
        found = shape(cert)
        hidden = FIELDS_AFTER_ISSUE if cert["Status"] == PENDING else ()
        return {name: value for name, value in found.items() if name not in hidden}

    emulator.replace(service, "_request_certificate", pending)
    emulator.replace(service, "_cert_shape", shown)


def validate() -> None:
    """Issue every pending certificate whose records are in the zones. Runs in the emulator's loop."""
    service = emulator.module("services.acm")
    pending = [one for _, one in service._certificates.all_items() if one["Status"] == PENDING]
    if pending:
        update_validation(pending, snapshot(), now=service.now_iso)


def update_validation(
    pending: Iterable[dict[str, Any]], zones: list[Zone], *, now: Callable[[], str]
) -> None:
    """Mark the names that the records of `zones` validate; issue the certificates that are complete."""
    resolver = Resolver(zones, lambda check_id: True, {})
    for certificate in pending:
        options = certificate["DomainValidationOptions"]
        for option in options:
            if option["ValidationMethod"] == "DNS" and _is_validated(option["ResourceRecord"], resolver):
                option["ValidationStatus"] = "SUCCESS"
        if all(option["ValidationStatus"] == "SUCCESS" for option in options):
            certificate.update(Status=ISSUED, IssuedAt=now())


def _is_validated(record: Mapping[str, str], resolver: Resolver) -> bool:
    answer = resolver.resolve(record["Name"], record["Type"])
    return any(canonical(one.value) == canonical(record["Value"]) for one in answer.records)


def covers(certificate: Mapping[str, Any], name: str) -> bool:
    """Return whether a certificate covers `name`, directly or by a wildcard of the parent domain."""
    names = {certificate.get("DomainName"), *certificate.get("SubjectAlternativeNames", ())}
    return name in names or f"*.{name.partition('.')[2]}" in names
