"""Sabotages of the switch: records, health checks, names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drlib.deployed import probes
from tests.red.stage import Sabotages, Stage

CASES = Sabotages()
PAIR = "the-failover-pair-is-whole"
ASKS = "the-health-check-asks-the-api-standby"
CHECKERS = "every-checker-passes-standby"
NAMED = "certificate-and-mapping-standby"
DNS_ALARM = "no-alarm-rings-route-53"


@CASES.case("the PRIMARY record has no health check, so Route 53 would never fail over", red=[PAIR])
def primary_without_health_check(stage: Stage) -> Iterator[None]:
    def change(record: dict[str, Any]) -> dict[str, Any]:
        del record["HealthCheckId"]
        return record

    with stage.record("PRIMARY", change):
        yield


@CASES.case("the SECONDARY record is deleted", red=[PAIR])
def no_secondary(stage: Stage) -> Iterator[None]:
    with stage.record("SECONDARY", lambda record: None):
        yield


@CASES.case("both failover records point to the primary", red=[PAIR])
def both_to_the_primary(stage: Stage) -> Iterator[None]:
    primary = stage.client("apigatewayv2").get_domain_name(DomainName=stage.deployment.public_name)
    target = primary["DomainNameConfigurations"][0]["ApiGatewayDomainName"]

    def change(record: dict[str, Any]) -> dict[str, Any]:
        record["AliasTarget"]["DNSName"] = target
        return record

    with stage.record("SECONDARY", change):
        yield


@CASES.case("the SECONDARY record is an address with a TTL of one hour instead of an alias", red=[PAIR])
def long_ttl(stage: Stage) -> Iterator[None]:
    def change(record: dict[str, Any]) -> dict[str, Any]:
        del record["AliasTarget"]
        return {**record, "TTL": 3600, "ResourceRecords": [{"Value": "192.0.2.1"}]}

    with stage.record("SECONDARY", change):
        yield


@CASES.case("the standby's health check is disabled", red=[ASKS, CHECKERS])
def check_disabled(stage: Stage) -> Iterator[None]:
    with stage.health_check("standby_endpoint", Disabled=True):
        yield


@CASES.case("the standby's health check is inverted", red=[ASKS], echo=[DNS_ALARM])
def check_inverted(stage: Stage) -> Iterator[None]:
    with stage.health_check("standby_endpoint", Inverted=True):
        yield


@CASES.case("the standby's health check requests the primary's API", red=[ASKS])
def check_asks_the_other_region(stage: Stage) -> Iterator[None]:
    with stage.health_check("standby_endpoint", FullyQualifiedDomainName=stage.outputs("primary").api_host):
        yield


@CASES.case(
    "the standby's health check requests a path that accepts only POST",
    red=[ASKS, CHECKERS],
    echo=[DNS_ALARM],
)
def check_asks_the_wrong_path(stage: Stage) -> Iterator[None]:
    check = stage.deployment.checks["standby_endpoint"]
    with stage.health_check("standby_endpoint", ResourcePath="/payments"):
        stage.wait(
            lambda: not any(report.ok for report in probes.checkers(stage.here, check)),
            "the checkers to fail",
        )
        yield


@CASES.case(
    "the primary's calculated health check does not include the latch",
    red=["the-primarys-health-counts-endpoint-and-latch"],
)
def latch_does_not_count(stage: Stage) -> Iterator[None]:
    with stage.health_check("primary", HealthThreshold=1):
        yield


@CASES.case(
    "the certificates' validation record is deleted, so they would not be renewed",
    red=["certificate-and-mapping-primary", NAMED],
)
def no_proof_of_the_name(stage: Stage) -> Iterator[None]:
    route53, zone = stage.client("route53"), stage.deployment.zone_id
    found = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    record = next(row for row in found if row["Type"] == "CNAME" and row["Name"].startswith("_"))
    for action in ("DELETE", "CREATE"):
        change = {"Action": action, "ResourceRecordSet": record}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
        if action == "DELETE":
            yield


@CASES.case("the standby's custom domain maps to no API", red=[NAMED])
def no_mapping(stage: Stage) -> Iterator[None]:
    front, name = stage.client("apigatewayv2", "standby"), stage.deployment.public_name
    mapping = front.get_api_mappings(DomainName=name)["Items"][0]
    front.delete_api_mapping(DomainName=name, ApiMappingId=mapping["ApiMappingId"])
    yield
    front.create_api_mapping(DomainName=name, ApiId=mapping["ApiId"], Stage=mapping["Stage"])
