"""The differences between two sets of inputs, by property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drlib.sandbox.provider.values import has_unknown, is_asset, same


@dataclass(frozen=True)
class Difference:
    """One property that differs.

    Args:
        path: where, `environment.variables.STAGE` or `rules[0].status`.
        kind: "ADD", "DELETE" or "UPDATE".
    """

    path: str
    kind: str

    @property
    def top(self) -> str:
        """Name of the top-level input."""
        return self.path.split(".")[0].split("[")[0]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Compare old inputs with new ones, in the order of the names.

    An unknown value counts as different. JSON or a list of scalars in another order does not.
    """
    found: list[Difference] = []
    _objects(old, new, "", found)
    return found


def _objects(old: Mapping[str, Any], new: Mapping[str, Any], path: str, found: list[Difference]) -> None:
    for key in sorted({*old, *new}):
        place = f"{path}.{_quoted(key)}" if path else key
        _values(old.get(key), new.get(key), place, found)


def _values(old: Any, new: Any, path: str, found: list[Difference]) -> None:
    if old is None and new is None:
        return
    if old is None:
        found.append(Difference(path, "ADD"))
    elif new is None:
        found.append(Difference(path, "DELETE"))
    elif same(old, new) and not has_unknown(new):
        return
    elif isinstance(old, Mapping) and isinstance(new, Mapping) and not (is_asset(old) or is_asset(new)):
        _objects(old, new, path, found)
    elif _alike(old, new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            _values(one, other, f"{path}[{place}]", found)
    else:
        found.append(Difference(path, "UPDATE"))


def _alike(old: Any, new: Any) -> bool:
    """Return whether both are lists of objects of the same length."""
    return (
        isinstance(old, list)
        and isinstance(new, list)
        and len(old) == len(new)
        and all(isinstance(item, Mapping) for item in [*old, *new])
    )


def _quoted(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else f'["{key}"]'
