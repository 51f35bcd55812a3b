"""The latch: publishes, every minute, whether the standby is to stay active.

Route 53 takes the metric's alarm in the standby for one half of the primary's health. The state is an item of
the table, so that setting and releasing it is a write in one region and nothing else; this function repeats
it as a metric for as long as it holds. Each region publishes what its own replica says: the standby's
value decides, and the primary's shows whether the primary has learnt of it.
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
    """Publish 1 while the latch is set, else 0. Raises what AWS raises: the next minute tries again."""
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
