"""APIs, domains, records and health checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.unit.stack.program.reading import PAIR


def test_the_api_serves_its_routes_with_a_permission_each(planned: Any) -> None:
    keys = ["GET /healthz", "GET /healthz/deep", "GET /payments/{payment_id}", "POST /payments"]
    for region in PAIR:
        routes = [r for r in planned.of("apigatewayv2/route:Route").values() if r["region"] == region]
        assert sorted(route["routeKey"] for route in routes) == keys
        granted = {
            inputs["sourceArn"].split("/*/", 1)[1]
            for inputs in planned.of("lambda/permission:Permission").values()
            if inputs["region"] == region and inputs["principal"] == "apigateway.amazonaws.com"
        }
        assert granted == {key.replace(" ", "") for key in keys}
    for stage in planned.of("apigatewayv2/stage:Stage").values():
        assert (stage["name"], stage["autoDeploy"]) == ("$default", True)
        assert stage["defaultRouteSettings"]["throttlingRateLimit"] > 0
        assert json.loads(stage["accessLogSettings"]["format"])
    for integration in planned.of("apigatewayv2/integration:Integration").values():
        assert integration["payloadFormatVersion"] == "2.0"
        assert integration["timeoutMilliseconds"] <= 30_000


def test_an_issuer_guards_payments_and_leaves_health_open(planned: Any, full: Any) -> None:
    assert all(r["authorizationType"] == "NONE" for r in planned.of("apigatewayv2/route:Route").values())
    assert len(full.of("apigatewayv2/authorizer:Authorizer")) == 2
    for route in full.of("apigatewayv2/route:Route").values():
        guarded = "/payments" in route["routeKey"]
        assert route["authorizationType"] == ("JWT" if guarded else "NONE")
        assert ("authorizerId" in route) == guarded


def test_the_public_name_has_a_domain_and_a_certificate_in_each_region(planned: Any) -> None:
    domains = planned.of("apigatewayv2/domainName:DomainName")
    assert {(d["region"], d["domainName"]) for d in domains.values()} == {
        (region, "api.pay.drill.test") for region in PAIR
    }
    for inputs in domains.values():
        configuration = inputs["domainNameConfiguration"]
        assert (configuration["endpointType"], configuration["securityPolicy"]) == ("REGIONAL", "TLS_1_2")
        assert inputs["region"] in configuration["certificateArn"]
    records = planned.of("route53/record:Record")
    assert [name for name, r in records.items() if r["type"] == "CNAME"] == ["domain-validation"]


def test_the_failover_pair_is_two_aliases_with_checks(planned: Any) -> None:
    pair = [r for r in planned.of("route53/record:Record").values() if r["type"] == "A"]
    assert {r["name"] for r in pair} == {"api.pay.drill.test"}
    assert len({r["setIdentifier"] for r in pair}) == 2
    kinds = []
    for record in pair:
        assert "ttl" not in record and "records" not in record
        assert isinstance(record["failoverRoutingPolicies"], list)
        kinds += [policy["type"] for policy in record["failoverRoutingPolicies"]]
        (alias,) = record["aliases"]
        assert alias["evaluateTargetHealth"] is True
        assert record["healthCheckId"]
    assert sorted(kinds) == ["PRIMARY", "SECONDARY"]
    (primary,) = [r for r in pair if r["failoverRoutingPolicies"][0]["type"] == "PRIMARY"]
    assert primary["healthCheckId"] == "failover-primary-id"
    assert primary["aliases"][0]["zoneId"] == "Z-us-east-2"


def test_the_primary_is_healthy_while_its_endpoint_is_and_the_latch_is_not_set(planned: Any) -> None:
    checks = planned.of("route53/healthCheck:HealthCheck")
    primary = checks["failover-primary"]
    assert (primary["type"], primary["childHealthThreshold"]) == ("CALCULATED", 2)
    assert set(primary["childHealthchecks"]) == {"failover-endpoint-us-east-2-id", "failover-latch-id"}
    latch = checks["failover-latch"]
    assert latch["type"] == "CLOUDWATCH_METRIC"
    assert latch["insufficientDataHealthStatus"] == "LastKnownStatus"
    assert latch["cloudwatchAlarmRegion"] == "us-west-2"
    alarm = planned.of("cloudwatch/metricAlarm:MetricAlarm")["failover-latch-alarm"]
    assert (alarm["region"], alarm["name"]) == ("us-west-2", latch["cloudwatchAlarmName"])
    assert (alarm["statistic"], alarm["threshold"], alarm["period"]) == ("Maximum", 1, 60)
    assert alarm["treatMissingData"] == "ignore"
    assert alarm["dimensions"] == {"Stack": "drill"}


def test_endpoint_checks_ask_the_regions_own_name(planned: Any, plan: Callable[..., Any]) -> None:
    for region in PAIR:
        check = planned.of("route53/healthCheck:HealthCheck")[f"failover-endpoint-{region}"]
        assert check["fqdn"] == f"api1.execute-api.{region}.amazonaws.com"
        assert (check["type"], check["resourcePath"]) == ("HTTPS_STR_MATCH", "/healthz")
        assert check["searchString"] in '{"status": "ok"}'
        assert (check["requestInterval"], check["failureThreshold"]) == (10, 3)
        assert len(set(check["regions"])) == 8
    slower = plan(check_interval_seconds=30, check_failure_threshold=2)
    check = slower.of("route53/healthCheck:HealthCheck")["failover-endpoint-us-east-2"]
    assert (check["requestInterval"], check["failureThreshold"]) == (30, 2)


def test_an_existing_zone_is_used_as_it_is(plan: Callable[..., Any]) -> None:
    planned = plan(
        target="aws",
        approval="",
        state_backend="s3://state",
        hosted_zone_id="Z0123456789ABC",
        domain_name="pay.acme.net",
    )
    assert planned.of("route53/zone:Zone") == {}
    assert {r["zoneId"] for r in planned.of("route53/record:Record").values()} == {"Z0123456789ABC"}
    assert planned.outputs["zone_id"] == "Z0123456789ABC"
    assert planned.outputs["name_servers"] == []
