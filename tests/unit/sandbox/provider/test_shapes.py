"""Requests from botocore's shapes, and inputs read back from answers."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
import pytest

from drlib.sandbox.provider.shapes import camel, project, request
from drlib.sandbox.provider.values import UNKNOWN


@cache
def _shape(service: str, operation: str) -> Any:
    return botocore.session.Session().get_service_model(service).operation_model(operation).input_shape


def test_names_are_matched_without_case_and_values_are_cast() -> None:
    built, strays = request(
        _shape("apigatewayv2", "CreateStage"),
        {
            "autoDeploy": "true",
            "defaultRouteSettings": {"throttlingRateLimit": 5},
            "stageVariables": {"a": 1},
        },
        {},
    )
    assert built == {
        "AutoDeploy": True,
        "DefaultRouteSettings": {"ThrottlingRateLimit": 5.0},
        "StageVariables": {"a": "1"},
    }
    assert strays == []


def test_renamed_paths_and_single_objects_for_lists() -> None:
    built, _ = request(
        _shape("apigatewayv2", "CreateDomainName"),
        {"domainName": "a.test", "domainNameConfiguration": {"endpointType": "REGIONAL"}},
        {"domainNameConfiguration": "DomainNameConfigurations"},
    )
    assert built == {"DomainName": "a.test", "DomainNameConfigurations": [{"EndpointType": "REGIONAL"}]}


def test_what_has_no_place_is_told_with_its_path() -> None:
    _, strays = request(
        _shape("lambda", "UpdateFunctionConfiguration"),
        {"environment": {"variables": {"A": "b"}, "nonsense": 1}, "more": 2, "vpcConfig": "no object"},
        {},
    )
    assert sorted(strays) == ["environment.nonsense", "more", "vpcConfig"]


def test_what_is_unknown_is_neither_sent_nor_a_stray() -> None:
    built, strays = request(
        _shape("lambda", "UpdateFunctionConfiguration"),
        {"role": UNKNOWN, "vpcConfig": UNKNOWN, "layers": [UNKNOWN, "arn"], "timeout": None},
        {},
    )
    assert built == {"Layers": ["arn"]}
    assert strays == []


def test_a_map_of_tags_becomes_a_list_of_pairs_and_back() -> None:
    shape = _shape("s3", "PutBucketLifecycleConfiguration").members["LifecycleConfiguration"]
    rules = [{"id": "x", "status": "Enabled", "filter": {"and": {"prefix": "a", "tags": {"k": "v"}}}}]
    built, _ = request(shape, {"rules": rules}, {})
    assert built["Rules"][0]["Filter"]["And"]["Tags"] == [{"Key": "k", "Value": "v"}]
    assert project({"rules": rules}, built) == {"rules": rules}
    built["Rules"][0]["Filter"]["And"]["Tags"].append({"Key": "more", "Value": "w"})
    seen = project({"rules": rules}, built)
    assert seen["rules"][0]["filter"]["and"]["tags"] == {"k": "v", "more": "w"}


@pytest.mark.parametrize(
    ("wanted", "answer", "seen"),
    [
        ({"a": 5}, {"A": "5"}, {"a": 5}),
        ({"a": 5}, {"A": "6"}, {"a": "6"}),
        ({"a": 5}, {}, {"a": 5}),
        ({"a": 5}, {"A": None}, {}),
        ({"a": {"b": 1}}, {"A": {"B": 1, "AddedByAws": 2}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"A": [{"B": 2}]}, {"a": {"b": 2}}),
        ({"a": {"b": 1}}, {"A": []}, {}),
        ({"a": ["x", "y"]}, {"A": ["y", "x"]}, {"a": ["x", "y"]}),
        ({"a": ["x"]}, {"A": ["x", "z"]}, {"a": ["x", "z"]}),
        ({"a": '{"x": 1}'}, {"A": '{ "x" : 1 }'}, {"a": '{"x": 1}'}),
    ],
)
def test_an_answer_is_read_as_far_as_the_program_spoke(wanted: Any, answer: Any, seen: Any) -> None:
    assert project(wanted, answer) == seen


def test_maps_are_compared_whole() -> None:
    wanted, answer = (
        {"tags": {"a": "1"}, "other": {"a": "1"}},
        {"Tags": {"a": "1", "b": "2"}, "Other": {"a": "1", "b": 2}},
    )
    assert project(wanted, answer, maps=("tags",)) == {"tags": {"a": "1", "b": "2"}, "other": {"a": "1"}}
    assert project(wanted, {"Tags": {}}, maps=("tags",))["tags"] == {}


def test_objects_in_lists_are_found_by_their_key() -> None:
    wanted = {"replicas": [{"regionName": "b", "pitr": True}, {"regionName": "a", "pitr": True}]}
    answer = {"replicas": [{"regionName": "a", "pitr": False}, {"regionName": "c", "pitr": True}]}
    assert project(wanted, answer) == {
        "replicas": [{"regionName": "a", "pitr": False}, {"regionName": "c", "pitr": True}]
    }


def test_objects_without_a_key_are_compared_in_order() -> None:
    wanted = {"aliases": [{"to": "a"}]}
    assert project(wanted, {"Aliases": [{"To": "b"}, {"To": "c"}]}) == {"aliases": [{"to": "b"}, {"to": "c"}]}
    assert project(wanted, {"Aliases": []}) == {"aliases": []}


def test_camel_case() -> None:
    assert camel({"VpcId": [{"SubnetIds": ["a"], "None": None}]}) == {"vpcId": [{"subnetIds": ["a"]}]}
