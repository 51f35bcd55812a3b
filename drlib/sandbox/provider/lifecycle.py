"""The operations on one resource: check, diff, preview, create, read, update, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from drlib.sandbox.provider import shapes
from drlib.sandbox.provider.clients import describe, is_gone
from drlib.sandbox.provider.diff import Difference, differences
from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Refused, Resource
from drlib.sandbox.provider.values import UNKNOWN, Properties, has_unknown, merged, same


class PartialCreation(Exception):
    """A resource exists, but a later step of its creation failed: the state must keep it."""

    def __init__(self, id: str, inputs: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id = id
        self.inputs = inputs
        self.reason = reason


@dataclass(frozen=True)
class DiffResult:
    """The differences between inputs, and the replacement that they need."""

    changes: list[Difference]
    replaces: list[str]
    delete_first: bool


def check(kind: Resource, call: Call, inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors in `inputs`: pairs of property path and reason."""
    failures = [
        (path, f"is not supported by the sandbox for {kind.type}") for path in kind.unsupported(call, inputs)
    ]
    failures += [
        (name, "is missing; the sandbox does not make names up" if name == kind.name else "is missing")
        for name in kind.required
        if inputs.get(name) in (None, "")
    ]
    return failures


def diff(kind: Resource, olds: Mapping[str, Any], news: Mapping[str, Any]) -> DiffResult:
    """Compare old inputs with new ones."""
    changes = differences(olds, news)
    replacing = {*kind.replaces, "region"} if kind.regional else set(kind.replaces)
    replaces = sorted({change.top for change in changes} & replacing)
    named = (
        bool(kind.name)
        and same(olds.get(kind.name), news.get(kind.name))
        and not has_unknown(news[kind.name])
    )
    return DiffResult(changes, replaces, delete_first=bool(replaces) and (kind.natural_key or named))


def preview(kind: Resource, base: Mapping[str, Any], inputs: Mapping[str, Any]) -> Properties:
    """Return the outputs that are known before the change; computed keys in objects are unknown."""
    result = {**base}
    for key, value in inputs.items():
        known = {key: base[key]} if key in base and _has_nested(kind, key) else {}
        result.update(merged(known, {key: value}))
    for path in kind.nested:
        _mark_unknown(result, path.split("."))
    return result


def _has_nested(kind: Resource, key: str) -> bool:
    return any(path.split(".")[0] == key for path in kind.nested)


def _mark_unknown(result: Properties, path: list[str]) -> None:
    """Set the unknown marker at `path` if its parent object exists and it has no value."""
    key, rest = path[0], path[1:]
    value = result.get(key)
    if not rest:
        if value is None:
            result[key] = UNKNOWN
        return
    if isinstance(value, list):
        result[key] = items = [dict(item) if isinstance(item, Mapping) else item for item in value]
    elif isinstance(value, Mapping):
        items = [dict(value)]
        result[key] = items[0]
    else:
        return
    for item in items:
        if isinstance(item, dict):
            _mark_unknown(item, rest)


def create(
    kind: Resource, call: Call, inputs: Properties, *, begun: str, note: Callable[[str], None]
) -> tuple[str, Properties]:
    """Create a resource; return its id and its outputs.

    Args:
        kind, call, inputs: the type, the AWS region and the inputs.
        begun: the id from an earlier, unrecorded creation; used if that resource exists.
        note: called with the id as soon as AWS returns it.

    Raises:
        PartialCreation: the resource exists, but is not complete.
    """
    if begun and read(kind, call, begun, inputs, inputs) is not None:
        made = Made(begun)
    else:
        answer = kind.create(call, inputs)
        made = answer if isinstance(answer, Made) else Made(answer)
        note(made.id)
    try:
        kind.finish(call, made.id, inputs)
        reading = made.reading or _reading(kind, call, made.id, inputs)
    except Exception as error:  # the resource exists, so the state must keep it
        raise PartialCreation(made.id, inputs, describe_any(error, call.region)) from error
    return made.id, _outputs(kind, inputs, reading)


def read(
    kind: Resource, call: Call, id: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
) -> tuple[Properties, Properties] | None:
    """Return the current inputs and outputs in AWS, or None if the resource does not exist.

    Without `inputs` (an import, a `get`), every value from AWS that can be an input becomes one.
    """
    try:
        reading = kind.read(call, id, state)
    except ClientError as error:
        if is_gone(error):
            return None
        raise
    if reading is None:
        return None
    if inputs:
        fresh = shapes.project(inputs, reading.raw, renames=kind.renames, maps=kind.all_maps)
        fresh.update(_unexpected(kind, inputs, reading.raw))
    else:
        answer = shapes.camel(reading.raw)
        unsupported = {path.split(".")[0] for path in kind.unsupported(call, answer)}
        fresh = {key: value for key, value in answer.items() if key not in unsupported}
        fresh.update({"region": call.region} if kind.regional else {})
    kept = {key: value for key, value in state.items() if key not in inputs or key in fresh}
    return fresh, _outputs(kind, {**kept, **fresh}, reading)


def update(
    kind: Resource, call: Call, id: str, *, state: Properties, olds: Properties, news: Properties
) -> Properties:
    """Update a resource to `news`; return its outputs. Without a difference, repeat all inputs."""
    changed = frozenset(change.top for change in differences(olds, news))
    kind.update(call, Change(id, state, olds, news, changed or frozenset(news), is_repair=not changed))
    kept = {key: value for key, value in state.items() if key not in olds or key in news}
    base = {**kept, **news}
    return _outputs(kind, base, _reading(kind, call, id, base))


def delete(kind: Resource, call: Call, id: str, state: Mapping[str, Any]) -> None:
    """Delete a resource. It is no error if it does not exist."""
    try:
        kind.delete(call, id, state)
    except ClientError as error:
        if not is_gone(error):
            raise


def describe_any(error: Exception, region: str) -> str:
    """Return any error of an operation as one line."""
    return str(error) if isinstance(error, Refused) else describe(error, region)


def _reading(kind: Resource, call: Call, id: str, state: Mapping[str, Any]) -> Reading:
    reading = kind.read(call, id, state)
    if reading is None:
        raise Refused(f"{kind.type} {id} is gone right after it was written ({call.region})")
    return reading


def _outputs(kind: Resource, base: Properties, reading: Reading) -> Properties:
    result = merged(base, reading.computed)
    if kind.tagged:
        result["tagsAll"] = dict(base.get("tags") or {})
    return result


def _unexpected(kind: Resource, inputs: Mapping[str, Any], raw: Mapping[str, Any]) -> Properties:
    """Return the values in AWS that differ from its defaults and that the program does not set."""
    names = {name.casefold(): name for name in raw}
    found: Properties = {}
    for key, default in kind.expected.items():
        name = names.get(kind.renames.get(key, key).casefold())
        if inputs.get(key) is not None or name is None:
            continue
        value = raw[name] if key in kind.all_maps else shapes.camel(raw[name])
        if (value or default) and not same(value, default):
            found[key] = value
    return found
