"""Adds a check before a function of the emulator, to refuse the requests that AWS refuses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from drlib.sandbox.ministack import emulator, internals

Answer = Any
"""A response of the emulator, or None to continue with the call."""
Check = Callable[..., Answer]


def before(owner: Any, name: str, parameters: tuple[str, ...], check: Check) -> None:
    """Call `check` before `owner.name`. A result of `check` is the response; None continues with the call.

    Raises:
        SandboxError: there is no such function with these `parameters`.
    """
    original = internals.function(owner, name, *parameters)

    @functools.wraps(original)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refusal = check(*args, **kwargs)
        return original(*args, **kwargs) if refusal is None else refusal

    emulator.replace(owner, name, guarded)
