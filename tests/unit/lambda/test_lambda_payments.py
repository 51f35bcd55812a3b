"""The payments API, route by route, against clients that answer from a script."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import ANY

PAYMENT = {"amount_minor": 1250, "currency": "EUR", "reference": "order 7"}
TABLE = "pay-ledger-t1"


def post(body: Any = PAYMENT, *, key: str | None = "key-1", host: str = "internal.example") -> dict[str, Any]:
    headers = {"host": host} | ({"idempotency-key": key} if key is not None else {})
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "routeKey": "POST /payments",
        "rawPath": "/prod/payments",
        "headers": headers,
        "requestContext": {"domainName": host},
        "body": text,
        "isBase64Encoded": False,
    }


def body_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/json"
    found = json.loads(answer["body"])
    assert isinstance(found, dict)
    return found


def fence(seconds: float) -> dict[str, Any]:
    """A fence of the function's own region that ends so many seconds from now."""
    return {"Item": {"expires_at": {"N": f"{time.time() + seconds:.6f}"}}}


FENCE_READ = {
    "TableName": TABLE,
    "Key": {"pk": {"S": "FENCE"}, "sk": {"S": "us-west-2"}},
    "ConsistentRead": True,
}


def stored(payment_id: str, *, digest: str, settled: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {
            "pk": {"S": f"PAYMENT#{payment_id}"},
            "sk": {"S": "PAYMENT"},
            "payment_id": {"S": payment_id},
            "request_hash": {"S": digest},
            "amount_minor": {"N": "1250"},
            "currency": {"S": "EUR"},
            "reference": {"S": "order 7"},
            "region": {"S": "us-east-2"},
        }
    ]
    if settled:
        sk = {"S": f"SETTLED#{settled}"}
        items.append({**items[0], "sk": sk, "region": {"S": settled}, "settled_at": {"N": "1700.5"}})
    return items


def query(payment_id: str) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": f"PAYMENT#{payment_id}"}},
        "ConsistentRead": True,
    }


def identity(function: Any, key: str = "key-1") -> str:
    return str(uuid.uuid5(function.module.PAYMENT_IDS, key))


def test_a_missing_variable_stops_the_start_and_every_one_is_named(load: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="TABLE_NAME, STACK$"):
        load("payments", TABLE_NAME=None, STACK="")


