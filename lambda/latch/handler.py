"""The latch: publishes every minute, as a metric, whether the standby must stay active.

An alarm on the metric in the standby is one part of the primary's health in Route 53. The state is an item of
the table, so that one write in one region sets or releases it. Each region publishes the value of its own
replica: the standby's value decides, and the primary's shows whether the item has been replicated.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

NEEDED = ("TABLE_NAME", "STANDBY_REGION", "STACK", "METRIC_NAMESPACE")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
if MISSING:
    raise RuntimeError(f"missing environment variables: {', '.join(MISSING)}")

TABLE = os.environ["TABLE_NAME"]
STANDBY_REGION = os.environ["STANDBY_REGION"]
STACK = os.environ["STACK"]
NAMESPACE = os.environ["METRIC_NAMESPACE"]

# Two attempts of at most 1 + 2 seconds: a call gives up well before the function's own timeout.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
logger = Logger(service="latch")
dynamodb = boto3.client("dynamodb", config=CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CONFIG)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish 1 while the latch is set, else 0. Raises AWS's errors: the next run retries."""
    key = {"pk": {"S": "LATCH"}, "sk": {"S": STANDBY_REGION}}
    item = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item", {})
    is_set = bool(item.get("is_set", {}).get("BOOL", False))
    cloudwatch.put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": "FailoverRequested",
                "Dimensions": [{"Name": "Stack", "Value": STACK}],
                "Value": float(is_set),
            }
        ],
    )
    logger.info("latch published", extra={"is_set": is_set})
    return {"is_set": is_set}
