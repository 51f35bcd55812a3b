"""Converts between Pulumi's camelCase properties and AWS's requests and responses.

`request` builds a request from botocore's input shape. `project` reads the properties that a program set from
a response. Both match names case-insensitively, so a type lists only the names that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drlib.sandbox.provider.values import UNKNOWN, Properties, json_text, same, scalar

# Keys that identify an item in a list of objects whose order does not count.
_KEYS = ("regionName", "id", "name", "key", "routeKey")


def request(
    shape: Any, properties: Mapping[str, Any], renames: Mapping[str, str], *, skip: Iterable[str] = ()
) -> tuple[Properties, list[str]]:
    """Build the members of `shape` from `properties`.

    Args:
        shape: a structure shape of botocore.
        properties: camelCase properties; unknown values and None are not sent.
        renames: member name by dotted property path, where it is not the same word.
        skip: top-level properties to leave out.

    Returns:
        the request, and the dotted paths that `shape` has no member for.
    """
    unsupported: list[str] = []
    skipped = set(skip)
    wanted = {key: value for key, value in properties.items() if key not in skipped}
    return _structure(shape, wanted, "", renames, unsupported), unsupported


def _structure(
    shape: Any, value: Mapping[str, Any], path: str, renames: Mapping[str, str], unsupported: list[str]
) -> Properties:
    members = {name.casefold(): name for name in shape.members}
    result: Properties = {}
    for key, item in value.items():
        place = f"{path}.{key}" if path else key
        name = members.get(renames.get(place, key).casefold())
        if name is None:
            unsupported.append(place)
        elif item is not None and item != UNKNOWN:
            result[name] = _cast(shape.members[name], item, place, renames, unsupported)
    return result


def _cast(shape: Any, value: Any, path: str, renames: Mapping[str, str], unsupported: list[str]) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Mapping):
            unsupported.append(path)
            return {}
        return _structure(shape, value, path, renames, unsupported)
    if kind == "list":
        if (
            isinstance(value, Mapping)
            and shape.member.type_name == "structure"
            and _is_pair(shape.member.members)
        ):
            return [{"Key": key, "Value": scalar(item)} for key, item in value.items()]
        items = value if isinstance(value, list) else [value]
        return [
            _cast(shape.member, item, path, renames, unsupported)
            for item in items
            if item not in (None, UNKNOWN)
        ]
    if kind == "map":
        return {key: _cast(shape.value, item, path, renames, unsupported) for key, item in value.items()}
    return _scalar(kind, value)


def _is_pair(members: Iterable[str]) -> bool:
    """Return whether these are the members of a tag: Pulumi has maps where AWS has lists of them."""
    return set(members) == {"Key", "Value"}


def _scalar(kind: str, value: Any) -> Any:
    if kind == "string":
        return json_text(value) if isinstance(value, (Mapping, list)) else scalar(value)
    if kind == "boolean" and isinstance(value, str):
        return value == "true"
    if kind in ("integer", "long") and isinstance(value, str):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    return value


def project(
    wanted: Mapping[str, Any],
    answer: Mapping[str, Any],
    *,
    renames: Mapping[str, str] | None = None,
    maps: Iterable[str] = (),
) -> Properties:
    """Return `wanted` with the values of `answer`; equivalent values keep their spelling.

    A key that is not in the answer keeps its value (path parameter or write-only). A key that is None in
    the answer is removed. Defaults that AWS added are left out, except in maps.

    Args:
        wanted: properties that the program set.
        answer: what AWS has, names in any case.
        renames: AWS's name by dotted property path, where it is not the same word.
        maps: dotted paths of maps (tags, variables): a key added outside is a difference.
    """
    return _project_object(wanted, answer, "", renames or {}, frozenset(maps))


def _project_object(
    wanted: Mapping[str, Any],
    answer: Mapping[str, Any],
    path: str,
    renames: Mapping[str, str],
    maps: frozenset[str],
) -> Properties:
    names = {name.casefold(): name for name in answer}
    result: Properties = {}
    for key, value in wanted.items():
        place = f"{path}.{key}" if path else key
        name = names.get(renames.get(place, key).casefold())
        if name is None:
            result[key] = value
            continue
        fresh = _project(value, answer[name], place, renames, maps)
        if fresh is not None:
            result[key] = fresh
    return result


def _project(wanted: Any, answer: Any, path: str, renames: Mapping[str, str], maps: frozenset[str]) -> Any:
    if answer is None:
        return None
    if isinstance(wanted, Mapping):
        if path in maps:
            return _project_map(wanted, answer)
        if isinstance(answer, list) and answer and all(_is_pair(item) for item in answer):
            return _project_map(wanted, {item["Key"]: item["Value"] for item in answer})
        if isinstance(answer, list):
            answer = answer[0] if answer else None
        if isinstance(answer, Mapping):
            return _project_object(wanted, answer, path, renames, maps)
        return wanted if answer is not None and same(wanted, answer) else answer
    if isinstance(wanted, list) and isinstance(answer, list):
        return _project_list(wanted, answer, path, renames, maps)
    return wanted if same(wanted, answer) else answer


def _project_map(wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> Properties:
    return {
        key: wanted[key] if key in wanted and same(wanted[key], value) else value
        for key, value in answer.items()
    }


def _project_list(
    wanted: list[Any], answer: list[Any], path: str, renames: Mapping[str, str], maps: frozenset[str]
) -> list[Any]:
    if not any(isinstance(item, Mapping) for item in [*wanted, *answer]):
        return wanted if same(wanted, answer) else answer
    left = list(answer)
    result = []
    for item in wanted:
        match = _partner(item, left)
        if match is not None:
            left.remove(match)
            result.append(_project(item, match, path, renames, maps))
    return result + [camel(item) for item in left]


def _key(item: Mapping[str, Any]) -> str | None:
    return next((key for key in _KEYS if key in item), None)


def _partner(item: Mapping[str, Any], answers: list[Any]) -> Any:
    """Find the answer for `item`: by its identifying key, otherwise the first one left."""
    key = _key(item)
    for answer in answers:
        names = {name.casefold(): name for name in answer}
        if key is None or (key.casefold() in names and same(answer[names[key.casefold()]], item[key])):
            return answer
    return None


def camel(value: Any) -> Any:
    """Convert an answer's member names to property names: `VpcId` becomes `vpcId`."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: camel(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [camel(item) for item in value]
    return value
