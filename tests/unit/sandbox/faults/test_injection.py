"""Impairments of a running sandbox: what clients, services and checkers meet, and the way back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.outages import EAST, WEST, Control, Outages

NAME = "test"


@pytest.fixture(autouse=True)
def _mended(control: Control) -> Iterator[None]:
    yield
    control("DELETE", f"impairments/{NAME}")
    control("DELETE", f"faults/{EAST}")


@pytest.fixture
def impair(control: Control) -> Callable[..., dict[str, Any]]:
    def begin(kind: str, **order: Any) -> dict[str, Any]:
        status, facts = control("PUT", f"impairments/{NAME}", kind=kind, **order)
        assert status == 200, facts
        return dict(facts)

    return begin


def test_a_share_of_an_apis_requests_fails_and_the_path_beside_does_not(
    echo: Any, impair: Callable[..., Any]
) -> None:
    impair("api", region=EAST, paths=["/echo"], share=0.5, status=503)
    with echo.connect(EAST) as client:
        answers = [client.request("/echo") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 503, 200, 503]
        assert answers[1].json() == {"message": "Service Unavailable"}
        assert client.request("/other").status == 200
    assert echo.get(WEST).status == 200


def test_an_api_is_late_and_the_services_are_not(
    echo: Any, impair: Callable[..., Any], aws: Callable[..., Any], sandbox: Status
) -> None:
    impair("api", region=EAST, latency_seconds=20)
    before = time.monotonic()
    assert echo.get(EAST).status == 200
    assert time.monotonic() - before >= 20 / sandbox.time_scale
    aws("sqs", EAST).list_queues()


def test_a_cut_route_keeps_what_is_sent_until_it_is_mended(
    sandbox: Status, aws: Callable[..., Any], control: Control, impair: Callable[..., Any]
) -> None:
    tables = {region: aws("dynamodb", region) for region in (EAST, WEST)}
    tables[EAST].create_table(
        TableName="cut",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    tables[EAST].update_table(TableName="cut", ReplicaUpdates=[{"Create": {"RegionName": WEST}}])

    def has(region: str, key: str) -> bool:
        return "Item" in tables[region].get_item(TableName="cut", Key={"pk": {"S": key}})

    def put(region: str, key: str) -> None:
        tables[region].put_item(TableName="cut", Item={"pk": {"S": key}})

    impair("cut", source=EAST, target=WEST)
    put(EAST, "kept")
    put(WEST, "passes")
    assert sandbox.clock.wait_until(lambda: has(EAST, "passes"), timeout=600)
    assert not has(WEST, "kept")
    assert Outages(control).backlog("dynamodb")[f"{EAST}->{WEST}"] == 1
    control("DELETE", f"impairments/{NAME}")
    assert sandbox.clock.wait_until(lambda: has(WEST, "kept"), timeout=600)


@pytest.mark.fidelity(
    service="AWS",
    behaviour="a region's data planes keep working while its control planes are down",
    level="approximated",
    source="AWS whitepaper, AWS Fault Isolation Boundaries, Control planes and data planes",
    note="all control-plane operations answer 503; on AWS some may still work",
)
def test_a_control_plane_refuses_and_the_data_plane_goes_on(
    aws: Callable[..., Any], impair: Callable[..., Any]
) -> None:
    queue = aws("sqs", EAST).create_queue(QueueName="planes")["QueueUrl"]
    impair("control-plane", region=EAST)
    with pytest.raises(ClientError, match="503|ServiceUnavailable|unavailable"):
        aws("sqs", EAST).create_queue(QueueName="more")
    aws("sqs", EAST).send_message(QueueUrl=queue, MessageBody="hello")
    assert aws("sqs", EAST).receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
    aws("cloudwatch", EAST).put_metric_data(
        Namespace="Test", MetricData=[{"MetricName": "planes", "Value": 1.0}]
    )
    aws("sqs", WEST).list_queues()
    aws("route53", EAST).list_hosted_zones()


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="the control plane is in us-east-1, whatever region a client uses",
    level="documented",
    source="AWS whitepaper, AWS Fault Isolation Boundaries, Global services",
)
def test_global_services_are_controlled_from_one_region(
    aws: Callable[..., Any], impair: Callable[..., Any]
) -> None:
    impair("control-plane", region="us-east-1")
    for service, call in (("route53", "list_hosted_zones"), ("iam", "list_roles")):
        with pytest.raises(ClientError, match="503|ServiceUnavailable|unavailable"):
            getattr(aws(service, EAST), call)()
    aws("sts", EAST).get_caller_identity()
    aws("sqs", EAST).list_queues()


def test_checkers_that_do_not_get_through_report_a_timeout(
    sandbox: Status, aws: Callable[..., Any], echo: Any, impair: Callable[..., Any]
) -> None:
    route53 = aws("route53", "us-east-1")
    check = route53.create_health_check(
        CallerReference=f"cut-off-{time.monotonic_ns()}",
        HealthCheckConfig={
            "Type": "HTTPS",
            "FullyQualifiedDomainName": echo.default_name(EAST),
            "ResourcePath": "/echo",
            "RequestInterval": 10,
            "FailureThreshold": 1,
            "Regions": ["us-east-1", "us-west-1", "eu-west-1"],
        },
    )["HealthCheck"]["Id"]

    def reports() -> dict[str, str]:
        rows = route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
        return {row["Region"]: row["StatusReport"]["Status"] for row in rows}

    def failing() -> set[str]:
        return {region for region, status in reports().items() if not status.startswith("Success")}

    try:
        assert sandbox.clock.wait_until(lambda: len(reports()) == 3 and not failing(), timeout=1200)
        impair("checkers", region=EAST, checkers=["us-west-1", "eu-west-1"])
        assert sandbox.clock.wait_until(lambda: failing() == {"us-west-1", "eu-west-1"}, timeout=1200)
        assert "could not establish a connection within the timeout" in reports()["eu-west-1"]
    finally:
        route53.delete_health_check(HealthCheckId=check)


def test_the_first_payment_to_a_cold_region_starts_a_process(
    echo: Any, control: Control, impair: Callable[..., Any]
) -> None:
    seen = Outages(control)
    with echo.connect(EAST) as client:
        assert client.request("/echo", method="POST", body=b"{}").status == 200
        impair("cold", region=EAST)
        assert client.request("/echo").status == 200
        assert seen.events("cold_start") == []
        for _ in range(2):
            assert client.request("/echo", method="POST", body=b"{}").status == 200
    (start,) = seen.events("cold_start")
    assert (start["region"], start["status"]) == (EAST, 200)
    assert start["seconds"] > 0


def test_a_flapping_region_fails_and_heals_and_is_whole_at_the_end(
    sandbox: Status, echo: Any, control: Control, impair: Callable[..., Any]
) -> None:
    seen = Outages(control)
    impair("flapping", region=EAST, mode="503", down_seconds=4, up_seconds=4, times=2, deadline_seconds=600)
    assert sandbox.clock.wait_until(lambda: len(seen.events("healed")) == 2, timeout=600)
    assert [event["by"] for event in seen.events("healed")] == ["flapping", "flapping"]
    assert echo.get(EAST).status == 200
    assert set(control("GET", "impairments")[1]) == {NAME}, "it is in force until it is ended"


def test_ending_a_flapping_region_heals_it(echo: Any, control: Control, impair: Callable[..., Any]) -> None:
    impair("flapping", region=EAST, mode="503", down_seconds=500, up_seconds=5, times=9)
    assert echo.get(EAST).status == 503
    control("DELETE", f"impairments/{NAME}")
    assert echo.get(EAST).status == 200
    assert control("GET", "faults")[1] == {}


def test_an_impairment_ends_by_itself_at_its_deadline(
    sandbox: Status, control: Control, impair: Callable[..., Any]
) -> None:
    seen = Outages(control)
    facts = impair("cold", region=EAST, deadline_seconds=5)
    assert facts["deadline"] == pytest.approx(facts["at"] + 5)
    assert sandbox.clock.wait_until(lambda: control("GET", "impairments")[1] == {}, timeout=600)
    assert seen.events("mended") == [{"name": NAME, "by": "deadline", "impairment": "cold"}]


def test_it_is_known_written_down_and_ended_once(
    sandbox: Status, control: Control, impair: Callable[..., Any]
) -> None:
    facts = impair("cold", region=EAST)
    assert control("GET", "impairments") == (200, {NAME: facts})
    written = Path(sandbox.folder, "faults", f"{NAME}.json")
    assert json.loads(written.read_text())["healed_at"] is None
    assert control("DELETE", f"impairments/{NAME}")[1]["healed"] is True
    assert json.loads(written.read_text())["healed_by"] == "request"
    assert control("DELETE", f"impairments/{NAME}")[1]["healed"] is False


@pytest.mark.parametrize(
    ("name", "order", "status", "word"),
    [
        ("UPPER", {"kind": "cold", "region": EAST}, 400, "small letters"),
        (NAME, {"kind": "cold", "region": "mars-1"}, 404, "mars-1"),
        (NAME, {"kind": "flood", "region": EAST}, 400, "kind"),
        (NAME, {"kind": "cold", "region": EAST, "deadline_seconds": 0}, 400, "deadline_seconds"),
    ],
)
def test_a_wrong_order_is_refused_in_words(
    control: Control, name: str, order: dict[str, Any], status: int, word: str
) -> None:
    got, answer = control("PUT", f"impairments/{name}", **order)
    assert got == status
    assert word in answer["message"]
    assert control("GET", "impairments")[1] == {}
