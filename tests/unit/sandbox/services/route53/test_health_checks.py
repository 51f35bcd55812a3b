"""Checkers, failover answers and alarms together, in a real sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dns.message
import dns.query
import pytest

from drlib.sandbox.process.state import Status

EAST, WEST = "us-east-2", "us-west-2"
NAME = "api.health-test.test"
LATCH = {"Namespace": "Test", "MetricName": "Failover"}
WAIT_WALL_SECONDS = 60.0
OK = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'all is ok'}\n"


@dataclass
class Pair:
    """A failover pair for the two regions, with the health checks and the latch of a stack."""

    status: Status
    aws: Callable[..., Any]
    control: Callable[..., tuple[int, Any]]
    checks: dict[str, str]

    def until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_WALL_SECONDS
        while not done():
            assert time.monotonic() < deadline, f"not within {WAIT_WALL_SECONDS:g} s: {what}"
            time.sleep(0.05)

    def answer(self) -> str:
        host, port = self.status.dns.split(":")
        reply = dns.query.udp(dns.message.make_query(NAME, "A"), host, port=int(port), timeout=10)
        return str(reply.answer[0][0])

    def address(self, region: str) -> str:
        name = f"x.execute-api.{region}.amazonaws.com"
        host, port = self.status.dns.split(":")
        reply = dns.query.udp(dns.message.make_query(name, "A"), host, port=int(port), timeout=10)
        return str(reply.answer[0][0])

    def observed(self, check: str, *, failures: bool = False) -> list[str]:
        client = self.aws("route53", "us-east-1")
        call = client.get_health_check_last_failure_reason if failures else client.get_health_check_status
        found = call(HealthCheckId=self.checks[check])["HealthCheckObservations"]
        return [seen["StatusReport"]["Status"] for seen in found]

    def events(self, since: int, kind: str) -> list[dict[str, Any]]:
        _, log = self.control("GET", f"events?since={since}")
        return [event for event in log["events"] if event["kind"] == kind]

    def latch(self, value: float) -> None:
        datum = {"MetricName": LATCH["MetricName"], "Value": value}
        self.aws("cloudwatch", WEST).put_metric_data(Namespace=LATCH["Namespace"], MetricData=[datum])


@pytest.fixture(scope="module")
def pair(
    sandbox: Status,
    aws: Callable[..., Any],
    control: Callable[..., tuple[int, Any]],
    make_api: Callable[..., str],
    make_domain: Callable[..., None],
) -> Iterator[Pair]:
    route53 = aws("route53", "us-east-1")
    aws("cloudwatch", WEST).put_metric_alarm(
        AlarmName="health-test",
        **LATCH,
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="ignore",
    )

    def check(name: str, **config: Any) -> str:
        made = route53.create_health_check(CallerReference=f"health-test-{name}", HealthCheckConfig=config)
        return str(made["HealthCheck"]["Id"])

    checks, targets = {}, {}
    for name, region in (("east", EAST), ("west", WEST)):
        api_id = make_api("health-test", region, source=OK)
        make_domain(f"{name}.health-names.test", region, api_id)
        domain = aws("apigatewayv2", region).get_domain_name(DomainName=f"{name}.health-names.test")
        targets[region] = domain["DomainNameConfigurations"][0]
        checks[name] = check(
            name,
            Type="HTTPS_STR_MATCH",
            FullyQualifiedDomainName=f"{api_id}.execute-api.{region}.amazonaws.com",
            ResourcePath="/healthz",
            SearchString="is ok",
            RequestInterval=10,
            FailureThreshold=3,
        )
    identifier = {"Name": "health-test", "Region": WEST}
    checks["latch"] = check(
        "latch",
        Type="CLOUDWATCH_METRIC",
        AlarmIdentifier=identifier,
        InsufficientDataHealthStatus="LastKnownStatus",
    )
    checks["primary"] = check(
        "primary", Type="CALCULATED", ChildHealthChecks=[checks["east"], checks["latch"]], HealthThreshold=2
    )
    zone = route53.create_hosted_zone(Name="health-test.test", CallerReference="health-test")
    zone_id = zone["HostedZone"]["Id"]
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": NAME,
                "Type": "A",
                "SetIdentifier": role,
                "Failover": role,
                "HealthCheckId": checks[check],
                "AliasTarget": {
                    "HostedZoneId": targets[region]["HostedZoneId"],
                    "DNSName": targets[region]["ApiGatewayDomainName"],
                    "EvaluateTargetHealth": True,
                },
            },
        }
        for role, check, region in (("PRIMARY", "primary", EAST), ("SECONDARY", "west", WEST))
    ]
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    pair = Pair(sandbox, aws, control, checks)
    pair.until(lambda: all(len(pair.observed(name)) == 8 for name in ("east", "west")), "eight observations")
    yield pair
    for change in changes:
        change["Action"] = "DELETE"
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    route53.delete_hosted_zone(Id=zone_id)
    for name in ("primary", "latch", "east", "west"):
        route53.delete_health_check(HealthCheckId=checks[name])
    aws("cloudwatch", WEST).delete_alarms(AlarmNames=["health-test"])


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="GetHealthCheckStatus returns the last result of each checker region",
    level="documented",
    source="Route 53 API Reference, GetHealthCheckStatus",
)
def test_all_eight_checkers_report_a_healthy_endpoint(pair: Pair) -> None:
    expected = f"Success: HTTP Status Code 200, OK. Resolved IP: {pair.address(EAST)}"
    pair.until(lambda: pair.observed("east") == [expected] * 8, "eight successes")
    found = pair.aws("route53", "us-east-1").get_health_check_status(HealthCheckId=pair.checks["east"])
    observations = found["HealthCheckObservations"]
    assert len({seen["Region"] for seen in observations}) == 8
    assert len({seen["IPAddress"] for seen in observations}) == 8
    latest = max(seen["StatusReport"]["CheckedTime"].timestamp() for seen in observations)
    assert pair.status.anchor < latest <= pair.status.clock.now()


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("refuse", "Connection refused by the endpoint."),
        ("hang", "The health checker could not establish a connection within the timeout limit."),
        ("503", "HTTP Status Code 503, Service Unavailable"),
    ],
)
def test_a_region_s_outage_turns_checks_and_answers_and_its_end_turns_them_back(
    pair: Pair, mode: str, reason: str
) -> None:
    east, west = pair.address(EAST), pair.address(WEST)
    pair.until(lambda: pair.answer() == east, "the primary answers")
    _, log = pair.control("GET", "events")
    since = log["events"][-1]["seq"]
    _, fault = pair.control("PUT", f"faults/{EAST}", mode=mode)
    try:
        pair.until(lambda: pair.answer() == west, "the standby answers")
        texts = pair.observed("east", failures=True)
        assert sum(reason in text for text in texts) >= 7, texts
        changed = pair.events(since, "health_check")
        assert [event["detail"]["id"] for event in changed] == [pair.checks["east"], pair.checks["primary"]]
        assert changed[0]["detail"]["checkers_healthy"] == 1
        assert changed[0]["at"] > fault["at"]
        answer = pair.events(since, "dns_answer")[-1]
        assert (answer["detail"]["role"], answer["detail"]["before"]) == ("secondary", "primary")
        assert answer["at"] >= changed[1]["at"]
        assert not any("Failure" in text for text in pair.observed("west"))
    finally:
        pair.control("DELETE", f"faults/{EAST}")
    pair.until(lambda: pair.answer() == east, "the primary answers again")


def test_the_latch_turns_the_answer_at_once_and_setting_the_alarm_s_state_does_not(pair: Pair) -> None:
    east, west = pair.address(EAST), pair.address(WEST)
    pair.until(lambda: pair.answer() == east, "the primary answers")
    _, log = pair.control("GET", "events")
    since = log["events"][-1]["seq"]
    pair.aws("cloudwatch", WEST).set_alarm_state(
        AlarmName="health-test", StateValue="ALARM", StateReason="by hand"
    )
    pair.latch(0)
    pair.until(lambda: bool(pair.events(since, "alarm")), "the alarm returns to what its data say")
    assert pair.events(since, "health_check") == []
    pair.latch(1)
    pair.until(lambda: pair.answer() == west, "the standby answers")
    changed = pair.events(since, "health_check")
    assert [event["detail"]["id"] for event in changed] == [pair.checks["latch"], pair.checks["primary"]]

    def released() -> bool:
        pair.latch(0)
        return pair.answer() == east

    pair.until(released, "the primary answers again")


def test_inverting_and_disabling_a_check_counts_at_once(pair: Pair) -> None:
    route53 = pair.aws("route53", "us-east-1")
    east, west = pair.address(EAST), pair.address(WEST)
    pair.until(lambda: pair.answer() == east, "the primary answers")
    route53.update_health_check(HealthCheckId=pair.checks["east"], Inverted=True)
    pair.until(lambda: pair.answer() == west, "inverted: the standby answers")
    route53.update_health_check(HealthCheckId=pair.checks["east"], Disabled=True)
    pair.until(lambda: pair.answer() == east, "disabled: the primary answers")
    pair.until(lambda: pair.observed("east") == [], "nobody checks it")
    route53.update_health_check(HealthCheckId=pair.checks["east"], Inverted=False, Disabled=False)
    pair.until(lambda: len(pair.observed("east")) == 8, "it is checked again")
    pair.until(lambda: pair.answer() == east, "the primary answers, as before")


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a health check by domain name fails while the name does not resolve",
    level="documented",
    source="Route 53 Developer Guide, How Amazon Route 53 determines whether a health check is healthy",
)
def test_a_name_that_does_not_resolve_fails(pair: Pair) -> None:
    route53 = pair.aws("route53", "us-east-1")
    check_id = route53.create_health_check(
        CallerReference="health-test-nowhere",
        HealthCheckConfig={
            "Type": "HTTPS",
            "FullyQualifiedDomainName": "nowhere.health-test.test",
            "RequestInterval": 10,
            "FailureThreshold": 1,
        },
    )["HealthCheck"]["Id"]
    pair.checks["nowhere"] = check_id
    try:
        pair.until(lambda: len(pair.observed("nowhere")) == 8, "eight observations")
        assert set(pair.observed("nowhere")) == {"Failure: DNS resolution failed: Rcode NXDomain(3)"}
    finally:
        route53.delete_health_check(HealthCheckId=check_id)


def test_status_is_published_every_minute_in_us_east_1(pair: Pair) -> None:
    def values(region: str) -> list[float]:
        now = pair.status.clock.now()
        found = pair.aws("cloudwatch", region).get_metric_statistics(
            Namespace="AWS/Route53",
            MetricName="HealthCheckStatus",
            Dimensions=[{"Name": "HealthCheckId", "Value": pair.checks["west"]}],
            StartTime=now - 600,
            EndTime=now,
            Period=60,
            Statistics=["Minimum"],
        )
        return [point["Minimum"] for point in found["Datapoints"]]

    pair.until(lambda: len(values("us-east-1")) > 1, "two minutes of status")
    assert values(WEST) == []
