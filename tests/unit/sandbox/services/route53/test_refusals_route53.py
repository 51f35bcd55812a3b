"""Requests that Route 53 refuses: the rules, and the same through boto3 in a real sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from drlib.sandbox.services.route53 import refusals
from tests.unit.sandbox.refused import refused

ENDPOINT = {
    "Type": "HTTPS_STR_MATCH",
    "FullyQualifiedDomainName": "nobody.refusals-test.test",
    "ResourcePath": "/healthz",
    "SearchString": "ok",
    "RequestInterval": 10,
}
HOME = refusals.ChangedZone("Z1", "z.test.", {"d-1.execute-api.us-east-2.amazonaws.com": "ZAPI"})


@pytest.fixture
def route53(aws: Callable[..., Any]) -> Any:
    return aws("route53", "us-east-1")


@pytest.fixture
def change(route53: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Creates record sets in a zone of this test."""
    zone = route53.create_hosted_zone(Name="refusals-test.test", CallerReference=request.node.name[:100])
    zone_id = zone["HostedZone"]["Id"]
    made: list[dict[str, Any]] = []

    def make(**record: Any) -> None:
        record.setdefault("Name", "a.refusals-test.test")
        changes = [{"Action": "CREATE", "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
        made.append(record)

    yield make
    if made:
        changes = [{"Action": "DELETE", "ResourceRecordSet": record} for record in made]
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    route53.delete_hosted_zone(Id=zone_id)


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a zone with a reserved name, such as example.com, or with a single label is refused",
    level="documented",
    source="Route 53 API Reference, CreateHostedZone: InvalidDomainName",
)
@pytest.mark.parametrize("name", ["example.com", "pay.example.com", "test2"])
def test_a_reserved_zone_is_refused(route53: Any, name: str) -> None:
    error = refused(route53.create_hosted_zone, Name=name, CallerReference=name)
    assert error == ("InvalidDomainName", f"{name} is reserved by AWS!")


def test_a_zone_whose_name_is_none_is_refused(route53: Any) -> None:
    error = refused(route53.create_hosted_zone, Name="with space.test", CallerReference="space")
    assert error[0] == "InvalidDomainName"


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a health check has an interval of 10 or 30 seconds and the fields that its type requires",
    level="approximated",
    source="Route 53 API Reference, HealthCheckConfig",
    note="the code InvalidInput is AWS's; AWS does not document the text of the message",
)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"RequestInterval": 15}, "10 or 30"),
        ({"SearchString": ""}, "SearchString"),
        ({"Type": "HTTPS"}, "SearchString"),
        ({"FullyQualifiedDomainName": ""}, "FullyQualifiedDomainName"),
    ],
)
def test_a_check_that_aws_refuses_is_refused(route53: Any, change: dict[str, Any], said: str) -> None:
    config = {name: value for name, value in {**ENDPOINT, **change}.items() if value != ""}
    code, message = refused(route53.create_health_check, CallerReference="bad", HealthCheckConfig=config)
    assert (code, said in message) == ("InvalidInput", True)


