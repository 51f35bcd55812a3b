"""boto3 sessions and client options. Timeouts are short and retries few, because a region may be down."""

from __future__ import annotations

import os
from typing import Any

from drlib.core.errors import PreflightFailed

CONNECT_SECONDS = 2  # wall seconds, as are all timeouts here
READ_SECONDS = 20
ATTEMPTS = 3
CONNECTIONS = 16


def account_session() -> Any:
    """Return a session with the default credential chain.

    Raises:
        PreflightFailed: there are no credentials, or they are not usable.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.session.Session()
        found = session.get_credentials()
    except BotoCoreError as error:
        raise PreflightFailed(f"The AWS credentials cannot be used: {error}") from error
    if found is None:
        raise PreflightFailed(
            "No AWS credentials were found.", remedy="Sign in, for example with `aws sso login`, and retry."
        )
    return session


def sandbox_session() -> Any:
    """Return a session with the sandbox's root key. It ignores the user's AWS files and profile."""
    import boto3
    import botocore.session

    nowhere = (None, None, os.devnull, None)
    core = botocore.session.Session(
        {"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    )
    core.set_credentials("test", "test")
    return boto3.session.Session(botocore_session=core)


def account_options() -> dict[str, Any]:
    """Return the options of every client of an account."""
    return {"config": _config()}


def sandbox_options(endpoint: str) -> dict[str, Any]:
    """Return the options of every client of the sandbox; they disable proxies."""
    return {"endpoint_url": endpoint, "config": _config(proxies={}, s3={"addressing_style": "path"})}


def _config(**more: Any) -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        **more,
    )
