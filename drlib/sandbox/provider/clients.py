"""boto3 clients of the sandbox's AWS, and its errors as text."""

from __future__ import annotations

import os
import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")


class Clients:
    """A cache of boto3 clients, one for each service and region; safe to share between threads."""

    def __init__(self, endpoint_url: str, *, access_key: str, secret_key: str) -> None:
        # The user's profiles, files and proxies are for real AWS: do not read them.
        core = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
        )
        core.set_credentials(access_key, secret_key)
        self._session: Any = boto3.Session(botocore_session=core)
        self._endpoint_url = endpoint_url
        self._config = Config(
            max_pool_connections=32,
            proxies={},
            connect_timeout=5,
            read_timeout=300,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": "path"},
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str, region: str) -> Any:
        """Return the client of `service` in `region`, made at the first call."""
        key = (service, region)
        client = self._clients.get(key)
        if client is None:
            with self._lock:  # making clients from one session is not safe in several threads
                client = self._clients.get(key)
                if client is None:
                    client = self._session.client(
                        service, region_name=region, endpoint_url=self._endpoint_url, config=self._config
                    )
                    self._clients[key] = client
        return client

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


def is_gone(error: ClientError) -> bool:
    """Return whether the error means that the resource does not exist."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code == "404" or any(mark in code for mark in _GONE)


def code_of(error: ClientError) -> str:
    """Return AWS's error code, for example `ResourceInUseException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def describe(error: Exception, region: str) -> str:
    """Return an error of AWS or of boto3 as one line: `Code: message (Operation in region)`."""
    if isinstance(error, ClientError):
        message = str(error.response.get("Error", {}).get("Message", "")).strip().replace("\n", " ")
        return f"{code_of(error)}: {message} ({error.operation_name} in {region})"
    if isinstance(error, BotoCoreError):
        return " ".join(f"{error} (in {region})".split())
    return " ".join(f"{type(error).__name__}: {error}".split())