# An AWS client checks these before it sends the request.
@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a failure threshold is 1 to 10; a health check uses at least three known checker regions",
    level="approximated",
    source="Route 53 API Reference, HealthCheckConfig",
    note="the code InvalidInput is AWS's; AWS does not document the text of the message",
)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Regions": ["us-east-1", "us-west-2"]}, "at least three"),
        ({"Regions": ["us-east-1", "us-west-2", "us-east-2"]}, "no health checkers in us-east-2"),
        ({"FailureThreshold": 0}, "between 1 and 10"),
        ({"FailureThreshold": 11}, "between 1 and 10"),
        ({"Regions": list(refusals.CHECKER_REGIONS[:3]), "FailureThreshold": 10}, None),
        ({}, None),
    ],
)
def test_thresholds_and_regions_have_limits(change: dict[str, Any], said: str | None) -> None:
    message = refusals.health_check({"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80, **change})
    assert message is None if said is None else said in (message or "")


def fixed(**more: Any) -> dict[str, Any]:
    return {"Name": "a.z.test.", "Type": "A", "TTL": "60", "ResourceRecords": ["10.0.0.1"], **more}


def failover(role: str, **more: Any) -> dict[str, Any]:
    identifier = more.pop("SetIdentifier", role.lower())
    return fixed(SetIdentifier=identifier, Failover=role, HealthCheckId="h", **more)


def alias(name: str, zone_id: str, **more: Any) -> dict[str, Any]:
    target = {"DNSName": name, "HostedZoneId": zone_id, "EvaluateTargetHealth": False}
    return {"Name": "a.z.test.", "Type": "A", "AliasTarget": target, **more}


def verdict(*asked: dict[str, Any], existing: tuple[dict[str, Any], ...] = ()) -> tuple[str, str] | None:
    return refusals.record_sets(HOME, list(existing), [("CREATE", record) for record in asked])


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a routing policy needs a set identifier, and the reverse",
    level="documented",
    source="Route 53 API Reference, ResourceRecordSet: SetIdentifier",
)
def test_policies_and_identifiers_go_together(change: Callable[..., Any]) -> None:
    record = {"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    told = "Change with [Action=CREATE, Name=a.refusals-test.test., Type=A, SetIdentifier="
    code, message = refused(change, **record, Failover="SECONDARY")
    assert (code, message) == (
        "InvalidInput",
        f"Invalid request: Missing field 'SetIdentifier' in {told}null]",
    )
    code, message = refused(change, **record, SetIdentifier="x")
    assert (code, message.endswith(f"but found none in {told}x]")) == ("InvalidInput", True)
    assert message.startswith("Invalid request: Expected exactly one of [Weight, Region, Failover, ")


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"Name": "a.z.test.", "Type": "A", "ResourceRecords": ["10.0.0.1"]}, "none"),
        ({"Name": "a.z.test.", "Type": "A", "TTL": "60"}, "none"),
        (fixed(AliasTarget={"DNSName": "b.z.test."}), "more than one"),
        (alias("b.z.test.", "Z1", TTL="60"), "more than one"),
    ],
)
def test_a_record_set_is_an_alias_or_has_values_and_a_ttl(record: dict[str, Any], found: str) -> None:
    code, message = verdict(record) or ("", "")
    assert code == "InvalidInput"
    assert (
        f"[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found {found}"
        in (message)
    )


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a name and type has one PRIMARY and one SECONDARY record, and no second routing policy",
    level="approximated",
    source="Route 53 API Reference, ResourceRecordSet: Failover",
    note=(
        "the code InvalidChangeBatch is AWS's; the text for a second PRIMARY is modelled on a similar message"
    ),
)
@pytest.mark.parametrize(
    ("existing", "asked", "said"),
    [
        ([failover("PRIMARY")], [failover("PRIMARY", SetIdentifier="other")], "name, type and role already"),
        ([fixed()], [failover("PRIMARY")], "a non-failover RRSet with the same name and type already exists"),
        ([failover("PRIMARY")], [fixed()], "because other RRSets with the same name and type already exist"),
    ],
)
def test_roles_are_unique_and_policies_do_not_mix(
    existing: list[dict[str, Any]], asked: list[dict[str, Any]], said: str
) -> None:
    code, message = verdict(*asked, existing=tuple(existing)) or ("", "")
    assert (code, said in message) == ("InvalidChangeBatch", True)


