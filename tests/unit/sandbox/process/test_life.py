"""The sandbox's life with real processes: up, again, down, killed, idle, left alone."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from drlib.core.errors import BadParameters, SandboxError
from drlib.sandbox.process import addresses, life
from drlib.sandbox.process.state import Options, Status, state_file
from tests.unit.sandbox.makers import trust

WORKER = """
import os
def handler(event, context):
    return {"pid": os.getpid(), "environment": dict(os.environ), "home": os.path.expanduser("~")}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home of its own, whose sandbox, if any, is ended after the test."""
    monkeypatch.setenv("DRLIB_HOME", str(tmp_path))
    yield tmp_path
    life.down()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def listening(pid: int) -> set[str]:
    return {
        connection.laddr.ip
        for connection in psutil.Process(pid).net_connections(kind="inet")
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    }


def call(status: Status, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-2",
        endpoint_url=status.aws_endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def invoke_worker(status: Status) -> Any:
    """Make a function, invoke it, and return what it says of itself."""
    iam = call(status, "iam")
    made = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", WORKER)
    functions = call(status, "lambda")
    functions.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Role=made["Role"]["Arn"],
        Handler="main.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    return json.load(functions.invoke(FunctionName="f")["Payload"])


def test_up_and_down(home: Path) -> None:
    assert life.status() is None
    status = life.up(seed=7)
    assert life.status() == status
    assert status.seed == 7
    assert abs(status.anchor - time.time()) < 60
    assert status.clock.scale == 10
    assert json.loads(json.dumps(status.as_json())) == status.as_json()
    assert Path(status.ca_file).read_text().startswith("-----BEGIN CERTIFICATE-----")
    call(status, "sqs").create_queue(QueueName="q")
    assert life.down() is True
    assert gone(status.pid)
    assert life.status() is None
    assert life.down() is False
    assert sorted(path.name for path in (home / ".drlib").iterdir()) == [
        "sandbox.lock",
        "sandbox.log",
    ]
    assert "ready" in (home / ".drlib" / "sandbox.log").read_text()


def test_up_twice_is_the_same_one_and_after_down_a_new_empty_one(home: Path) -> None:
    first = life.up()
    call(first, "sqs").create_queue(QueueName="q")
    assert life.up() == first
    with pytest.raises(SandboxError, match=r"time_scale=10, not 5.*drlib sandbox down"):
        life.up(time_scale=5)
    with pytest.raises(SandboxError, match="seed=1, not 2"):
        life.up(seed=2)
    life.down()
    second = life.up(time_scale=5)
    assert second.instance_id != first.instance_id
    assert call(second, "sqs").list_queues().get("QueueUrls", []) == []


def test_two_at_once_make_one(home: Path) -> None:
    program = "from drlib.sandbox.process import life; print(life.up().instance_id)"
    ups = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    ids = {up.communicate(timeout=60)[0] for up in ups}
    assert len(ids) == 1
    assert ids == {f"{life.up().instance_id}\n"}


@pytest.mark.parametrize(
    "options",
    [{"time_scale": 0.5}, {"time_scale": 61}, {"replication_lag_seconds": -1}, {"idle_wall_seconds": 0}],
)
def test_an_option_out_of_range_is_refused(home: Path, options: dict[str, float]) -> None:
    with pytest.raises(BadParameters, match=next(iter(options))):
        life.up(**options)  # type: ignore[arg-type]
    assert life.status() is None


def test_it_listens_on_loopback_alone(home: Path) -> None:
    status = life.up()
    addresses = listening(status.pid)
    assert "127.0.0.1" in addresses
    assert all(address.startswith("127.") for address in addresses), addresses
    assert {value.rsplit(":", 1)[0] for value in status.edges.values()} <= addresses


def test_a_killed_one_is_reported_and_a_new_one_comes_up(home: Path) -> None:
    status = life.up()
    os.kill(status.pid, signal.SIGKILL)
    assert eventually(lambda: gone(status.pid))
    with pytest.raises(SandboxError, match=rf"{status.pid}.*died.*sandbox\.log") as failure:
        life.status()
    assert "drlib sandbox up" in failure.value.remedy
    assert Path(status.folder, "sandbox.log").exists()
    again = life.up()
    assert again.instance_id != status.instance_id
    assert not Path(status.folder).exists()
    os.kill(again.pid, signal.SIGKILL)
    assert eventually(lambda: gone(again.pid))
    assert life.down() is False
    assert life.status() is None


def test_a_number_that_another_process_took_is_not_mistaken(home: Path) -> None:
    status = life.up()
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        file = state_file(home)
        state = json.loads(file.read_text())
        os.kill(status.pid, signal.SIGKILL)
        file.write_text(json.dumps({**state, "pid": other.pid}))
        with pytest.raises(SandboxError, match="died"):
            life.status()
        life.down()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_sigterm_from_anyone_is_a_clean_stop(home: Path) -> None:
    status = life.up()
    os.kill(status.pid, signal.SIGTERM)
    assert eventually(lambda: gone(status.pid))
    assert life.status() is None
    assert not Path(status.folder).exists()


def test_one_that_does_not_stop_is_killed_with_its_group(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = life.up()
    monkeypatch.setattr(life, "STOP_WALL_SECONDS", 0.5)
    os.kill(status.pid, signal.SIGSTOP)
    assert life.down() is True
    assert gone(status.pid)


def test_one_that_does_not_answer_is_reported(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = life.up()
    monkeypatch.setattr(life, "READY_WALL_SECONDS", 0.5)
    os.kill(status.pid, signal.SIGSTOP)
    try:
        with pytest.raises(SandboxError, match="does not answer"):
            life.up()
    finally:
        os.kill(status.pid, signal.SIGCONT)


def test_it_stops_by_itself_when_idle(home: Path) -> None:
    status = life.up(idle_wall_seconds=1.0)
    assert eventually(lambda: gone(status.pid))
    assert life.status() is None
    assert "no request for 1 s" in (home / ".drlib" / "sandbox.log").read_text()


def test_a_request_keeps_it_up(home: Path) -> None:
    status = life.up(idle_wall_seconds=3.0)
    end = time.monotonic() + 4.5
    while time.monotonic() < end:
        urllib.request.urlopen(f"{status.aws_endpoint}/_drlib/status", timeout=5).close()
        time.sleep(0.2)
    assert not gone(status.pid)


def test_it_stops_when_its_home_is_deleted(home: Path) -> None:
    status = life.up()
    shutil.rmtree(home / ".drlib")
    assert eventually(lambda: gone(status.pid))
    assert not Path(status.folder).exists()


def test_one_that_dies_while_starting_says_where_its_log_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = life._launch

    def with_a_broken_emulator(base: Path, folder: Path, options: Options) -> psutil.Process | None:
        # A folder is where the authority's certificate goes: writing it fails.
        (folder / "ca.pem").mkdir()
        return real(base, folder, options)

    monkeypatch.setattr(life, "_launch", with_a_broken_emulator)
    with pytest.raises(SandboxError, match="died while starting: IsADirectoryError") as failure:
        life.up()
    log = Path(failure.value.remedy.removeprefix("Its log: "))
    assert "Traceback" in log.read_text()
    assert life.status() is None


def test_of_two_that_start_the_second_gives_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = life.up()
    # As if it had not been there yet when the second was started.
    monkeypatch.setattr(life, "status", lambda: None)
    monkeypatch.setattr(life, "_remove_leftovers", lambda base: None)
    monkeypatch.setattr(life, "read", lambda base: None)
    with pytest.raises(SandboxError, match="another sandbox"):
        life.up()
    monkeypatch.undo()
    monkeypatch.setenv("DRLIB_HOME", str(home))
    assert life.status() == first


def test_a_broken_state_file_is_reported(home: Path) -> None:
    file = state_file(home)
    file.parent.mkdir()
    file.write_text('{"pid": 1')
    with pytest.raises(SandboxError, match=r"sandbox\.json cannot be read"):
        life.status()
    assert life.down() is False
    assert life.status() is None
    file.write_text("[]")
    with pytest.raises(SandboxError, match=r"sandbox\.json cannot be read"):
        life.status()
    assert life.up() == life.status()


def test_functions_get_a_clean_environment_and_die_with_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("PYTHONPATH", str(Path(life.__file__).parents[3]))
    monkeypatch.setenv("MY_SECRET", "x")
    status = life.up()
    said = invoke_worker(status)
    environment = said["environment"]
    assert not {"HTTPS_PROXY", "MY_SECRET", "PYTHONPATH", "AWS_PROFILE", "DRLIB_HOME"} & environment.keys()
    assert environment["AWS_ENDPOINT_URL"] == status.aws_endpoint
    assert environment["AWS_REGION"] == "us-east-2"
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert said["home"].startswith(status.folder)
    assert environment["TMPDIR"].startswith(status.folder)
    assert not gone(said["pid"])
    life.down()
    assert gone(said["pid"])


def test_functions_die_with_a_killed_server(home: Path) -> None:
    status = life.up()
    worker = invoke_worker(status)["pid"]
    assert not gone(worker)
    os.kill(status.pid, signal.SIGKILL)
    assert eventually(lambda: gone(worker))


def test_a_single_loopback_address_gives_one_port_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    real = addresses.listening_socket

    def only_the_first(host: str, port: int = 0) -> socket.socket:
        if host != "127.0.0.1":
            raise OSError(49, "Can't assign requested address")
        return real(host, port)

    monkeypatch.setattr(addresses, "listening_socket", only_the_first)
    sockets = addresses.bind()
    try:
        bound = [sock.getsockname() for sock in sockets.edges.values()]
        assert {host for host, _ in bound} == {"127.0.0.1"}
        assert len({port for _, port in bound}) == len(addresses.REGIONS)
    finally:
        for sock in (sockets.aws, *sockets.edges.values()):
            sock.close()


def test_a_port_taken_on_one_address_is_tried_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    real = addresses.listening_socket
    refused: list[int] = []

    def taken_once(host: str, port: int = 0) -> socket.socket:
        if host == "127.0.0.13" and not refused:
            refused.append(port)
            raise OSError(98, "Address already in use")
        return real(host, port)

    monkeypatch.setattr(addresses, "listening_socket", taken_once)
    sockets = addresses.bind()
    try:
        assert refused
        bound = [sock.getsockname() for sock in sockets.edges.values()]
        assert len({host for host, _ in bound}) == len(addresses.REGIONS)
        assert len({port for _, port in bound}) == 1
    finally:
        for sock in (sockets.aws, *sockets.edges.values()):
            sock.close()
