"""Certificates. The sandbox issues one as soon as its validation record exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.resource import Call, Change, Reading, Refused, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties


class Certificate(Resource):
    """`aws.acm.Certificate`, requested from Amazon and validated by DNS; its id is its ARN."""

    type = "aws:acm/certificate:Certificate"
    service = "acm"
    tagged = True
    shape = "RequestCertificate"
    required = ("domainName", "validationMethod")
    replaces = ("domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm")
    # The emulator always returns RSA_2048.
    write_only = ("keyAlgorithm",)

    def create(self, call: Call, inputs: Properties) -> str:
        request = self.request(call, inputs)
        if inputs.get("tags"):
            request["Tags"] = tag_list(inputs["tags"])
        return str(call.client("acm").request_certificate(**request)["CertificateArn"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        acm = call.client("acm")
        found = acm.describe_certificate(CertificateArn=id)["Certificate"]
        tags = tags_from(acm.list_tags_for_certificate(CertificateArn=id).get("Tags"))
        options = found.get("DomainValidationOptions", [])
        raw = {
            "domainName": found["DomainName"],
            "subjectAlternativeNames": _alternatives(found, state),
            "validationMethod": options[0].get("ValidationMethod", "DNS") if options else None,
            "options": found.get("Options") or {},
            "tags": tags,
        }
        computed = {
            "arn": id,
            "status": found["Status"],
            "type": found.get("Type", "AMAZON_ISSUED"),
            "keyAlgorithm": state.get("keyAlgorithm") or found.get("KeyAlgorithm"),
            "notBefore": found.get("NotBefore"),
            "notAfter": found.get("NotAfter"),
            "domainValidationOptions": [_validation(option) for option in options],
        }
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        acm = call.client("acm")
        if change.touches("options"):
            request = self.request(call, {"options": self.desired(change)["options"]})
            acm.update_certificate_options(CertificateArn=change.id, **request)
        if change.touches("tags"):
            if change.tags_to_set:
                acm.add_tags_to_certificate(CertificateArn=change.id, Tags=tag_list(change.tags_to_set))
            if change.tags_to_remove:
                gone = [{"Key": key} for key in change.tags_to_remove]
                acm.remove_tags_from_certificate(CertificateArn=change.id, Tags=gone)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("acm").delete_certificate(CertificateArn=id)


def _alternatives(found: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """Return the alternative names. AWS includes the domain name; programs usually do not."""
    names = found.get("SubjectAlternativeNames", [])
    own = found["DomainName"]
    return (
        names
        if own in (state.get("subjectAlternativeNames") or ())
        else [name for name in names if name != own]
    )


def _validation(option: Mapping[str, Any]) -> Properties:
    record = option.get("ResourceRecord", {})
    return {
        "domainName": option["DomainName"],
        "resourceRecordName": record.get("Name"),
        "resourceRecordType": record.get("Type"),
        "resourceRecordValue": record.get("Value"),
    }


class CertificateValidation(Resource):
    """`aws.acm.CertificateValidation`: waits until the certificate is issued."""

    type = "aws:acm/certificateValidation:CertificateValidation"
    service = "acm"
    names = "certificateArn validationRecordFqdns"
    required = ("certificateArn",)
    replaces = ("certificateArn", "validationRecordFqdns")
    write_only = ("validationRecordFqdns",)

    def create(self, call: Call, inputs: Properties) -> str:
        arn = inputs["certificateArn"]
        found: Properties = {}

        def issued() -> bool:
            found.update(call.client("acm").describe_certificate(CertificateArn=arn)["Certificate"])
            if found["Status"] in ("FAILED", "VALIDATION_TIMED_OUT", "REVOKED"):
                raise Refused(f"certificate {arn} is {found['Status']} ({call.region})")
            return bool(found["Status"] == "ISSUED")

        call.wait(issued, f"the issue of certificate {arn}")
        return str(found["IssuedAt"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        found = call.client("acm").describe_certificate(CertificateArn=state["certificateArn"])["Certificate"]
        return Reading({"certificateArn": found["CertificateArn"]}) if found["Status"] == "ISSUED" else None

    def update(self, call: Call, change: Change) -> None:
        """Do nothing: every change is a replacement."""

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        """Do nothing: there is nothing to delete."""


TYPES = (Certificate, CertificateValidation)
