"""The check whether a function's policy allows an API to invoke it, without a server."""

from __future__ import annotations

from typing import Any

import pytest

ROUTE = {
    "apiId": "abc",
    "stage": "$default",
    "routeKey": "POST /payments",
    "http": {"method": "POST"},
}
ARN = "arn:aws:execute-api:us-east-2:000000000000:abc"


def allowed(route: dict[str, Any] | None = None, **statement: Any) -> bool:
    from drlib.sandbox.services.apigateway.integration import may_invoke

    base = {
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
    }
    config = {"FunctionArn": "arn:aws:lambda:us-east-2:000000000000:function:f"}
    record = {"config": config, "policy": {"Statement": [base | statement]}}
    return may_invoke(record, {"requestContext": ROUTE | (route or {})})


def from_source(pattern: str) -> dict[str, Any]:
    return {"ArnLike": {"AWS:SourceArn": pattern}}


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="an API can invoke a function only for the routes that the function's resource policy names",
    level="documented",
    source="API Gateway Developer Guide, Create AWS Lambda proxy integrations for HTTP APIs (permissions)",
)
@pytest.mark.parametrize(
    "pattern", ["*", f"{ARN}/*", f"{ARN}/*/*", f"{ARN}/*/*/payments", f"{ARN}/$default/POST/*"]
)
def test_a_source_that_covers_the_route(pattern: str) -> None:
    assert allowed(Condition=from_source(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        f"{ARN}/*/GET/payments",
        f"{ARN}/prod/*",
        ARN,
        ARN.replace("us-east-2", "us-west-2") + "/*",
        ARN.replace("abc", "abd") + "/*",
    ],
)
def test_a_source_of_something_else(pattern: str) -> None:
    assert not allowed(Condition=from_source(pattern))


def test_who_and_what_is_permitted() -> None:
    assert allowed()
    assert allowed(Principal="*")
    assert not allowed(Principal={"Service": "sns.amazonaws.com"})
    assert not allowed(Principal={"AWS": "arn:aws:iam::000000000000:root"})
    assert not allowed(Action="lambda:GetFunction")
    assert not allowed(Effect="Deny")
    assert not allowed(Condition={"StringEquals": {"AWS:SourceAccount": "999999999999"}})


def test_a_catch_all_route_is_named_by_its_key() -> None:
    route = {"routeKey": "$default"}
    assert allowed(route, Condition=from_source(f"{ARN}/*/$default"))
    assert not allowed(route, Condition=from_source(f"{ARN}/*/POST/payments"))


def test_a_function_without_a_policy() -> None:
    from drlib.sandbox.services.apigateway.integration import may_invoke

    config = {"FunctionArn": "arn:aws:lambda:us-east-2:000000000000:function:f"}
    assert not may_invoke({"config": config}, {"requestContext": ROUTE})