def test_a_new_payment_is_stored_once_and_announced(load: Callable[..., Any]) -> None:
    function = load("payments")
    payment_id = identity(function)
    item = {
        "pk": {"S": f"PAYMENT#{payment_id}"},
        "sk": {"S": "PAYMENT"},
        "payment_id": {"S": payment_id},
        "idempotency_key": {"S": "key-1"},
        "request_hash": ANY,
        "amount_minor": {"N": "1250"},
        "currency": {"S": "EUR"},
        "reference": {"S": "order 7"},
        "region": {"S": "us-west-2"},
        "accepted_at": ANY,
    }
    put = {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    function.stubs["dynamodb"].add_response("get_item", {}, FENCE_READ)
    function.stubs["dynamodb"].add_response("put_item", {}, put)
    message = json.dumps({"payment_id": payment_id, "origin_region": "us-west-2"})
    announced = {"TopicArn": "arn:aws:sns:us-west-2:111122223333:pay-events-t1-usw2", "Message": message}
    function.stubs["sns"].add_response("publish", {"MessageId": "m"}, announced)
    answer = function(post())
    assert answer["statusCode"] == 201
    assert body_of(answer) == {"payment_id": payment_id, "status": "accepted", "region": "us-west-2"}


@pytest.mark.parametrize("settled", ["", "us-east-2"])
def test_the_same_key_again_gives_the_same_answer(load: Callable[..., Any], settled: str) -> None:
    """It is announced again only while it is not settled: its first announcement may never have gone out."""
    function = load("payments")
    payment_id, digest = identity(function), digest_of(function, PAYMENT)
    function.stubs["dynamodb"].add_response("get_item", {}, FENCE_READ)
    function.stubs["dynamodb"].add_client_error("put_item", "ConditionalCheckFailedException")
    found = {"Items": stored(payment_id, digest=digest, settled=settled)}
    function.stubs["dynamodb"].add_response("query", found, query(payment_id))
    if not settled:
        function.stubs["sns"].add_response("publish", {"MessageId": "m"}, {"TopicArn": ANY, "Message": ANY})
    answer = function(post())
    assert answer["statusCode"] == 200
    assert body_of(answer) == {"payment_id": payment_id, "status": "accepted", "region": "us-east-2"}


def digest_of(function: Any, payment: dict[str, Any]) -> str:
    """What the function itself stores for a payment, read from its own write."""
    seen: list[dict[str, Any]] = []
    original = function.module.dynamodb.put_item
    function.module.dynamodb.put_item = lambda **kwargs: seen.append(kwargs)
    function.stubs["dynamodb"].add_response("get_item", {}, FENCE_READ)
    function.stubs["sns"].add_response("publish", {"MessageId": "m"})
    function(post(payment))
    function.module.dynamodb.put_item = original
    return str(seen[0]["Item"]["request_hash"]["S"])


def test_the_same_key_with_another_body_is_refused(load: Callable[..., Any]) -> None:
    function = load("payments")
    digest = digest_of(function, {**PAYMENT, "amount_minor": 1})
    function.stubs["dynamodb"].add_response("get_item", {}, FENCE_READ)
    function.stubs["dynamodb"].add_client_error("put_item", "ConditionalCheckFailedException")
    function.stubs["dynamodb"].add_response("query", {"Items": stored(identity(function), digest=digest)})
    answer = function(post())
    assert answer["statusCode"] == 422
    assert body_of(answer)["field"] == "Idempotency-Key"


def test_the_order_of_a_bodys_fields_does_not_make_another_payment(load: Callable[..., Any]) -> None:
    function = load("payments")
    reordered = dict(reversed(PAYMENT.items()))
    assert digest_of(function, PAYMENT) == digest_of(function, reordered)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ({**PAYMENT, "amount_minor": 0}, "amount_minor"),
        ({**PAYMENT, "amount_minor": 1.5}, "amount_minor"),
        ({**PAYMENT, "amount_minor": True}, "amount_minor"),
        ({**PAYMENT, "amount_minor": "1250"}, "amount_minor"),
        ({"currency": "EUR", "reference": "x"}, "amount_minor"),
        ({**PAYMENT, "currency": "eur"}, "currency"),
        ({**PAYMENT, "currency": "EURO"}, "currency"),
        ({**PAYMENT, "reference": ""}, "reference"),
        ({**PAYMENT, "reference": "x" * 141}, "reference"),
        ({**PAYMENT, "reference": "\ud800"}, "reference"),
        ({**PAYMENT, "amount": 5}, "amount"),
    ],
)
def test_a_bad_body_is_refused_and_the_field_named(load: Callable[..., Any], body: Any, field: str) -> None:
    answer = load("payments")(post(body))
    assert answer["statusCode"] == 400
    assert body_of(answer)["field"] == field


@pytest.mark.parametrize("key", [None, "", "two words", "x" * 129])
def test_a_bad_key_is_refused(load: Callable[..., Any], key: str | None) -> None:
    answer = load("payments")(post(key=key))
    assert answer["statusCode"] == 400
    assert body_of(answer)["field"] == "Idempotency-Key"


def test_an_encoded_body_is_read(load: Callable[..., Any]) -> None:
    function = load("payments")
    function.stubs["dynamodb"].add_response("get_item", {}, FENCE_READ)
    function.stubs["dynamodb"].add_response("put_item", {})
    function.stubs["sns"].add_response("publish", {"MessageId": "m"})
    event = post(base64.b64encode(json.dumps(PAYMENT).encode()).decode()) | {"isBase64Encoded": True}
    assert function(event)["statusCode"] == 201


