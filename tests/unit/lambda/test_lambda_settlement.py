"""The settlement worker: settle once, drop, defer; and what becomes of each message."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

QUEUE = "https://sqs.us-west-2.amazonaws.com/111122223333/pay-work-t1-usw2"
PAYMENT = {
    "pk": {"S": "PAYMENT#p1"},
    "sk": {"S": "PAYMENT"},
    "payment_id": {"S": "p1"},
    "amount_minor": {"N": "1250"},
    "currency": {"S": "EUR"},
    "reference": {"S": "order 7"},
    "region": {"S": "us-west-2"},
}
FOREIGN = {**PAYMENT, "region": {"S": "us-east-2"}}


def batch(*bodies: str, receives: int = 1) -> dict[str, Any]:
    records = [
        {
            "messageId": f"m{number}",
            "receiptHandle": f"r{number}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(receives)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-west-2:111122223333:pay-work-t1-usw2",
            "awsRegion": "us-west-2",
        }
        for number, body in enumerate(bodies or (json.dumps({"payment_id": "p1"}),))
    ]
    return {"Records": records}


def script(function: Any, *, found: list[dict[str, Any]]) -> None:
    """The read that every settlement begins with: what is known of the payment."""
    function.stubs["dynamodb"].add_response("query", {"Items": found})


def script_latch(function: Any, latch: bool | None) -> None:
    """The read of the latch: it comes after the payment's, so that it cannot be older."""
    item = {} if latch is None else {"Item": {"is_set": {"BOOL": latch}}}
    key = {"pk": {"S": "LATCH"}, "sk": {"S": "us-west-2"}}
    expected = {"TableName": "pay-ledger-t1", "Key": key, "ConsistentRead": True}
    function.stubs["dynamodb"].add_response("get_item", item, expected)


def expect_receipt(function: Any) -> None:
    receipt = {
        "amount_minor": 1250,
        "currency": "EUR",
        "payment_id": "p1",
        "reference": "order 7",
        "settled_in": "us-west-2",
    }
    expected = {
        "Bucket": "pay-receipts-t1-usw2",
        "Key": "receipts/p1.json",
        "Body": json.dumps(receipt).encode(),
        "ContentType": "application/json",
    }
    function.stubs["s3"].add_response("put_object", {}, expected)


def expect_deferral(function: Any) -> None:
    expected = {"QueueUrl": QUEUE, "ReceiptHandle": "r0", "VisibilityTimeout": 30}
    function.stubs["sqs"].add_response("change_message_visibility", {}, expected)


def failures(answer: dict[str, Any]) -> list[str]:
    assert set(answer) == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_missing_variable_stops_the_start(load: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="BUCKET_NAME, QUEUE_URL$"):
        load("settlement", BUCKET_NAME=None, QUEUE_URL=None)


@pytest.mark.parametrize(("role", "latch"), [("standby", True), ("primary", False), ("primary", None)])
def test_the_active_region_settles_once(load: Callable[..., Any], role: str, latch: bool | None) -> None:
    function = load("settlement", REGION_ROLE=role)
    script(function, found=[PAYMENT])
    script_latch(function, latch)
    function.stubs["dynamodb"].add_response("put_item", {})
    expect_receipt(function)
    assert failures(function(batch())) == []


@pytest.mark.parametrize(("role", "latch"), [("standby", False), ("standby", None), ("primary", True)])
def test_the_passive_region_defers(load: Callable[..., Any], role: str, latch: bool | None) -> None:
    function = load("settlement", REGION_ROLE=role)
    script(function, found=[PAYMENT])
    script_latch(function, latch)
    expect_deferral(function)
    assert failures(function(batch())) == ["m0"]


def test_a_payment_that_is_not_here_yet_is_deferred(load: Callable[..., Any]) -> None:
    function = load("settlement")
    script(function, found=[])
    expect_deferral(function)
    assert failures(function(batch())) == ["m0"]


@pytest.mark.parametrize("latch", [True, False])
def test_what_the_other_region_took_is_settled_at_the_second_delivery(
    load: Callable[..., Any], latch: bool
) -> None:
    """A latch that was set with it may still be on its way when the announcement arrives."""
    function = load("settlement", REGION_ROLE="standby" if latch else "primary")
    script(function, found=[FOREIGN])
    expect_deferral(function)
    assert failures(function(batch(receives=1))) == ["m0"]
    script(function, found=[FOREIGN])
    script_latch(function, latch)
    function.stubs["dynamodb"].add_response("put_item", {})
    expect_receipt(function)
    assert failures(function(batch(receives=2))) == []


def test_what_the_other_region_settled_is_dropped(load: Callable[..., Any]) -> None:
    function = load("settlement")
    script(function, found=[PAYMENT, {**PAYMENT, "sk": {"S": "SETTLED#us-east-2"}}])
    assert failures(function(batch())) == []


def test_what_this_region_settled_gets_its_receipt_again(load: Callable[..., Any]) -> None:
    function = load("settlement")
    script(function, found=[PAYMENT, {**PAYMENT, "sk": {"S": "SETTLED#us-west-2"}}])
    expect_receipt(function)
    assert failures(function(batch())) == []


def test_a_record_that_another_delivery_wrote_first_is_no_error(load: Callable[..., Any]) -> None:
    function = load("settlement")
    script(function, found=[PAYMENT])
    script_latch(function, True)
    function.stubs["dynamodb"].add_client_error("put_item", "ConditionalCheckFailedException")
    expect_receipt(function)
    assert failures(function(batch())) == []


def test_one_bad_message_comes_again_alone(load: Callable[..., Any]) -> None:
    function = load("settlement")
    script(function, found=[PAYMENT])
    script_latch(function, True)
    function.stubs["dynamodb"].add_response("put_item", {})
    expect_receipt(function)
    assert failures(function(batch(json.dumps({"payment_id": "p1"}), "not json"))) == ["m1"]


def test_a_receipt_that_cannot_be_written_brings_the_message_again(load: Callable[..., Any]) -> None:
    function = load("settlement")
    script(function, found=[PAYMENT])
    script_latch(function, True)
    function.stubs["dynamodb"].add_response("put_item", {})
    function.stubs["s3"].add_client_error("put_object", "SlowDown")
    assert failures(function(batch())) == ["m0"]
