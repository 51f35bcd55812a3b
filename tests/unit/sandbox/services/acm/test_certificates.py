"""DNS validation: certificates wait for the records that validate their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drlib.sandbox.process.state import Status
from drlib.sandbox.services.acm.certificates import ISSUED, PENDING, update_validation
from drlib.sandbox.services.route53.zones import Zone
from tests.unit.sandbox.refused import refused

EAST, WEST = "us-east-2", "us-west-2"


def certificate(*names: str, method: str = "DNS") -> dict[str, Any]:
    options = [
        {
            "ValidationMethod": method,
            "ValidationStatus": PENDING,
            "ResourceRecord": {"Name": f"_proof.{name}.", "Type": "CNAME", "Value": f"of-{name}.aws."},
        }
        for name in names
    ]
    return {"Status": PENDING, "DomainValidationOptions": options}


def zone(**proofs: str) -> Zone:
    records = [
        {"Name": f"_proof.{name}.z.test.", "Type": "CNAME", "TTL": "60", "ResourceRecords": [value]}
        for name, value in proofs.items()
    ]
    return Zone("z.test.", [*records, {"Name": "a.z.test.", "Type": "A", "TTL": "60"}])


@pytest.mark.parametrize(
    ("names", "proofs", "status"),
    [
        (["a.z.test"], {}, PENDING),
        (["a.z.test"], {"a": "another.aws."}, PENDING),
        (["a.z.test"], {"a": "of-a.z.test.aws"}, ISSUED),
        (["a.z.test", "b.z.test"], {"a": "of-a.z.test.aws."}, PENDING),
        (["a.z.test", "b.z.test"], {"a": "of-a.z.test.aws.", "b": "of-b.z.test.aws."}, ISSUED),
    ],
)
def test_every_name_needs_its_record(names: list[str], proofs: dict[str, str], status: str) -> None:
    found = certificate(*names)
    update_validation([found], [zone(**proofs)], now=lambda: "today")
    assert (found["Status"], found.get("IssuedAt")) == (status, "today" if status == ISSUED else None)


def test_validation_by_mail_waits_for_a_person() -> None:
    found = certificate("a.z.test", method="EMAIL")
    update_validation([found], [zone(a="of-a.z.test.aws.")], now=lambda: "today")
    assert found["Status"] == PENDING


@pytest.mark.fidelity(
    service="ACM",
    behaviour=(
        "a certificate is PENDING_VALIDATION until its validation record is correct in DNS, then ISSUED"
    ),
    level="approximated",
    source="ACM User Guide, DNS validation",
    note="the change is immediate, where AWS takes minutes; the sandbox's own zones stand for public DNS",
)
def test_a_certificate_is_issued_when_its_record_is_right(sandbox: Status, aws: Callable[..., Any]) -> None:
    route53, acm = aws("route53", "us-east-1"), {region: aws("acm", region) for region in (EAST, WEST)}
    zone = route53.create_hosted_zone(Name="proof.test", CallerReference="proof")["HostedZone"]["Id"]
    arns = {region: client.request_certificate(DomainName="pay.proof.test", ValidationMethod="DNS")
            ["CertificateArn"] for region, client in acm.items()}  # fmt: skip

    def read(region: str) -> dict[str, Any]:
        return dict(acm[region].describe_certificate(CertificateArn=arns[region])["Certificate"])

    def prove(value: str) -> None:
        record = {"Name": asked["Name"], "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": value}]}
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    [option] = read(EAST)["DomainValidationOptions"]
    asked = option["ResourceRecord"]
    assert (read(EAST)["Status"], option["ValidationStatus"]) == (PENDING, PENDING)
    assert "NotAfter" not in read(EAST)
    prove("something.else.test")
    assert read(EAST)["Status"] == PENDING
    prove(asked["Value"])
    assert [read(region)["Status"] for region in (EAST, WEST)] == [ISSUED, ISSUED]
    assert read(EAST)["DomainValidationOptions"][0]["ValidationStatus"] == "SUCCESS"
    assert "NotAfter" in read(EAST)
    # The record validates the name for later certificates too.
    arns[EAST] = acm[EAST].request_certificate(DomainName="pay.proof.test")["CertificateArn"]
    assert read(EAST)["Status"] == ISSUED


@pytest.fixture
def create(aws: Callable[..., Any]) -> Callable[..., tuple[str, str]]:
    """Tries to create a custom domain in the east, and returns the refusal."""

    def attempt(domain: str, arn: str) -> tuple[str, str]:
        return refused(
            aws("apigatewayv2", EAST).create_domain_name,
            DomainName=domain,
            DomainNameConfigurations=[{"CertificateArn": arn, "EndpointType": "REGIONAL"}],
        )

    return attempt


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="a custom domain is refused if its certificate is not issued",
    level="approximated",
    source="API Gateway Developer Guide, Custom domain names for HTTP APIs",
    note="the code BadRequestException is AWS's; AWS does not document the text of the message",
)
def test_a_pending_certificate_is_refused(aws: Callable[..., Any], create: Callable[..., Any]) -> None:
    arn = aws("acm", EAST).request_certificate(DomainName="never.proof.test")["CertificateArn"]
    code, message = create("never.proof.test", arn)
    assert (code, PENDING in message) == ("BadRequestException", True)


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="the certificate of a custom domain must exist, be in the same region, and cover the name",
    level="documented",
    source="API Gateway Developer Guide, Get certificates ready in AWS Certificate Manager",
)
def test_a_certificate_that_does_not_fit_is_refused(
    make_certificate: Callable[..., str], create: Callable[..., Any]
) -> None:
    west, east = (make_certificate("fit.proof-fit.test", region) for region in (WEST, EAST))
    elsewhere = f"Invalid certificate ARN: {west}. Certificate must be in '{EAST}'."
    assert create("fit.proof-fit.test", west) == ("BadRequestException", elsewhere)
    gone = f"{east[:-4]}0000"
    assert create("fit.proof-fit.test", gone) == (
        "BadRequestException",
        "The provided certificate does not exist.",
    )
    assert create("other.proof-fit.test", east) == (
        "BadRequestException",
        "The domain name to be created is not covered by the provided certificate.",
    )


@pytest.mark.fidelity(
    service="ACM",
    behaviour="a certificate that a custom domain uses cannot be deleted",
    level="documented",
    source="ACM API Reference, DeleteCertificate",
)
def test_a_certificate_in_use_is_not_deleted(
    aws: Callable[..., Any], make_certificate: Callable[..., str], make_domain: Callable[..., None], echo: Any
) -> None:
    make_domain("used.proof-used.test", EAST, echo.api_ids[EAST])
    api, acm = aws("apigatewayv2", EAST), aws("acm", EAST)
    found = api.get_domain_name(DomainName="used.proof-used.test")["DomainNameConfigurations"]
    arn = found[0]["CertificateArn"]
    code, message = refused(acm.delete_certificate, CertificateArn=arn)
    assert (code, message.endswith("is in use.")) == ("ResourceInUseException", True)
    api.delete_domain_name(DomainName="used.proof-used.test")
    acm.delete_certificate(CertificateArn=arn)


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="an API mapping must name an API and a stage that exist",
    level="documented",
    source="API Gateway API Reference v2, CreateApiMapping",
)
def test_a_mapping_that_points_nowhere_is_refused(echo: Any, aws: Callable[..., Any]) -> None:
    api = aws("apigatewayv2", EAST)
    for api_id, stage, error in (
        ("nothere", "$default", ("NotFoundException", "Invalid API identifier specified")),
        (echo.api_ids[EAST], "nothere", ("BadRequestException", "Invalid stage identifier specified")),
    ):
        order = {"DomainName": echo.domain, "ApiMappingKey": "x", "ApiId": api_id, "Stage": stage}
        assert refused(api.create_api_mapping, **order) == error
