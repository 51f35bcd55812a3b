"""Finds functions of the emulator and checks their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from drlib.core.errors import SandboxError
from drlib.sandbox.world import ACCOUNT_ID


def function(module: Any, name: str, *parameters: str) -> Callable[..., Any]:
    """Return `module.name`, which must be a function with exactly these `parameters`.

    Raises:
        SandboxError: there is no such function; the emulator has another version.
    """
    found = getattr(module, name, None)
    actual = tuple(inspect.signature(found).parameters) if callable(found) else None
    if found is None or actual != parameters:
        raise SandboxError(
            f"{module.__name__}.{name} is not the function that the sandbox knows: "
            f"expected the parameters {list(parameters)}, found {list(actual) if actual else 'none'}.",
            remedy="Install the version of ministack that constraints.txt pins.",
        )
    return found  # type: ignore[no-any-return]


@contextmanager
def scope(region: str) -> Iterator[None]:
    """Use the emulator's state of `region`, as a request to that region does."""
    from ministack.core.responses import request_scope

    with request_scope(ACCOUNT_ID, region):
        yield
