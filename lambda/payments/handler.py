"""The payments API: accepts a payment, returns a payment, and answers health checks.

Routes (HTTP API, payload format 2.0): `POST /payments`, `GET /payments/{payment_id}`, `GET /healthz`,
`GET /healthz/deep`. `routeKey` selects the route: the path contains the stage's name.

A payment is one conditional write, then one notification that both regions' queues receive. Its id
is derived from the client's idempotency key, so that a retry in the other region names the same payment, even
if the payment is not replicated yet.

In the standby, the first payment served under the public name sets the latch: traffic has moved here, and it
must not return by itself. A failback that releases the latch may write `hold_until` (wall seconds since the
epoch) into the item: until then, the last requests of clients to the standby do not set it again.

A planned move fences the region that it leaves: while the fence's item is in force, the region accepts
no payment, and a client must retry later. Each payment reads the item once, with a consistent read, just
before its write. A payment that read it before the fence was written can still be in progress. So the planned
move waits for the longest duration of a request (this function's timeout) before it checks for unsettled
payments. The fence could be a condition of the write itself, in a transaction; but each transaction
would then hold the one item that all of them check, and payments would cancel each other (DynamoDB Developer
Guide, "Transaction conflict handling in DynamoDB").
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

NEEDED = (
    "TABLE_NAME",
    "TOPIC_ARN",
    "PUBLIC_NAME",
    "REGION_ROLE",
    "STANDBY_REGION",
    "STACK",
    "METRIC_NAMESPACE",
)
MISSING = [name for name in NEEDED if not os.environ.get(name)]
if MISSING:
    raise RuntimeError(f"missing environment variables: {', '.join(MISSING)}")

TABLE = os.environ["TABLE_NAME"]
TOPIC_ARN = os.environ["TOPIC_ARN"]
PUBLIC_NAME = os.environ["PUBLIC_NAME"]
ROLE = os.environ["REGION_ROLE"]
STANDBY_REGION = os.environ["STANDBY_REGION"]
STACK = os.environ["STACK"]
NAMESPACE = os.environ["METRIC_NAMESPACE"]
REGION = os.environ["AWS_REGION"]

PAYMENT_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:payments-dr:payment")
LARGEST_AMOUNT = 99_999_999_99
ID_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,128}")
CURRENCY_PATTERN = re.compile(r"[A-Z]{3}")
FIELDS = ("amount_minor", "currency", "reference")
RETRY_AFTER_SECONDS = 10  # the longest Retry-After: a fence can end early

# Two attempts of at most 1 + 2 seconds: a call gives up well before the function's own timeout of 10 seconds.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
logger = Logger(service="payments")
dynamodb = boto3.client("dynamodb", config=CONFIG)
sns = boto3.client("sns", config=CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CONFIG)


class Refused(Exception):
    """The request is refused: a 4xx answer with the reason and the field."""

    def __init__(self, status: int, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, **({"field": field} if field else {})}
        self.headers: dict[str, str] = {}


class Fenced(Refused):
    """The region is fenced: 503 with Retry-After. The request made no payment."""

    def __init__(self, seconds_left: float) -> None:
        super().__init__(503, "payments are fenced for a planned move: ask again under the same key")
        self.body["fenced"] = True
        self.headers["retry-after"] = str(math.ceil(min(seconds_left, RETRY_AFTER_SECONDS)))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve one request. An unexpected error is logged, and the answer is a 500 without details."""
    route = event.get("routeKey", "")
    headers: dict[str, str] = {}
    try:
        status, body = serve(route, event)
    except Refused as refused:
        status, body, headers = refused.status, refused.body, refused.headers
    except Exception:
        logger.exception("request failed", extra={"route": route, "request_id": context.aws_request_id})
        return answer(500, {"message": "internal error", "request_id": context.aws_request_id})
    logger.info("request served", extra={"route": route, "status": status})
    return answer(status, body, headers)


