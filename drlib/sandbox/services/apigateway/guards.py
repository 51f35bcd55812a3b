"""Runs the checks of custom domains and their certificates before the emulator's functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.ministack.guards import Answer, before
from drlib.sandbox.services.acm import certificates
from drlib.sandbox.services.apigateway import refusals


def apply() -> None:
    """Install the checks. Call it once, before any other replacement.

    Raises:
        SandboxError: the guards do not fit this version of the emulator.
    """
    service, responses = emulator.module("services.apigateway"), emulator.module("core.responses")
    acm, domains = emulator.module("services.acm"), emulator.module("services.apigateway_v1")._domain_names
    error = internals.function(service, "_apigw_error", "code", "message", "status")

    def refused(domain: str, data: Mapping[str, Any]) -> Answer:
        for configuration in data.get("domainNameConfigurations") or ():
            arn = configuration.get("certificateArn", "")
            found = acm._certificates.get(arn)
            covers = found is not None and certificates.covers(found, domain)
            message = refusals.certificate(domain, arn, responses.get_region(), found, covers=covers)
            if message:
                return error("BadRequestException", message, 400)
        return None

    def create(data: Mapping[str, Any]) -> Answer:
        return refused(data.get("domainName", ""), data)

    def remove(data: Mapping[str, Any]) -> Answer:
        arn = data.get("CertificateArn", "")
        used = any(arn == domain["regionalCertificateArn"] for domain in domains.values())
        message = refusals.IN_USE.format(arn=arn, account=responses.get_account_id())
        return responses.error_response_json("ResourceInUseException", message) if used else None

    before(acm, "_delete_certificate", ("data",), remove)
    before(service, "_create_domain_name", ("data",), create)
    before(service, "_update_domain_name", ("name", "data"), refused)
