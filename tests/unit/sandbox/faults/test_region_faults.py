"""Every way a region can fail, seen by clients with real sockets, and the way back."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from drlib.sandbox.process.state import Status

East, West = "us-east-2", "us-west-2"
SILENCE_WALL_SECONDS = 0.5

Control = Callable[..., tuple[int, Any]]


@pytest.fixture(autouse=True)
def _whole(control: Control, sandbox: Status) -> Iterator[None]:
    """Leave no region broken."""
    yield
    for region in (East, West):
        control("DELETE", f"faults/{region}")


def inject(control: Control, mode: str, region: str = East, **order: Any) -> Any:
    status, fault = control("PUT", f"faults/{region}", mode=mode, **order)
    assert status == 200, fault
    return fault


def assert_reset(client: Any) -> None:
    # OpenSSL reports a reset connection as one or the other, by where it notices.
    with pytest.raises((ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)):
        client.request("/echo")


def test_refuse_closes_the_port_and_resets_open_connections(echo: Any, control: Control) -> None:
    with echo.connect(East) as kept, echo.connect(West) as other:
        assert kept.request("/echo").status == 200
        inject(control, "refuse")
        assert_reset(kept)
        with pytest.raises(ConnectionRefusedError):
            echo.connect(East)
        assert other.request("/echo").status == 200
        assert echo.get(West).status == 200
    control("DELETE", f"faults/{East}")
    assert echo.get(East).json()["region"] == East


def test_connections_in_their_handshake_are_reset_too(sandbox: Status, control: Control) -> None:
    host, port = sandbox.edges[East].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        inject(control, "refuse")
        with pytest.raises(ConnectionResetError):
            plain.recv(1)


def test_the_port_of_a_refusing_region_stays_its_own(sandbox: Status, control: Control) -> None:
    host, port = sandbox.edges[East].rsplit(":", 1)
    inject(control, "refuse")
    with socket.socket() as thief, pytest.raises(OSError, match="in use"):
        thief.bind((host, int(port)))


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_reset_accepts_and_resets(echo: Any, control: Control, sandbox: Status) -> None:
    host, port = sandbox.edges[East].rsplit(":", 1)
    with echo.connect(East) as kept:
        assert kept.request("/echo").status == 200
        inject(control, "reset")
        assert_reset(kept)
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection((host, int(port)), timeout=10) as plain,
    ):
        plain.recv(1)
    with pytest.raises((ConnectionResetError, ssl.SSLError)):
        echo.connect(East)
    control("DELETE", f"faults/{East}")
    assert echo.get(East).status == 200


def test_hang_answers_nobody_and_resets_them_when_it_ends(
    echo: Any, control: Control, sandbox: Status
) -> None:
    host, port = sandbox.edges[East].rsplit(":", 1)
    with echo.connect(East) as kept, socket.create_connection((host, int(port)), timeout=10) as early:
        assert kept.request("/echo").status == 200
        inject(control, "hang")
        with socket.create_connection((host, int(port)), timeout=10) as late:
            kept.socket.settimeout(SILENCE_WALL_SECONDS)
            with pytest.raises(TimeoutError):
                kept.request("/echo")
            with pytest.raises(TimeoutError):
                echo.connect(East, timeout=SILENCE_WALL_SECONDS)
            control("DELETE", f"faults/{East}")
            for sock in (late, early):
                with pytest.raises(ConnectionResetError):
                    sock.recv(1)
    assert echo.get(East).status == 200


def test_clients_that_give_up_on_a_hanging_region_leave_nothing_behind(
    sandbox: Status, control: Control
) -> None:
    host, port = sandbox.edges[East].rsplit(":", 1)
    server = psutil.Process(sandbox.pid)
    inject(control, "hang")

    def held() -> int:
        connections = server.net_connections(kind="tcp4")
        return sum(1 for c in connections if c.laddr == (host, int(port)) and c.raddr)

    clients = [socket.create_connection((host, int(port)), timeout=10) for _ in range(40)]
    assert sandbox.clock.wait_until(lambda: held() == 40, timeout=200)
    for client in clients:
        client.close()
    assert sandbox.clock.wait_until(lambda: held() == 0, timeout=200)


def test_a_request_under_way_when_the_region_hangs_gets_no_answer(
    echo: Any, control: Control, make_api: Callable[..., str]
) -> None:
    source = "import time\ndef handler(e, c):\n    time.sleep(1.0)\n    return {'statusCode': 200}\n"
    name = f"{make_api('slow', East, source=source)}.execute-api.{East}.amazonaws.com"
    with echo.connect(East, name) as client:
        client._http.request("GET", "/echo")
        time.sleep(0.2)
        inject(control, "hang")
        client.socket.settimeout(2.0)
        with pytest.raises(TimeoutError):
            client._http.getresponse()


def test_503_answers_every_request_as_api_gateway_does(echo: Any, control: Control) -> None:
    with echo.connect(East) as kept:
        inject(control, "503")
        for client in (kept, echo.connect(East)):
            with client:
                answer = client.request("/echo")
                assert (answer.status, answer.json()) == (503, {"message": "Service Unavailable"})
    control("DELETE", f"faults/{East}")
    assert echo.get(East).status == 200


def test_latency_delays_and_does_not_take_the_region_down(
    echo: Any, control: Control, aws: Callable[..., Any]
) -> None:
    inject(control, "latency", latency_seconds=10)
    with echo.connect(East) as client:
        before = time.monotonic()
        assert client.request("/echo").status == 200
        assert time.monotonic() - before >= 10 / echo.status.time_scale
    before = time.monotonic()
    aws("sqs", East).list_queues()
    assert time.monotonic() - before >= 10 / echo.status.time_scale


@pytest.mark.parametrize("mode", ["refuse", "reset", "503"])
def test_the_apis_of_a_region_that_is_down_are_unavailable(
    control: Control, aws: Callable[..., Any], mode: str
) -> None:
    inject(control, mode)
    for service, call in (
        ("dynamodb", "list_tables"),
        ("sqs", "list_queues"),
        ("sns", "list_topics"),
        ("s3", "list_buckets"),
        ("lambda", "list_functions"),
        ("apigatewayv2", "get_apis"),
        ("ec2", "describe_vpcs"),
        ("cloudwatch", "describe_alarms"),
        ("events", "list_rules"),
    ):
        with pytest.raises(ClientError) as failure:
            getattr(aws(service, East), call)()
        response = failure.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 503, service
        assert response["Error"]["Code"] in ("ServiceUnavailable", "Unavailable"), service
        assert "try again" in response["Error"]["Message"], service
        getattr(aws(service, West), call)()


def test_global_services_outlive_a_region(control: Control, aws: Callable[..., Any]) -> None:
    inject(control, "refuse", "us-east-1")
    try:
        aws("route53", "us-east-1").list_hosted_zones()
        aws("iam", "us-east-1").list_roles()
        aws("sts", "us-east-1").get_caller_identity()
    finally:
        control("DELETE", "faults/us-east-1")


def test_a_presigned_request_has_the_region_of_its_signature(
    sandbox: Status, control: Control, aws: Callable[..., Any]
) -> None:
    url = aws("s3", East, signature_version="s3v4").generate_presigned_url(
        "list_objects_v2", Params={"Bucket": "none"}
    )
    path = url.removeprefix(sandbox.aws_endpoint)
    for mode, status in (("", 404), ("refuse", 503)):
        if mode:
            inject(control, mode)
        connection = http.client.HTTPConnection(sandbox.aws_endpoint.removeprefix("http://"), timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == status
        connection.close()


def test_apis_hang_until_the_region_is_whole(
    sandbox: Status, control: Control, aws: Callable[..., Any]
) -> None:
    inject(control, "hang")
    with pytest.raises(BotoCoreError):
        aws("sqs", East, read_timeout=SILENCE_WALL_SECONDS).list_queues()
    caught: list[BaseException] = []
    queues = aws("sqs", East)

    def call() -> None:
        try:
            queues.list_queues()
        except BotoCoreError as error:
            caught.append(error)

    waiting = threading.Thread(target=call)
    waiting.start()
    mine = psutil.Process()
    port = int(sandbox.aws_endpoint.rpartition(":")[2])

    def asks() -> bool:
        connections = mine.net_connections(kind="tcp4")
        return any(c.raddr and c.raddr.port == port and c.status == "ESTABLISHED" for c in connections)

    assert sandbox.clock.wait_until(asks, timeout=200)
    waiting.join(SILENCE_WALL_SECONDS)
    assert waiting.is_alive()
    control("DELETE", f"faults/{East}")
    waiting.join(10)
    assert [type(error) for error in caught] == [ConnectionClosedError]
    aws("sqs", East).list_queues()


def test_a_region_heals_by_itself_at_the_deadline(echo: Any, control: Control, sandbox: Status) -> None:
    fault = inject(control, "refuse", deadline_seconds=10)
    assert fault["deadline"] == pytest.approx(fault["at"] + 10)
    assert sandbox.clock.wait_until(lambda: control("GET", "faults")[1] == {}, timeout=200)
    assert echo.get(East).status == 200
    healed = [event for event in events(control) if event["kind"] == "healed"][-1]
    assert healed["detail"] == {"region": East, "mode": "refuse", "by": "deadline"}
    assert healed["at"] >= fault["deadline"]


# A reset before the handshake can leave the socket of wrap_socket open, and nobody has hold of it.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_one_fault_takes_the_place_of_another(echo: Any, control: Control, sandbox: Status) -> None:
    inject(control, "refuse", deadline_seconds=10)
    inject(control, "503", deadline_seconds=600)
    assert echo.get(East).status == 503
    inject(control, "hang")
    with pytest.raises(TimeoutError):
        echo.connect(East, timeout=SILENCE_WALL_SECONDS)
    inject(control, "reset")
    with pytest.raises((ConnectionResetError, ssl.SSLError)):
        echo.connect(East)
    inject(control, "latency", latency_seconds=0.1)
    sandbox.clock.sleep(10)
    assert echo.get(East).status == 200
    assert control("GET", "faults")[1][East]["mode"] == "latency", (
        "the first fault's deadline healed the last one"
    )


def test_a_fault_is_known_written_down_and_logged(control: Control, sandbox: Status) -> None:
    before = events(control)
    fault = inject(control, "503", latency_seconds=0, deadline_seconds=600)
    assert control("GET", "faults") == (200, {East: {k: v for k, v in fault.items() if k != "region"}})
    written = Path(sandbox.folder, "faults", f"{East}.json")
    assert json.loads(written.read_text())["healed_at"] is None
    status, healed = control("DELETE", f"faults/{East}")
    assert (status, healed["healed"]) == (200, True)
    assert json.loads(written.read_text())["healed_at"] == healed["at"] >= fault["at"]
    new = control("GET", f"events?since={before[-1]['seq'] if before else 0}")[1]["events"]
    of_faults = [event for event in new if event["kind"] in ("fault", "healed")]
    mine = [(event["kind"], event["detail"]["region"]) for event in of_faults]
    assert mine == [("fault", East), ("healed", East)]


def test_healing_twice_does_no_harm(control: Control) -> None:
    assert control("DELETE", f"faults/{East}")[1]["healed"] is False


@pytest.mark.parametrize(
    ("region", "order", "status", "word"),
    [
        ("mars-1", {"mode": "refuse"}, 404, "mars-1"),
        (East, {"mode": "explode"}, 400, "explode"),
        (East, {}, 400, "mode"),
        (East, {"mode": "refuse", "deadline_seconds": 0}, 400, "deadline_seconds"),
        (East, {"mode": "refuse", "deadline_seconds": "soon"}, 400, "deadline_seconds"),
        (East, {"mode": "refuse", "deadline_seconds": True}, 400, "deadline_seconds"),
        (East, {"mode": "latency"}, 400, "latency_seconds"),
        (East, {"mode": "refuse", "speed": 1}, 400, "speed"),
    ],
)
def test_a_wrong_order_is_refused_in_words(
    control: Control, region: str, order: dict[str, Any], status: int, word: str
) -> None:
    got, answer = control("PUT", f"faults/{region}", **order)
    assert got == status
    assert word in answer["message"]
    assert control("GET", "faults")[1] == {}


def events(control: Control) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = control("GET", "events")[1]["events"]
    return found
