"""What an AWS call is refused with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **order: Any) -> tuple[str, str]:
    """Make a call that must be refused; return the error's code and message."""
    with pytest.raises(ClientError) as caught:
        call(**order)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@contextmanager
def refusing(code: str, *said: str) -> Iterator[None]:
    """Require that the call in the block is refused with a code, and that its message says all of `said`."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert all(part in error["Message"] for part in said), error["Message"]
