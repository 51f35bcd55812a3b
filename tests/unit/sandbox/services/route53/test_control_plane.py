"""The Route 53 API in a real sandbox, through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.sandbox.refused import refused

CALCULATED = {"Type": "CALCULATED", "ChildHealthChecks": [], "HealthThreshold": 0}
ENDPOINT = {
    "Type": "HTTPS_STR_MATCH",
    "FullyQualifiedDomainName": "nobody.route53-test.test",
    "ResourcePath": "/healthz",
    "SearchString": "ok",
    "RequestInterval": 10,
    "FailureThreshold": 2,
    "MeasureLatency": True,
    "EnableSNI": False,
    "Regions": ["us-east-1", "us-west-1", "eu-west-1"],
}


@pytest.fixture
def route53(aws: Callable[..., Any]) -> Any:
    return aws("route53", "us-east-1")


@pytest.fixture
def make_check(route53: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def make(config: dict[str, Any]) -> str:
        reference = f"{request.node.name[:50]}-{len(made)}"
        check = route53.create_health_check(CallerReference=reference, HealthCheckConfig=config)
        made.append(check["HealthCheck"]["Id"])
        return made[-1]

    yield make
    for check_id in reversed(made):
        route53.delete_health_check(HealthCheckId=check_id)


@pytest.fixture
def zone_id(route53: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    zone = route53.create_hosted_zone(Name="route53-test.test", CallerReference=request.node.name[:100])
    zone_id = zone["HostedZone"]["Id"].rpartition("/")[2]
    yield zone_id
    records = route53.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    changes = [
        {"Action": "DELETE", "ResourceRecordSet": record}
        for record in records
        if record["Type"] not in ("SOA", "NS")
    ]
    if changes:
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    route53.delete_hosted_zone(Id=zone_id)


def read(route53: Any, check_id: str) -> dict[str, Any]:
    return dict(route53.get_health_check(HealthCheckId=check_id)["HealthCheck"])


def test_an_endpoint_check_reads_back_as_it_was_written(route53: Any, make_check: Callable[..., str]) -> None:
    check = read(route53, make_check({**ENDPOINT, "Inverted": True}))
    assert check["HealthCheckConfig"] == {**ENDPOINT, "Port": 443, "Inverted": True, "Disabled": False}
    assert check["HealthCheckVersion"] == 1


def test_what_is_left_out_reads_back_as_aws_s_default(route53: Any, make_check: Callable[..., str]) -> None:
    config = read(route53, make_check({"Type": "HTTPS", "FullyQualifiedDomainName": "x.route53-test.test"}))
    assert config["HealthCheckConfig"] == {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": "x.route53-test.test",
        "Port": 443,
        "RequestInterval": 30,
        "FailureThreshold": 3,
        "MeasureLatency": False,
        "Inverted": False,
        "Disabled": False,
        "EnableSNI": True,
    }


def test_combined_checks_read_back(route53: Any, make_check: Callable[..., str]) -> None:
    alarm = {
        "Type": "CLOUDWATCH_METRIC",
        "AlarmIdentifier": {"Name": "latch", "Region": "us-west-2"},
        "InsufficientDataHealthStatus": "LastKnownStatus",
    }
    child = make_check(alarm)
    parent = {"Type": "CALCULATED", "ChildHealthChecks": [child], "HealthThreshold": 1}
    assert read(route53, child)["HealthCheckConfig"] == {**alarm, "Inverted": False, "Disabled": False}
    assert read(route53, make_check(parent))["HealthCheckConfig"] == {
        **parent,
        "Inverted": False,
        "Disabled": False,
    }


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an update with an old version number is refused; ResetElements restores defaults",
    level="documented",
    source="Route 53 API Reference, UpdateHealthCheck",
)
def test_an_update_counts_versions_and_resets_what_it_is_asked_to(
    route53: Any, make_check: Callable[..., str]
) -> None:
    check_id = make_check(ENDPOINT)
    updated = route53.update_health_check(
        HealthCheckId=check_id,
        HealthCheckVersion=1,
        FailureThreshold=5,
        ResetElements=["Regions", "ResourcePath"],
    )["HealthCheck"]
    assert updated["HealthCheckVersion"] == 2
    config = read(route53, check_id)["HealthCheckConfig"]
    assert config["FailureThreshold"] == 5
    assert "Regions" not in config
    assert "ResourcePath" not in config
    code, _ = refused(route53.update_health_check, HealthCheckId=check_id, HealthCheckVersion=1, Port=1)
    assert code == "HealthCheckVersionMismatch"
    assert read(route53, check_id)["HealthCheckConfig"]["Port"] == 443


def test_lists_and_counts_know_the_checks(route53: Any, make_check: Callable[..., str]) -> None:
    before = route53.get_health_check_count()["HealthCheckCount"]
    check_id = make_check(CALCULATED)
    listed = {check["Id"] for check in route53.list_health_checks()["HealthChecks"]}
    assert check_id in listed
    assert route53.get_health_check_count()["HealthCheckCount"] == before + 1 == len(listed)


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="GetHealthCheckStatus is refused for health checks without an endpoint",
    level="documented",
    source="Route 53 API Reference, GetHealthCheckStatus",
)
def test_combined_checks_have_no_observations(route53: Any, make_check: Callable[..., str]) -> None:
    check_id = make_check(CALCULATED)
    assert refused(route53.get_health_check_status, HealthCheckId=check_id)[0] == "InvalidInput"
    assert refused(route53.get_health_check_status, HealthCheckId="none")[0] == "NoSuchHealthCheck"


def test_accelerated_recovery_reads_back(route53: Any, zone_id: str) -> None:
    assert "Features" not in route53.get_hosted_zone(Id=zone_id)["HostedZone"]
    route53.update_hosted_zone_features(HostedZoneId=zone_id, EnableAcceleratedRecovery=True)
    features = route53.get_hosted_zone(Id=zone_id)["HostedZone"]["Features"]
    assert features["AcceleratedRecoveryStatus"] == "ENABLED"


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="TestDNSAnswer returns the answer that the DNS server gives",
    level="approximated",
    source="Route 53 API Reference, TestDNSAnswer",
    note="the resolver address in the request has no effect",
)
def test_an_answer_can_be_tested(route53: Any, zone_id: str) -> None:
    record = {
        "Name": "a.route53-test.test",
        "Type": "A",
        "TTL": 60,
        "ResourceRecords": [{"Value": "10.0.0.1"}, {"Value": "10.0.0.2"}],
    }
    route53.change_resource_record_sets(
        HostedZoneId=zone_id, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )
    for name, code, data in (
        ("a.route53-test.test", "NOERROR", ["10.0.0.1", "10.0.0.2"]),
        ("b.route53-test.test", "NXDOMAIN", []),
    ):
        answer = route53.test_dns_answer(HostedZoneId=zone_id, RecordName=name, RecordType="A")
        assert (answer["ResponseCode"], answer["RecordData"]) == (code, data)
