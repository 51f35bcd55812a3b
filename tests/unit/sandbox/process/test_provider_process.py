"""The provider's process: the sandbox starts it when an engine asks, and it ends with the sandbox."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2_grpc as protocol

from drlib.sandbox.process.provider_process import ProviderProcess
from drlib.sandbox.process.state import Status


@pytest.fixture
def plugin() -> Iterator[ProviderProcess]:
    found = ProviderProcess("http://127.0.0.1:9")  # nothing is asked of AWS here
    yield found
    found.stop()


def test_it_is_started_once_by_the_sandbox_and_answers(
    sandbox: Status, control: Callable[..., tuple[int, Any]]
) -> None:
    (status, first), (_, second) = control("GET", "provider"), control("GET", "provider")
    assert (status, first) == (200, second)
    with grpc.insecure_channel(f"127.0.0.1:{first['port']}") as channel:
        stub = protocol.ResourceProviderStub(channel)
        assert isinstance(stub.GetPluginInfo(empty_pb2.Empty(), timeout=20), plugin_pb2.PluginInfo)
    commands = [child.cmdline() for child in psutil.Process(sandbox.pid).children()]
    assert sum("drlib.sandbox.provider" in command for command in commands) == 1


def test_it_ends_with_whoever_started_it(plugin: ProviderProcess) -> None:
    plugin.port()
    (process,) = _children()
    assert plugin._process is not None
    assert plugin._process.stdin is not None
    plugin._process.stdin.close()  # as when its starter is killed
    process.wait(20)


def test_one_that_ended_is_started_anew(plugin: ProviderProcess) -> None:
    plugin.port()
    (first,) = _children()
    first.kill()
    assert plugin._process is not None
    plugin._process.wait(20)
    plugin.port()
    (second,) = _children()
    assert second.pid != first.pid


def test_one_that_does_not_start_is_said(plugin: ProviderProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("true"))
    with pytest.raises(ValueError, match="invalid literal"):
        plugin.port()
    assert plugin._process is None


def _children() -> list[psutil.Process]:
    mine = psutil.Process(os.getpid()).children()
    return [child for child in mine if "drlib.sandbox.provider" in child.cmdline()]
