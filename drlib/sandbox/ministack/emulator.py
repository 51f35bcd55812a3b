"""What the sandbox changes inside the emulator, checked first: a changed internal is an error.

The emulator has no interface for what we need of it, so we replace functions and values of its modules.
Functions are checked by `drlib.sandbox.ministack.internals.function`, values by `value`; on a version where
one is gone or different, the sandbox refuses to start and says which.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from importlib import metadata
from typing import Any

from drlib.core.errors import SandboxError

MINISTACK_VERSION = "1.5.33"
_REMEDY = f"Install ministack=={MINISTACK_VERSION}, as constraints.txt pins it."

_replaced: list[tuple[Any, str, Any]] = []


def require_version() -> None:
    """Refuse every version of the emulator but the one that the patches were made for.

    Raises:
        SandboxError: it is not installed, or another version is.
    """
    try:
        version = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        version = "none"
    if version != MINISTACK_VERSION:
        raise SandboxError(
            f"The sandbox is made for MiniStack {MINISTACK_VERSION}; installed is {version}.", remedy=_REMEDY
        )


def module(name: str) -> Any:
    """Return the emulator's module `name`, e.g. `services.sqs`.

    Raises:
        SandboxError: there is no such module.
    """
    try:
        return importlib.import_module(f"ministack.{name}")
    except ImportError as error:
        raise SandboxError(
            f"MiniStack's module {name} cannot be imported: {error}.", remedy=_REMEDY
        ) from error


def value(owner: Any, name: str, kind: type) -> Any:
    """Return the attribute `name` of a module or class, which must be a `kind`.

    Raises:
        SandboxError: it is gone, or of another type.
    """
    found = getattr(owner, name, None)
    if not isinstance(found, kind):
        raise SandboxError(
            f"MiniStack's {owner.__name__}.{name} is of type {type(found).__name__}, not {kind.__name__}.",
            remedy=_REMEDY,
        )
    return found


def replace(owner: Any, name: str, replacement: Any) -> None:
    """Put `replacement` in the place of an attribute that exists; `undo` puts the original back.

    Raises:
        SandboxError: the attribute is gone.
    """
    if not hasattr(owner, name):
        raise SandboxError(f"MiniStack's {owner.__name__}.{name} is gone.", remedy=_REMEDY)
    _replaced.append((owner, name, getattr(owner, name)))
    setattr(owner, name, replacement)


def undo() -> None:
    """Put back everything that `replace` replaced, the latest first. For tests that share a process."""
    while _replaced:
        owner, name, original = _replaced.pop()
        setattr(owner, name, original)


def in_loop(function: Callable[..., None], *args: Any) -> None:
    """Call a function in the loop that serves the emulator's requests: its stores belong to that thread."""
    loop = value(module("app"), "_MAIN_LOOP", asyncio.AbstractEventLoop)
    loop.call_soon_threadsafe(function, *args)
