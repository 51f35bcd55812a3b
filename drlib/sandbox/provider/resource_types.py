"""The types that the provider supports."""

from __future__ import annotations

from collections.abc import Mapping

from drlib.sandbox.provider import (
    acm,
    apigateway,
    cloudwatch,
    dynamodb,
    ec2,
    events,
    functions,
    iam,
    logs,
    route53,
    s3,
    security_groups,
    sns,
    sqs,
    vpc_endpoints,
)
from drlib.sandbox.provider.resource import Resource

_MODULES = (
    acm,
    apigateway,
    cloudwatch,
    dynamodb,
    ec2,
    events,
    functions,
    iam,
    logs,
    route53,
    s3,
    security_groups,
    sns,
    sqs,
    vpc_endpoints,
)

TYPES: Mapping[str, Resource] = {kind.type: kind() for module in _MODULES for kind in module.TYPES}


class UnknownType(KeyError):
    """The provider does not support the type; the message is the only argument."""


def find(token: str) -> Resource:
    """Return the type with the name `token`.

    Raises:
        UnknownType: there is no such type.
    """
    kind = TYPES.get(token)
    if kind is None:
        raise UnknownType(f"the sandbox has no {token}")
    return kind
