"""The types against Pulumi's SDK: a program must be able to say, and to get, what they say."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import pytest
from pulumi import _types as sdk
from pulumi.runtime import rpc

from drlib.sandbox.provider import resource_types
from drlib.sandbox.provider.values import is_asset

from .engine import Engine
from .examples import EXAMPLES, Example

NAMES = sorted(resource_types.TYPES)
CASES = [pytest.param(name, example, id=name.rsplit(":", 1)[-1]) for name, example in EXAMPLES.items()]


@cache
def _class(name: str) -> Any:
    _, path, resource = name.split(":")
    module = path.split("/")[0]
    return getattr(
        importlib.import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}"), resource
    )


def _inputs(name: str) -> set[str]:
    resource = _class(name)
    module = importlib.import_module(resource.__module__)
    known = (getattr(module, found) for found in ("_" + resource.__name__ + "State",))
    return {camel for state in known for camel in sdk.input_type_py_to_pulumi_names(state).values()}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_a_type_mentions_is_one_of_pulumis(name: str) -> None:
    kind = resource_types.find(name)
    mentioned = {
        *kind.explicit,
        *kind.required,
        *kind.replaces,
        *kind.renames,
        *kind.defaults,
        *kind.write_only,
        *kind.no_effect,
        *kind.maps,
        *kind.nested,
        *filter(None, (kind.name,)),
    }
    assert {path.split(".")[0] for path in mentioned} - _inputs(name) == set()


@pytest.mark.parametrize(("name", "example"), CASES)
def test_outputs_are_of_the_types_that_the_sdk_expects(engine: Engine, name: str, example: Example) -> None:
    """A list where the SDK has a map stops the program, with an error that names somebody else."""
    types = sdk.resource_types(_class(name))
    _, state = engine.create(name, example.inputs(engine))
    assert set(state) <= _inputs(name)
    for key, value in state.items():
        if is_asset(value):  # the SDK makes an asset of it before it looks at types
            continue
        expected = sdk.unwrap_optional_type(types[key])
        rpc.translate_output_properties(value, lambda found: found, expected, True)
        if expected in (str, bool, int):
            assert isinstance(value, expected), key