def test_an_unforeseen_error_is_opaque(load: Callable[..., Any]) -> None:
    function = load("payments")
    function.stubs["dynamodb"].add_response("get_item", {}, FENCE_READ)
    function.stubs["dynamodb"].add_client_error(
        "put_item", "AccessDeniedException", "user arn:aws:sts::111122223333:assumed-role/x is not authorised"
    )
    answer = function(post())
    assert answer["statusCode"] == 500
    assert body_of(answer) == {"message": "internal error", "request_id": "request-1"}


@pytest.mark.parametrize(("seconds", "told"), [(600.0, "10"), (3.2, "4")])
def test_a_fenced_region_takes_no_payment(load: Callable[..., Any], seconds: float, told: str) -> None:
    """Nothing is written, nothing announced, and the latch stays as it is."""
    function = load("payments")
    updates = watch_updates(function)
    function.stubs["dynamodb"].add_response("get_item", fence(seconds), FENCE_READ)
    answer = function(post(host="api.pay.acme.net"))
    assert answer["statusCode"] == 503
    assert body_of(answer)["fenced"] is True
    assert answer["headers"]["retry-after"] == told
    assert updates == []


def test_a_forgotten_fence_has_ended(load: Callable[..., Any]) -> None:
    function = load("payments")
    function.stubs["dynamodb"].add_response("get_item", fence(-0.1), FENCE_READ)
    function.stubs["dynamodb"].add_response("put_item", {})
    function.stubs["sns"].add_response("publish", {"MessageId": "m"})
    assert function(post())["statusCode"] == 201


def test_what_is_the_clients_fault_is_told_behind_a_fence_too(load: Callable[..., Any]) -> None:
    assert load("payments")(post("{"))["statusCode"] == 400


