"""Values of the engine's protocol: conversion, merge, comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

Properties = dict[str, Any]

# Markers of Pulumi's wire format.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
MARK = "4dabf18193072939515e22adb298388d"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
ASSET = "c44067f5952c0a294b673a41bacd8c17"


def to_python(value: Any) -> Any:
    """Convert a protobuf `Struct` (or a value in one) to plain Python; whole floats become `int`."""
    if hasattr(value, "fields"):
        return {key: to_python(item) for key, item in value.fields.items()}
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return to_python(value.struct_value)
    if kind == "list_value":
        return [to_python(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return value.bool_value
    return None


def to_struct(properties: Mapping[str, Any]) -> Any:
    """Convert plain Python to a protobuf `Struct`, without the keys that have no value."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    struct.update(_plain(properties))
    return struct


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be sent to the engine")


def has_unknown(value: Any) -> bool:
    """Return whether `value` is, or holds, a value that is known only after the update."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def is_asset(value: Any) -> bool:
    """Return whether `value` is an asset or an archive."""
    return isinstance(value, Mapping) and value.get(MARK) in (ARCHIVE, ASSET)


def asset_bytes(value: Mapping[str, Any]) -> bytes:
    """Read an asset or an archive file.

    Raises:
        ValueError: it is neither a file nor text (an `AssetArchive` or a remote one).
    """
    if "path" in value:
        return Path(value["path"]).read_bytes()
    if "text" in value:
        return str(value["text"]).encode()
    raise ValueError("the sandbox reads assets from files only; use FileArchive or FileAsset")


def merged(base: Mapping[str, Any], extra: Mapping[str, Any]) -> Properties:
    """Merge `extra` into `base`, objects key by key; two lists of objects item by item."""
    result = dict(base)
    for key, value in extra.items():
        present = result.get(key)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            result[key] = merged(present, value)
        elif isinstance(present, list) and isinstance(value, list) and _pairable(present, value):
            result[key] = [merged(one, other) for one, other in zip(present, value, strict=True)]
        else:
            result[key] = value
    return result


def _pairable(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(isinstance(item, Mapping) for item in [*one, *other])


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equivalent for AWS.

    `5` is `"5"`, `True` is `"true"`, JSON is compared parsed, a list of scalars is a set, code is its hash.
    """
    if is_asset(one) and is_asset(other):
        return bool(one.get("hash") == other.get("hash"))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = {key for part in (one, other) for key, item in part.items() if item is not None}
        return all(same(one.get(key), other.get(key)) for key in keys)
    if isinstance(one, list) and isinstance(other, list):
        return _same_lists(one, other)
    document, another = _json(one), _json(other)
    if document is not None and another is not None:
        return _same_documents(document, another)
    return scalar(one) == scalar(other)


def _same_lists(one: list[Any], other: list[Any]) -> bool:
    if len(one) != len(other):
        return False
    if any(isinstance(item, (Mapping, list)) for item in [*one, *other]):
        return all(same(left, right) for left, right in zip(one, other, strict=True))
    return sorted(map(scalar, one)) == sorted(map(scalar, other))


def _same_documents(one: Any, other: Any) -> bool:
    # Policies: one string and a list of one string are the same; otherwise the order of a list counts.
    if isinstance(one, list) != isinstance(other, list):
        one, other = (part if isinstance(part, list) else [part] for part in (one, other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same_documents, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same_documents(one[key], other[key]) for key in one)
    return scalar(one) == scalar(other)


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None


def scalar(value: Any) -> str:
    """Convert a scalar to text, as AWS's query protocols do: `true`, `5`, `text`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def json_text(value: Any) -> str:
    """Return a JSON document as text, whether the program gave text or an object."""
    return value if isinstance(value, str) else json.dumps(value)
