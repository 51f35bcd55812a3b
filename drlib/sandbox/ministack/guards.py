"""A check in front of a function of the emulator: it refuses what AWS refuses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from drlib.sandbox.ministack import emulator, internals

Answer = Any
"""What the emulator's functions answer, or None: the call is let through."""
Check = Callable[..., Answer]


def before(owner: Any, name: str, parameters: tuple[str, ...], check: Check) -> None:
    """Put `check` in front of `owner.name`: what it answers is the answer, and None lets the call through.

    Raises:
        SandboxError: there is no such function of `parameters`.
    """
    original = internals.function(owner, name, *parameters)

    @functools.wraps(original)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refusal = check(*args, **kwargs)
        return original(*args, **kwargs) if refusal is None else refusal

    emulator.replace(owner, name, guarded)