def serve(route: str, event: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Route one request; return status and body."""
    if route == "GET /healthz":
        return 200, {"status": "ok"}
    if route == "GET /healthz/deep":
        return deep_health()
    if route == "POST /payments":
        status, body = accept(event)
        latch(event)
        return status, body
    if route == "GET /payments/{payment_id}":
        return tell(event)
    raise Refused(404, "no such route")


def answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Build a response for the HTTP API."""
    told = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": told, "body": json.dumps(body)}


def accept(event: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Store and announce a payment: 201 for a new key, 200 for a repeated key, 422 for another body.

    While this region is fenced: 503, also for a repeated key.
    """
    key = idempotency_key(event)
    payment = payment_in(event)
    payment_id = str(uuid.uuid5(PAYMENT_IDS, key))
    digest = hashlib.sha256(json.dumps(payment, sort_keys=True).encode()).hexdigest()
    item = {
        "pk": {"S": f"PAYMENT#{payment_id}"},
        "sk": {"S": "PAYMENT"},
        "payment_id": {"S": payment_id},
        "idempotency_key": {"S": key},
        "request_hash": {"S": digest},
        "amount_minor": {"N": str(payment["amount_minor"])},
        "currency": {"S": payment["currency"]},
        "reference": {"S": payment["reference"]},
        "region": {"S": REGION},
        "accepted_at": {"N": f"{time.time():.6f}"},
    }
    require_open()
    try:
        dynamodb.put_item(TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return replay(payment_id, digest)
    announce(payment_id, REGION)
    return 201, {"payment_id": payment_id, "status": "accepted", "region": REGION}


def require_open() -> None:
    """Raise Fenced while this region is fenced. A fence ends at `expires_at` even if nobody removes it."""
    key = {"pk": {"S": "FENCE"}, "sk": {"S": REGION}}
    item = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")
    seconds_left = float(item["expires_at"]["N"]) - time.time() if item else 0.0
    if seconds_left > 0:
        raise Fenced(seconds_left)


def replay(payment_id: str, digest: str) -> tuple[int, dict[str, Any]]:
    """Answer a repeated key. Announces the payment again unless it is settled: the first attempt can have
    stopped between the write and the announcement."""
    payment, settlements = records(payment_id)
    if payment is None:
        raise RuntimeError("the payment was there for the write, and is gone for the read")
    if payment["request_hash"]["S"] != digest:
        raise Refused(422, "this Idempotency-Key was used with another body", field="Idempotency-Key")
    region = payment["region"]["S"]
    if not settlements:
        announce(payment_id, region)
    return 200, {"payment_id": payment_id, "status": "accepted", "region": region}


def announce(payment_id: str, origin_region: str) -> None:
    """Notify the workers of both regions of a payment to settle."""
    message = {"payment_id": payment_id, "origin_region": origin_region}
    sns.publish(TopicArn=TOPIC_ARN, Message=json.dumps(message))


def tell(event: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return a payment from this region's replica: 200, or 404."""
    asked = event.get("pathParameters", {}).get("payment_id", "")
    payment, settlements = records(asked) if ID_PATTERN.fullmatch(asked) else (None, [])
    if payment is None:
        raise Refused(404, "no such payment", field="payment_id")
    return 200, {
        "payment_id": asked,
        "amount_minor": int(payment["amount_minor"]["N"]),
        "currency": payment["currency"]["S"],
        "reference": payment["reference"]["S"],
        "status": "settled" if settlements else "accepted",
        "region": payment["region"]["S"],
        "settlements": settlements,
    }


def records(payment_id: str) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Read a payment and its settlements from this region's replica."""
    found = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"PAYMENT#{payment_id}"}},
        ConsistentRead=True,
    )["Items"]
    payment = next((item for item in found if item["sk"]["S"] == "PAYMENT"), None)
    settlements = [
        {"region": item["region"]["S"], "at": float(item["settled_at"]["N"])}
        for item in found
        if item["sk"]["S"].startswith("SETTLED#")
    ]
    return payment, settlements


