"""A region's edge, seen from outside: names, certificates, events, errors, counts."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drlib.core.clock import Clock
from drlib.sandbox.process.state import Status
from drlib.sandbox.world import ACCOUNT_ID, Fault, World

East, West = "us-east-2", "us-west-2"


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="the same custom domain name can exist in several regions, each mapped to that region's API",
    level="documented",
    source="API Gateway Developer Guide, Configure custom health checks for DNS failover",
)
def test_one_domain_in_two_regions_leads_to_each_region_s_own_api(echo: Any) -> None:
    assert echo.get(East).json()["region"] == East
    assert echo.get(West).json()["region"] == West


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="a function receives an event in payload format 2.0",
    level="approximated",
    source="API Gateway Developer Guide, Create AWS Lambda proxy integrations for HTTP APIs",
    note="the IP addresses and request ids in the event are the sandbox's own",
)
def test_the_function_sees_the_event_that_aws_sends(echo: Any) -> None:
    with echo.connect(East) as client:
        answer = client.request(
            "/echo?a=1&b=x%20y", method="POST", body=b'{"n": 1}', content_type="application/json"
        )
    event = answer.json()["event"]
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /echo"
    assert (event["rawPath"], event["rawQueryString"]) == ("/echo", "a=1&b=x%20y")
    assert event["queryStringParameters"] == {"a": "1", "b": "x y"}
    assert json.loads(event["body"]) == {"n": 1}
    assert event["headers"]["host"] == echo.domain
    assert event["headers"]["x-forwarded-proto"] == "https"
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    context = event["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == (echo.domain, "api")
    assert (context["apiId"], context["stage"]) == (echo.api_ids[East], "$default")
    assert context["http"]["method"] == "POST"


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="an API has a generated host name, which works only in its own region",
    level="documented",
    source="API Gateway Developer Guide, Publish HTTP APIs for customers to invoke",
)
def test_the_default_name_of_an_api_works_in_its_region_alone(echo: Any) -> None:
    name = echo.default_name(East)
    event = echo.get(East, name=name).json()["event"]
    assert event["requestContext"]["domainName"] == name
    assert event["headers"]["host"] == name
    with pytest.raises(ssl.SSLError):
        echo.connect(West, name)


def test_the_api_s_endpoint_is_named_as_on_aws(echo: Any, aws: Callable[..., Any]) -> None:
    api = aws("apigatewayv2", East).get_api(ApiId=echo.api_ids[East])
    assert api["ApiEndpoint"] == f"https://{echo.default_name(East)}"


@pytest.mark.parametrize(
    "path", ["/health", "/healthz", "/health?x=1", "/deep/_ministack/reset", "/deep/_drlib/x"]
)
def test_no_path_of_an_api_is_shadowed(echo: Any, path: str) -> None:
    assert echo.get(East, path).json()["event"]["rawPath"] == path.partition("?")[0]


def test_the_emulator_s_own_paths_are_not_on_the_edge(echo: Any) -> None:
    for path in ("/_ministack/health", "/_aws/sqs/messages", "/_drlib/status", "/"):
        assert echo.get(East, path).status == 404


def test_an_answer_comes_through_whole(echo: Any) -> None:
    with echo.connect(East) as client:
        client._http.request("GET", "/teapot")
        answer = client._http.getresponse()
        assert (answer.status, answer.read()) == (418, b"short")
        assert answer.headers["x-kind"] == "teapot"
        assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert answer.headers.get_all("content-length") == ["5"]
        assert answer.headers.get_all("date")
        assert len(answer.headers["apigw-requestid"]) == 16


def test_a_request_with_an_idempotency_key_is_on_record(echo: Any, control: Callable[..., Any]) -> None:
    with echo.connect(East) as client:
        client.request("/echo", method="POST", body=b"{}", idempotency_key="on-record")
    _, answer = control("GET", "events")
    seen = [event["detail"] for event in answer["events"] if event["kind"] == "request"]
    assert seen[-1] == {"region": East, "idempotency_key": "on-record", "status": 200}


def test_a_connection_is_kept(echo: Any) -> None:
    with echo.connect(East) as client:
        assert [client.request("/echo").status for _ in range(3)] == [200, 200, 200]
        assert client.request("/echo", method="HEAD").body == b""
        assert client.request("/echo").status == 200


def test_only_http_1_1_is_spoken(echo: Any) -> None:
    with echo.connect(East) as client:
        assert client.socket.selected_alpn_protocol() == "http/1.1"


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="if a function fails, the client gets 500 and does not see the error",
    level="documented",
    source="API Gateway Developer Guide, Troubleshooting issues with HTTP API Lambda integrations",
)
def test_a_failing_function_gives_500_and_keeps_its_secret(echo: Any) -> None:
    answer = echo.get(East, "/fail")
    assert (answer.status, answer.json()) == (500, {"message": "Internal Server Error"})


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="if a function has no concurrency left, the client gets 503",
    level="documented",
    source="API Gateway Developer Guide, Troubleshooting issues with HTTP API Lambda integrations",
)
def test_a_function_without_concurrency_gives_503(
    sandbox: Status, aws: Callable[..., Any], make_api: Callable[..., str], echo: Any
) -> None:
    api_id = make_api("no-room", East)
    aws("lambda", East).put_function_concurrency(FunctionName="no-room", ReservedConcurrentExecutions=0)
    answer = echo.get(East, name=f"{api_id}.execute-api.{East}.amazonaws.com")
    assert (answer.status, answer.json()) == (503, {"message": "Service Unavailable"})


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="an API invokes a function only if its resource policy permits it",
    level="documented",
    source="API Gateway Developer Guide, Lambda integrations for HTTP APIs",
)
def test_a_function_that_does_not_permit_the_api_is_not_invoked(
    make_api: Callable[..., str], echo: Any, aws: Callable[..., Any]
) -> None:
    api_id = make_api("no-permission", East, permitted=False)
    name = f"{api_id}.execute-api.{East}.amazonaws.com"
    assert echo.get(East, name=name).status == 500
    for source, status in ((f"{api_id}x/*/*", 500), (f"{api_id}/$default/GET/{{any}}", 200)):
        aws("lambda", East).add_permission(
            FunctionName="no-permission",
            StatementId=f"s{status}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{East}:000000000000:{source}",
        )
        assert echo.get(East, name=name).status == status


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="the TLS handshake fails for a name that has no custom domain in the region",
    level="approximated",
    source="API Gateway Developer Guide, Custom domain names for HTTP APIs",
    note=(
        "the sandbox sends a TLS alert; AWS presents the certificate "
        "of its own names, which the client then refuses"
    ),
)
def test_a_name_without_certificate_fails_its_handshake(echo: Any) -> None:
    for name in ("other.echo.test", "localhost"):
        with pytest.raises(ssl.SSLError) as failure:
            echo.connect(East, name)
        assert "UNRECOGNIZED_NAME" in str(failure.value).upper().replace(" ", "_")


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="a region presents certificates only for its own custom domains",
    level="documented",
    source="API Gateway Developer Guide, Custom domain names for HTTP APIs",
)
def test_a_certificate_is_presented_in_its_region_only(
    sandbox: Status, echo: Any, make_domain: Callable[..., None]
) -> None:
    make_domain("one.echo.test", East, echo.api_ids[East])
    assert echo.get(East, name="one.echo.test").status == 200
    with pytest.raises(ssl.SSLError):
        echo.connect(West, "one.echo.test")


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="the path that a function receives begins with the stage's name, unless the stage is $default",
    level="documented",
    source="Powertools for AWS Lambda (Python), issue 621",
    note="under a custom domain, the function receives the path as the client sent it",
)
def test_a_named_stage_stands_before_the_path(
    echo: Any, aws: Callable[..., Any], make_api: Callable[..., str]
) -> None:
    api_id = make_api("staged", East)
    aws("apigatewayv2", East).create_stage(ApiId=api_id, StageName="prod", AutoDeploy=True)
    with echo.connect(East, f"{api_id}.execute-api.{East}.amazonaws.com") as client:
        for asked in ("/prod/echo", "/echo"):
            event = client.request(asked).json()["event"]
            assert (event["routeKey"], event["rawPath"]) == ("GET /{any}", asked)


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="DisableExecuteApiEndpoint disables the generated host name",
    level="documented",
    source="API Gateway Developer Guide, Disable the default endpoint for HTTP APIs",
)
def test_a_disabled_default_name_is_gone(
    echo: Any, aws: Callable[..., Any], make_api: Callable[..., str]
) -> None:
    api_id = make_api("hidden", East)
    name = f"{api_id}.execute-api.{East}.amazonaws.com"
    with echo.connect(East, name) as client:
        assert client.request("/echo").status == 200
        aws("apigatewayv2", East).update_api(ApiId=api_id, DisableExecuteApiEndpoint=True)
        assert client.request("/echo").status == 403
    with pytest.raises(ssl.SSLError):
        echo.connect(East, name)


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="a request for a host name that no custom domain maps gets 403",
    level="documented",
    source="API Gateway Developer Guide, Custom domain names for HTTP APIs",
)
def test_an_unknown_host_is_forbidden(echo: Any) -> None:
    with echo.connect(East) as client:
        answer = client.request("/echo", host="someone.else.test")
        assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})


def test_a_deleted_mapping_takes_its_name_away(
    echo: Any, aws: Callable[..., Any], make_domain: Callable[..., None]
) -> None:
    make_domain("brief.echo.test", East, echo.api_ids[East])
    api = aws("apigatewayv2", East)
    with echo.connect(East, "brief.echo.test") as client:
        assert client.request("/echo").status == 200
        [mapping] = api.get_api_mappings(DomainName="brief.echo.test")["Items"]
        api.delete_api_mapping(DomainName="brief.echo.test", ApiMappingId=mapping["ApiMappingId"])
        assert client.request("/echo").status == 403


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="a body over 10 MB is refused with 413",
    level="documented",
    source="API Gateway Developer Guide, Quotas for HTTP APIs",
)
def test_a_body_over_the_limit_is_refused(echo: Any) -> None:
    with echo.connect(East) as client:
        try:
            status = client.request("/echo", method="POST", body=bytes(10 * 1024 * 1024 + 1)).status
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            status = 0  # the edge hung up before all was sent, as API Gateway may
        assert status in (0, 413)


@pytest.fixture
def local_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Callable[..., int]]]:
    """An edge in this process, before an API that answers with the status that its path names."""
    from ministack.services import apigateway

    from drlib.sandbox.front.edge import Edge

    world = World(
        clock=Clock(scale=20),
        instance_id="i",
        folder=tmp_path,
        seed=1,
        replication_lag_seconds=0,
        edges={East: "127.0.0.12"},
        edge_ports={East: 1},
        edge_hosts={East: "127.0.0.12"},
        aws_port=2,
        dns_port=3,
    )
    touched: list[str] = []
    edge = Edge(world, East, touch=lambda: touched.append("x"))

    async def execute(_api: str, _stage: str, path: str, *_args: Any, **_options: Any) -> Any:
        return int(path.strip("/")), {"content-type": "text/plain"}, "said"

    def ask(path: str, *, agent: str = "curl") -> int:
        """Return the status, and note in `world.events` whether the request counted as use."""
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        host = f"abc.execute-api.{East}.amazonaws.com".encode()
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "client": ("127.0.0.1", 9),
            "headers": [(b"host", host), (b"user-agent", agent.encode())],
        }
        touched.clear()
        asyncio.run(edge(scope, receive, send))
        world.events.add("used" if touched else "not used")
        return int(sent[0]["status"])

    monkeypatch.setattr(apigateway, "handle_execute", execute)
    apigateway._apis.set_scoped(ACCOUNT_ID, East, "abc", {})
    apigateway._stages.set_scoped(ACCOUNT_ID, East, "abc", {"$default": {}})
    yield world, ask
    apigateway._apis.pop_scoped(ACCOUNT_ID, East, "abc")
    apigateway._stages.pop_scoped(ACCOUNT_ID, East, "abc")


def test_requests_are_counted_by_api_and_stage(local_edge: tuple[World, Callable[..., int]]) -> None:
    world, ask = local_edge
    assert [ask(f"/{status}") for status in (200, 201, 404, 500)] == [200, 201, 404, 500]
    [(key, counts)] = world.api_requests.drain().items()
    assert key == (East, "abc", "$default")
    assert (counts.requests, counts.client_errors, counts.server_errors) == (4, 1, 1)
    assert len(counts.latencies_ms) == 4
    assert all(latency > 0 for latency in counts.latencies_ms)


def test_a_region_that_is_down_counts_nothing(local_edge: tuple[World, Callable[..., int]]) -> None:
    world, ask = local_edge
    world.faults[East] = Fault(mode="503", latency_seconds=0, at=0, deadline=1)
    assert ask("/200") == 503
    assert world.api_requests.drain() == {}


def test_a_health_checker_is_no_user(local_edge: tuple[World, Callable[..., int]]) -> None:
    world, ask = local_edge
    ask("/200")
    ask("/200", agent="Amazon-Route53-Health-Check-Service (ref abc; report http://amzn.to/1vsZADi)")
    assert [event["kind"] for event in world.events.since(0)] == ["used", "not used"]


def test_plain_http_gets_no_answer_from_an_edge(sandbox: Status) -> None:
    host, port = sandbox.edges[East].rsplit(":", 1)
    plain = http.client.HTTPConnection(host, int(port), timeout=10)
    plain.request("GET", "/echo", headers={"host": "api.echo.test"})
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        plain.getresponse()
    plain.close()
