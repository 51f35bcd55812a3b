"""Replaces attributes of the emulator's modules, and checks them first.

The emulator has no interface for these changes. `drlib.sandbox.ministack.internals.function` checks a
function, and `value` checks any other attribute. If one is missing or different, the sandbox does not start,
and the error names it.
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
    """Require the emulator's version that the patches support.

    Raises:
        SandboxError: the emulator is not installed, or has another version.
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
    """Return the attribute `name` of a module or class, which must have the type `kind`.

    Raises:
        SandboxError: the attribute is missing, or has another type.
    """
    found = getattr(owner, name, None)
    if not isinstance(found, kind):
        raise SandboxError(
            f"MiniStack's {owner.__name__}.{name} is of type {type(found).__name__}, not {kind.__name__}.",
            remedy=_REMEDY,
        )
    return found


def replace(owner: Any, name: str, replacement: Any) -> None:
    """Replace an attribute. `undo` restores the original.

    Raises:
        SandboxError: there is no such attribute.
    """
    if not hasattr(owner, name):
        raise SandboxError(f"MiniStack's {owner.__name__}.{name} is gone.", remedy=_REMEDY)
    _replaced.append((owner, name, getattr(owner, name)))
    setattr(owner, name, replacement)


def undo() -> None:
    """Restore all replaced attributes, the latest first. For tests that share a process."""
    while _replaced:
        owner, name, original = _replaced.pop()
        setattr(owner, name, original)


def in_loop(function: Callable[..., None], *args: Any) -> None:
    """Call a function in the emulator's event loop, because only that thread may change its stores."""
    loop = value(module("app"), "_MAIN_LOOP", asyncio.AbstractEventLoop)
    loop.call_soon_threadsafe(function, *args)
