"""What an AWS call is refused with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **order: Any) -> tuple[str, str]:
    """Make a call that must be refused; return the error's code and message."""
    with pytest.raises(ClientError) as caught:
        call(**order)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
