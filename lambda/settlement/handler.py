"""The settlement worker: reads announced payments from this region's queue and settles each once.

Both regions receive every announcement, and both workers run. A worker drops payments that are settled, and
defers all payments while its region is not active: the standby settles only while the latch is set, the
primary only while it is not. A deferred message becomes visible again after `DEFER_SECONDS`. After too many
deliveries, the queue sends it to the dead-letter queue.

A settlement is an append-only record of its region. Replication is asynchronous, so a payment that the
primary settled just before it failed may be settled again in the standby; both records stay, and the
reconciliation after a failover lists the payment.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.config import Config

NEEDED = ("TABLE_NAME", "BUCKET_NAME", "QUEUE_URL", "REGION_ROLE", "STANDBY_REGION")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
if MISSING:
    raise RuntimeError(f"missing environment variables: {', '.join(MISSING)}")

TABLE = os.environ["TABLE_NAME"]
BUCKET = os.environ["BUCKET_NAME"]
QUEUE_URL = os.environ["QUEUE_URL"]
ROLE = os.environ["REGION_ROLE"]
STANDBY_REGION = os.environ["STANDBY_REGION"]
REGION = os.environ["AWS_REGION"]
RECEIVES = "ApproximateReceiveCount"
DEFER_SECONDS = 30

# Two attempts of at most 1 + 2 seconds: a call gives up well before the function's own timeout.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
logger = Logger(service="settlement")
dynamodb = boto3.client("dynamodb", config=CONFIG)
sqs = boto3.client("sqs", config=CONFIG)
s3 = boto3.client("s3", config=CONFIG)
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class Deferred(Exception):
    """This region is not active, or the payment is not replicated yet: deliver the message again."""


def handler(event: dict[str, Any], context: Any) -> Any:
    """Settle a batch; return the messages to deliver again. A status code would mean success for SQS."""
    outcome = process_partial_response(
        event=event, record_handler=settle, processor=processor, context=context
    )
    failed = len(outcome["batchItemFailures"])
    logger.info("batch done", extra={"messages": len(event["Records"]), "to_come_again": failed})
    return outcome


def settle(record: SQSRecord) -> None:
    """Settle one payment, or drop it, or defer it."""
    payment_id = json.loads(record.body)["payment_id"]
    found = records(payment_id)
    settled = [sk for sk in found if sk.startswith("SETTLED#")]
    own = f"SETTLED#{REGION}"
    if settled and own not in settled:
        return
    try:
        if not settled:
            settle_now(payment_id, found.get("PAYMENT"), first=record["attributes"].get(RECEIVES) == "1")
    except Deferred as reason:
        sqs.change_message_visibility(
            QueueUrl=QUEUE_URL, ReceiptHandle=record.receipt_handle, VisibilityTimeout=DEFER_SECONDS
        )
        logger.info("deferred", extra={"payment_id": payment_id, "reason": str(reason)})
        raise
    # The delivery that wrote the record can have stopped before it wrote the receipt: write it again.
    write_receipt(found.get("PAYMENT"))


def settle_now(payment_id: str, payment: dict[str, Any] | None, *, first: bool) -> None:
    """Append this region's settlement record, unless another delivery of the same message did.

    A payment that the other region accepted is not settled at its first delivery: that region may have become
    active, and the latch may not be replicated yet.
    """
    if payment is None:
        raise Deferred("the payment is not in this region yet")
    if first and payment["region"]["S"] != REGION:
        raise Deferred("the other region took this payment, just now")
    if not is_active():
        raise Deferred("this region is not the active one")
    try:
        dynamodb.put_item(
            TableName=TABLE,
            Item={
                "pk": {"S": f"PAYMENT#{payment_id}"},
                "sk": {"S": f"SETTLED#{REGION}"},
                "payment_id": {"S": payment_id},
                "region": {"S": REGION},
                "settled_at": {"N": f"{time.time():.6f}"},
            },
            ConditionExpression="attribute_not_exists(pk)",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return
    logger.info("settled", extra={"payment_id": payment_id})


def records(payment_id: str) -> dict[str, dict[str, Any]]:
    """Read a payment and its settlements in this region's replica, by sort key."""
    found = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"PAYMENT#{payment_id}"}},
        ConsistentRead=True,
    )["Items"]
    return {item["sk"]["S"]: item for item in found}


def is_active() -> bool:
    """Return whether this region settles now: the standby while the latch is set, else the primary."""
    key = {"pk": {"S": "LATCH"}, "sk": {"S": STANDBY_REGION}}
    item = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item", {})
    is_set = bool(item.get("is_set", {}).get("BOOL", False))
    return is_set == (ROLE == "standby")


def write_receipt(payment: dict[str, Any] | None) -> None:
    """Write the payment's receipt; the same payment always gives the same object."""
    if payment is None:
        return
    payment_id = payment["payment_id"]["S"]
    receipt = {
        "payment_id": payment_id,
        "amount_minor": int(payment["amount_minor"]["N"]),
        "currency": payment["currency"]["S"],
        "reference": payment["reference"]["S"],
        "settled_in": REGION,
    }
    s3.put_object(
        Bucket=BUCKET,
        Key=f"receipts/{payment_id}.json",
        Body=json.dumps(receipt, sort_keys=True).encode(),
        ContentType="application/json",
    )