def deep_health() -> tuple[int, dict[str, Any]]:
    """Read the table: 200 if that works, else 503. For alarms and runbooks; DNS must not depend on it."""
    try:
        dynamodb.get_item(TableName=TABLE, Key=latch_key())
    except Exception:
        logger.exception("the table cannot be read")
        return 503, {"status": "failing", "region": REGION}
    return 200, {"status": "ok", "region": REGION, "role": ROLE}


def latch(event: Mapping[str, Any]) -> None:
    """In the standby, set the latch and publish its first datapoint if the request used the public name.

    The payment is already stored: if this fails, it logs the error, and the next payment retries.
    """
    if ROLE != "standby" or PUBLIC_NAME not in names_asked(event):
        return
    try:
        dynamodb.update_item(
            TableName=TABLE,
            Key=latch_key(),
            UpdateExpression="SET #is_set = :yes, #set_at = :now, #reason = :reason",
            ConditionExpression="attribute_not_exists(pk)"
            " OR (#is_set = :no AND (attribute_not_exists(#hold) OR #hold <= :now))",
            ExpressionAttributeNames={
                "#is_set": "is_set",
                "#set_at": "set_at",
                "#reason": "reason",
                "#hold": "hold_until",
            },
            ExpressionAttributeValues={
                ":yes": {"BOOL": True},
                ":no": {"BOOL": False},
                ":now": {"N": f"{time.time():.6f}"},
                ":reason": {"S": "a payment came to the standby under the public name"},
            },
        )
        publish_latch()
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # it is set, or held after a failback
    except Exception:
        logger.exception("the latch could not be set")


def publish_latch() -> None:
    """Publish the first datapoint at once; the latch function publishes one every minute."""
    cloudwatch.put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": "FailoverRequested",
                "Dimensions": [{"Name": "Stack", "Value": STACK}],
                "Value": 1.0,
            }
        ],
    )
    logger.warning("latch set: this region stays active until it is released")


def latch_key() -> dict[str, Any]:
    """Return the key of the latch's item."""
    return {"pk": {"S": "LATCH"}, "sk": {"S": STANDBY_REGION}}


def names_asked(event: Mapping[str, Any]) -> set[str]:
    """Return the host names of the request."""
    host = event.get("headers", {}).get("host", "").partition(":")[0]
    return {event.get("requestContext", {}).get("domainName", ""), host}


def idempotency_key(event: Mapping[str, Any]) -> str:
    """Return the client's key, or raise Refused."""
    key = event.get("headers", {}).get("idempotency-key", "")
    if not KEY_PATTERN.fullmatch(key):
        raise Refused(
            400, "Idempotency-Key must be 1 to 128 printable characters, no spaces", field="Idempotency-Key"
        )
    return str(key)


def payment_in(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payment in the body, or raise Refused with the field."""
    text = event.get("body") or ""
    try:
        body = json.loads(base64.b64decode(text) if event.get("isBase64Encoded") else text)
    except ValueError:
        raise Refused(400, "the body must be JSON", field="body") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body must be a JSON object", field="body")
    for name in body:
        if name not in FIELDS:
            raise Refused(400, f"{name} is not a field of a payment", field=str(name))
    amount, currency, reference = (body.get(name) for name in FIELDS)
    if type(amount) is not int or not 0 < amount <= LARGEST_AMOUNT:  # True is an int, but not an amount
        raise Refused(
            400, f"amount_minor must be a whole number from 1 to {LARGEST_AMOUNT}", field="amount_minor"
        )
    if not isinstance(currency, str) or not CURRENCY_PATTERN.fullmatch(currency):
        raise Refused(400, "currency must be three capital letters", field="currency")
    if not isinstance(reference, str) or not 0 < len(reference) <= 140 or not reference.isprintable():
        raise Refused(400, "reference must be a text of 1 to 140 printable characters", field="reference")
    return {"amount_minor": amount, "currency": currency, "reference": reference}
