"""Every operation of the services that have a data plane, told from the request that botocore makes of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from drlib.core import aws_calls
from drlib.sandbox.front import operations
from drlib.sandbox.front.operations import ApiRequest, is_data_plane

CONFIG = Config(parameter_validation=False, s3={"addressing_style": "path"}, retries={"max_attempts": 0})


class Sent(Exception):  # noqa: N818 - carries what was about to be sent
    def __init__(self, request: Any) -> None:
        super().__init__()
        self.request = request


def filled(shape: Any) -> Any:
    """Return something for every required member of a shape."""
    if shape.type_name == "structure":
        return {name: filled(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [filled(shape.member)]
    if shape.type_name == "map":
        return {}
    values = {"string": "bucket", "blob": b"x", "boolean": True, "timestamp": 0}
    return values.get(shape.type_name, 1)


def asked_of(service: str, operation: str) -> ApiRequest:
    client = boto3.client(
        service,
        region_name="us-east-2",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CONFIG,
    )

    def catch(request: Any, **_: Any) -> None:
        raise Sent(request)

    client.meta.events.register("before-send.*.*", catch)
    shape = client.meta.service_model.operation_model(operation).input_shape
    try:
        client._make_api_call(operation, filled(shape) if shape else {})
    except Sent as sent:
        made = sent.request
    url = urlsplit(made.url)
    body = made.body if isinstance(made.body, bytes) else (made.body or "").encode()
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in made.headers.items()
    }
    return ApiRequest(client.meta.service_model.signing_name, made.method, url.path, url.query, headers, body)


def elsewhere(service: str, operation: str) -> bool:
    """Tell whether an operation goes to a host of its own, where no path tells anything."""
    return (service, operation) == ("s3", "WriteGetObjectResponse")


@pytest.mark.parametrize("service", sorted(operations.DATA_PLANE))
def test_exactly_the_operations_of_the_table_are_of_the_data_plane(service: str) -> None:
    model = boto3.client(service, region_name="us-east-2").meta.service_model
    names = [name for name in model.operation_names if not elsewhere(service, name)]
    found = {name for name in names if is_data_plane(asked_of(service, name))}
    assert found == operations.DATA_PLANE[service] & set(model.operation_names)


def test_the_sandbox_and_the_proof_of_planes_agree() -> None:
    assert operations.DATA_PLANE == aws_calls.DATA_PLANE


def test_a_service_without_a_data_plane_has_none() -> None:
    for service, operation in (("route53", "ListHostedZones"), ("iam", "GetRole")):
        assert not is_data_plane(asked_of(service, operation))
