"""Differences, and what follows from them for a plan."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.sandbox.provider import lifecycle, resource_types
from drlib.sandbox.provider.diff import differences
from drlib.sandbox.provider.values import ARCHIVE, MARK, UNKNOWN

QUEUE = "aws:sqs/queue:Queue"


def _paths(old: Any, new: Any) -> dict[str, str]:
    return {one.path: one.kind for one in differences(old, new)}


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": "UPDATE"}),
        ({"a": 1}, {}, {"a": "DELETE"}),
        ({}, {"a": 1}, {"a": "ADD"}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a.c": "UPDATE"}),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, {"a[1].b": "UPDATE"}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 3}]}, {"a": "UPDATE"}),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, {}),
        ({"a": ["x"]}, {"a": ["y"]}, {"a": "UPDATE"}),
        ({"tags": {"a b": "1"}}, {"tags": {"a b": "2"}}, {'tags.["a b"]': "UPDATE"}),
        ({"policy": '{"a":1,"b":2}'}, {"policy": '{"b": 2, "a": 1}'}, {}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": "UPDATE"}),
        ({"a": UNKNOWN}, {"a": UNKNOWN}, {"a": "UPDATE"}),
        (
            {"code": {MARK: ARCHIVE, "hash": "1", "path": "/a"}},
            {"code": {MARK: ARCHIVE, "hash": "1", "path": "/b"}},
            {},
        ),
        (
            {"code": {MARK: ARCHIVE, "hash": "1", "path": "/a"}},
            {"code": {MARK: ARCHIVE, "hash": "2", "path": "/a"}},
            {"code": "UPDATE"},
        ),
    ],
)
def test_differences(old: Any, new: Any, paths: dict[str, str]) -> None:
    assert _paths(old, new) == paths


def test_another_region_replaces_what_is_regional() -> None:
    olds = {"region": "us-east-2", "name": "a"}
    verdict = lifecycle.diff(resource_types.find(QUEUE), olds, {**olds, "region": "us-west-2"})
    assert verdict.replaces == ["region"]


def test_a_name_that_stays_makes_the_old_one_go_first() -> None:
    kind = resource_types.find("aws:dynamodb/table:Table")
    olds = {"region": "r", "name": "a", "hashKey": "pk"}
    assert lifecycle.diff(kind, olds, {**olds, "hashKey": "id"}).delete_first
    assert not lifecycle.diff(kind, olds, {**olds, "hashKey": "id", "name": "b"}).delete_first
    assert not lifecycle.diff(kind, olds, {**olds, "hashKey": "id", "name": UNKNOWN}).delete_first


def test_a_key_that_turns_unknown_is_planned_as_a_replacement() -> None:
    kind = resource_types.find("aws:sqs/queuePolicy:QueuePolicy")
    olds = {"region": "r", "queueUrl": "u", "policy": "{}"}
    assert lifecycle.diff(kind, olds, {**olds, "queueUrl": UNKNOWN}).replaces == ["queueUrl"]


def test_a_preview_promises_computed_keys_of_objects() -> None:
    kind = resource_types.find("aws:apigatewayv2/domainName:DomainName")
    inputs = {"domainName": "a", "domainNameConfiguration": {"endpointType": "REGIONAL"}}
    planned = lifecycle.preview(kind, {}, inputs)["domainNameConfiguration"]
    assert planned == {"endpointType": "REGIONAL", "targetDomainName": UNKNOWN, "hostedZoneId": UNKNOWN}
    before = {
        "domainNameConfiguration": {"endpointType": "REGIONAL", "targetDomainName": "t", "hostedZoneId": "z"}
    }
    assert lifecycle.preview(kind, before, inputs)["domainNameConfiguration"]["targetDomainName"] == "t"


def test_a_preview_promises_computed_keys_of_lists() -> None:
    kind = resource_types.find("aws:dynamodb/table:Table")
    planned = lifecycle.preview(kind, {}, {"replicas": [{"regionName": "b"}]})
    assert planned["replicas"] == [
        {"regionName": "b", "arn": UNKNOWN, "streamArn": UNKNOWN, "streamLabel": UNKNOWN}
    ]
    before = {"replicas": [{"regionName": "b", "arn": "arn", "streamArn": "s", "streamLabel": "l"}]}
    assert lifecycle.preview(kind, before, {"replicas": [{"regionName": "b"}]}) == before
    assert "replicas" not in lifecycle.preview(kind, {}, {"name": "a"})


def test_a_preview_does_not_change_its_inputs() -> None:
    inputs = {"replicas": [{"regionName": "b"}]}
    lifecycle.preview(resource_types.find("aws:dynamodb/table:Table"), {}, inputs)
    assert inputs == {"replicas": [{"regionName": "b"}]}
