"""Values: the engine's wire format, and what means the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drlib.sandbox.provider.values import (
    ARCHIVE,
    ASSET,
    MARK,
    UNKNOWN,
    asset_bytes,
    has_unknown,
    merged,
    same,
    to_python,
    to_struct,
)


def test_a_struct_comes_back_as_it_went() -> None:
    properties = {"a": 1, "b": 1.5, "c": True, "d": "x", "e": [1, {"f": []}], "g": {}, "big": 2**40}
    assert to_python(to_struct(properties)) == properties
    assert isinstance(to_python(to_struct({"a": 3.0}))["a"], int)


def test_what_has_no_value_is_left_out() -> None:
    assert to_python(to_struct({"a": None, "b": {"c": None}})) == {"b": {}}


def test_an_instant_is_written_as_text() -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert to_python(to_struct({"at": instant})) == {"at": "2026-01-02T03:04:05Z"}


def test_what_is_no_value_is_an_error() -> None:
    with pytest.raises(TypeError, match="bytes"):
        to_struct({"a": b"x"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (5, "5"),
        (True, "true"),
        (60.0, "60"),
        ("", None),
        (["a", "b"], ["b", "a"]),
        ({"a": None}, {}),
        ('{"a": 1, "b": [1]}', '{"b":[1],"a":1}'),
        ('{"Action": "a"}', '{"Action": ["a"]}'),
        ({"a": 1}, '{"a": 1}'),
        ({MARK: ARCHIVE, "hash": "h", "path": "/x"}, {MARK: ARCHIVE, "hash": "h", "path": "/y"}),
    ],
)
def test_these_mean_the_same(one: Any, other: Any) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (5, 6),
        (True, "yes"),
        (["a", "a"], ["a", "b"]),
        (["a"], ["a", "b"]),
        ([{"a": 1}], [{"a": 2}]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ('{"a": [1, 2]}', '{"a": [2, 1]}'),
        ("{not json", "{also not"),
        ({MARK: ARCHIVE, "hash": "h"}, {MARK: ARCHIVE, "hash": "i"}),
    ],
)
def test_these_do_not_mean_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same(other, one)


def test_unknown_is_found_at_any_depth() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}]})


def test_assets_are_read_from_files_and_text_only(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"zip")
    assert asset_bytes({MARK: ARCHIVE, "path": str(tmp_path / "x")}) == b"zip"
    assert asset_bytes({MARK: ASSET, "text": "words"}) == b"words"
    with pytest.raises(ValueError, match="FileArchive"):
        asset_bytes({MARK: ARCHIVE, "assets": {}})


def test_computed_keys_join_the_objects_of_the_inputs() -> None:
    assert merged({"a": {"b": 1}, "l": [{"x": 1}, {"x": 2}]}, {"a": {"c": 2}, "l": [{"y": 1}, {"y": 2}]}) == {
        "a": {"b": 1, "c": 2},
        "l": [{"x": 1, "y": 1}, {"x": 2, "y": 2}],
    }
    assert merged({"l": [{"x": 1}]}, {"l": [{"y": 1}, {"y": 2}]}) == {"l": [{"y": 1}, {"y": 2}]}