@pytest.mark.parametrize(
    ("existing", "asked"),
    [
        ([], [fixed()]),
        ([], [failover("PRIMARY"), failover("SECONDARY")]),
        ([failover("SECONDARY")], [failover("PRIMARY")]),
    ],
)
def test_what_aws_takes_is_taken(existing: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    assert verdict(*asked, existing=tuple(existing)) is None


def test_a_policy_can_be_changed_in_one_batch() -> None:
    changes = [("DELETE", fixed()), ("CREATE", failover("PRIMARY"))]
    assert refusals.record_sets(HOME, [fixed()], changes) is None


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a PRIMARY record that is not an alias needs a health check",
    level="documented",
    source="Route 53 Developer Guide, Values specific for failover records",
)
def test_a_primary_with_values_needs_a_health_check(change: Callable[..., Any]) -> None:
    record = {"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    error = refused(change, **record, Failover="PRIMARY", SetIdentifier="primary")
    assert error == (
        "InvalidChangeBatch",
        "[A non-alias primary ResourceRecordSet must have an associated health check. No changes made.]",
    )


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            fixed(Name="a.elsewhere.test."),
            "[RRSet with DNS name a.elsewhere.test. is not permitted in zone z.test.]",
        ),
        (
            fixed(Name="z.test.", Type="CNAME", ResourceRecords=["b.test."]),
            "[RRSet of type CNAME with DNS name z.test. is not permitted at apex in zone z.test.]",
        ),
        (fixed(ResourceRecords=["notanip"]), "ARRDATAIllegalIPv4Address"),
    ],
)
def test_names_and_values_are_checked(record: dict[str, Any], said: str) -> None:
    code, message = verdict(record) or ("", "")
    assert (code, said in message) == ("InvalidChangeBatch", True)


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a record that names a health check that does not exist is refused",
    level="documented",
    source="Route 53 API Reference, ChangeResourceRecordSets: NoSuchHealthCheck",
)
def test_an_unknown_health_check_is_refused(change: Callable[..., Any]) -> None:
    values = [{"Value": "10.0.0.1"}]
    code, _ = refused(change, Type="A", TTL=60, ResourceRecords=values, HealthCheckId="none")
    assert code == "NoSuchHealthCheck"


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="the target of an alias must exist: a record in the same zone, or an API Gateway custom domain",
    level="documented",
    source="Route 53 API Reference, AliasTarget",
)
@pytest.mark.parametrize(
    ("name", "zone_id", "said"),
    [
        ("b.z.test.", "Z1", "target was not found"),
        ("b.elsewhere.test.", "Z1", "does not lie within the target zone"),
        ("d-1.execute-api.us-east-2.amazonaws.com", "Z1", "does not lie within the target zone"),
        ("d-2.execute-api.us-east-2.amazonaws.com", "ZAPI", "target was not found"),
        ("d-1.execute-api.us-east-2.amazonaws.com", "ZAPI", None),
        ("lb.us-east-2.elb.amazonaws.com", "ZELB", None),
    ],
)
def test_an_alias_to_what_is_not_there_is_refused(name: str, zone_id: str, said: str | None) -> None:
    error = verdict(alias(name, zone_id))
    if said is None:
        assert error is None
        return
    code, message = error or ("", "")
    told = f"[Tried to create an alias that targets {name.rstrip('.')}., type A in zone {zone_id}, but "
    assert (code, message.startswith(told), said in message) == ("InvalidChangeBatch", True, True)


def test_an_alias_may_come_with_its_target() -> None:
    assert verdict(fixed(Name="b.z.test."), alias("b.z.test", "Z1", Name="c.z.test.")) is None
    assert verdict(fixed(Name="b.z.test.", Type="TXT"), alias("b.z.test", "Z1", Name="c.z.test.")) is not None


def test_an_alias_to_a_custom_domain_is_known_by_its_zone(
    change: Callable[..., Any], echo: Any, aws: Callable[..., Any]
) -> None:
    [domain] = aws("apigatewayv2", "us-east-2").get_domain_name(DomainName=echo.domain)[
        "DomainNameConfigurations"
    ]
    target = {"DNSName": domain["ApiGatewayDomainName"], "EvaluateTargetHealth": True}
    code, message = refused(change, Type="A", AliasTarget={**target, "HostedZoneId": "Z0"})
    assert (code, "does not lie within" in message) == ("InvalidChangeBatch", True)
    change(Type="A", AliasTarget={**target, "HostedZoneId": domain["HostedZoneId"]})


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a health check can be deleted while records use it",
    level="documented",
    source="Route 53 API Reference, DeleteHealthCheck",
)
def test_a_check_that_a_record_uses_may_be_deleted(route53: Any, change: Callable[..., Any]) -> None:
    check = route53.create_health_check(CallerReference="used", HealthCheckConfig=ENDPOINT)["HealthCheck"][
        "Id"
    ]
    change(Type="A", TTL=60, ResourceRecords=[{"Value": "10.0.0.1"}], HealthCheckId=check)
    route53.delete_health_check(HealthCheckId=check)
    assert refused(route53.get_health_check, HealthCheckId=check)[0] == "NoSuchHealthCheck"
