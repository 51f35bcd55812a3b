"""The emulator's internals that the sandbox replaces or calls, with the signatures that they must have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from drlib.core.errors import SandboxError
from drlib.sandbox.world import ACCOUNT_ID


def function(module: Any, name: str, *parameters: str) -> Callable[..., Any]:
    """Return `module.name`, which must be a function of exactly `parameters`.

    Raises:
        SandboxError: this version of the emulator is another one than the sandbox was written for.
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
    """Act on the emulator's state in `region`, as a request to that region would."""
    from ministack.core.responses import request_scope

    with request_scope(ACCOUNT_ID, region):
        yield