def test_a_fence_stands_before_no_read(load: Callable[..., Any]) -> None:
    function = load("payments")
    function.stubs["dynamodb"].add_response("query", {"Items": []})
    event = {
        "routeKey": "GET /payments/{payment_id}",
        "pathParameters": {"payment_id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12},
    }
    assert function(event)["statusCode"] == 404


def test_a_fence_that_cannot_be_read_lets_nothing_through(load: Callable[..., Any]) -> None:
    function = load("payments")
    function.stubs["dynamodb"].add_client_error("get_item", "InternalServerError")
    assert function(post())["statusCode"] == 500


def test_a_payment_is_told_with_its_settlements(load: Callable[..., Any]) -> None:
    function = load("payments")
    payment_id = identity(function)
    found = {"Items": stored(payment_id, digest="d", settled="us-east-2")}
    function.stubs["dynamodb"].add_response("query", found, query(payment_id))
    event = {"routeKey": "GET /payments/{payment_id}", "pathParameters": {"payment_id": payment_id}}
    answer = function(event)
    assert answer["statusCode"] == 200
    assert body_of(answer) == {
        "payment_id": payment_id,
        **PAYMENT,
        "status": "settled",
        "region": "us-east-2",
        "settlements": [{"region": "us-east-2", "at": 1700.5}],
    }


@pytest.mark.parametrize("asked", ["nonsense", "x" * 5000, "4b33b68c-9a4e-5a3b-8f0a-1f0f8f8f8f8f"])
def test_an_unknown_payment_is_404(load: Callable[..., Any], asked: str) -> None:
    function = load("payments")
    if len(asked) == 36:
        function.stubs["dynamodb"].add_response("query", {"Items": []})
    event = {"routeKey": "GET /payments/{payment_id}", "pathParameters": {"payment_id": asked}}
    assert function(event)["statusCode"] == 404


def test_shallow_health_asks_nothing_and_routes_by_key(load: Callable[..., Any]) -> None:
    answer = load("payments")({"routeKey": "GET /healthz", "rawPath": "/prod/healthz"})
    assert answer["statusCode"] == 200
    assert answer["body"] == '{"status": "ok"}'


def test_deep_health_reads_the_table(load: Callable[..., Any]) -> None:
    function = load("payments")
    key = {"TableName": TABLE, "Key": {"pk": {"S": "LATCH"}, "sk": {"S": "us-west-2"}}}
    function.stubs["dynamodb"].add_response("get_item", {}, key)
    assert function({"routeKey": "GET /healthz/deep"})["statusCode"] == 200
    function.stubs["dynamodb"].add_client_error("get_item", "ProvisionedThroughputExceededException")
    assert function({"routeKey": "GET /healthz/deep"})["statusCode"] == 503


def test_another_route_is_404(load: Callable[..., Any]) -> None:
    assert load("payments")({"routeKey": "GET /payments"})["statusCode"] == 404


def expect_acceptance(function: Any) -> None:
    function.stubs["dynamodb"].add_response("get_item", {}, FENCE_READ)
    function.stubs["dynamodb"].add_response("put_item", {})
    function.stubs["sns"].add_response("publish", {"MessageId": "m"})


def test_the_first_payment_by_the_public_name_sets_the_latch(load: Callable[..., Any]) -> None:
    function = load("payments")
    expect_acceptance(function)
    update = {
        "TableName": TABLE,
        "Key": {"pk": {"S": "LATCH"}, "sk": {"S": "us-west-2"}},
        "UpdateExpression": ANY,
        "ConditionExpression": ANY,
        "ExpressionAttributeNames": ANY,
        "ExpressionAttributeValues": ANY,
    }
    function.stubs["dynamodb"].add_response("update_item", {}, update)
    datum = {
        "MetricName": "FailoverRequested",
        "Dimensions": [{"Name": "Stack", "Value": "t1"}],
        "Value": 1.0,
    }
    metric = {"Namespace": "PaymentsDR", "MetricData": [datum]}
    function.stubs["cloudwatch"].add_response("put_metric_data", {}, metric)
    assert function(post(host="api.pay.acme.net"))["statusCode"] == 201


def test_the_host_header_tells_the_public_name_too(load: Callable[..., Any]) -> None:
    function = load("payments")
    expect_acceptance(function)
    function.stubs["dynamodb"].add_response("update_item", {})
    function.stubs["cloudwatch"].add_response("put_metric_data", {})
    event = post(host="api.pay.acme.net:8443") | {"requestContext": {"domainName": "a1b2c3.execute-api"}}
    assert function(event)["statusCode"] == 201


def test_a_latch_that_is_set_stays_as_it_is(load: Callable[..., Any]) -> None:
    function = load("payments")
    expect_acceptance(function)
    function.stubs["dynamodb"].add_client_error("update_item", "ConditionalCheckFailedException")
    assert function(post(host="api.pay.acme.net"))["statusCode"] == 201


def test_a_latch_that_cannot_be_set_does_not_fail_the_payment(load: Callable[..., Any]) -> None:
    function = load("payments")
    expect_acceptance(function)
    function.stubs["dynamodb"].add_client_error("update_item", "InternalServerError")
    assert function(post(host="api.pay.acme.net"))["statusCode"] == 201


def watch_updates(function: Any) -> list[dict[str, Any]]:
    """Record updates: the handler swallows an error of the latch, so an unexpected call would not show."""
    seen: list[dict[str, Any]] = []
    function.module.dynamodb.update_item = lambda **kwargs: seen.append(kwargs)
    return seen


@pytest.mark.parametrize(
    ("role", "host"), [("primary", "api.pay.acme.net"), ("standby", "a1b2c3.execute-api.us-west-2.aws")]
)
def test_peace_leaves_the_latch_alone(load: Callable[..., Any], role: str, host: str) -> None:
    """Neither the primary, nor a probe of the standby by its own name, touches it."""
    function = load("payments", REGION_ROLE=role)
    expect_acceptance(function)
    updates = watch_updates(function)
    assert function(post(host=host))["statusCode"] == 201
    assert updates == []


def test_a_refused_request_does_not_set_the_latch(load: Callable[..., Any]) -> None:
    function = load("payments")
    updates = watch_updates(function)
    assert function(post("{", host="api.pay.acme.net"))["statusCode"] == 400
    assert updates == []
