"""The latch function: what the item says becomes the metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("item", "value"),
    [({}, 0.0), ({"Item": {"is_set": {"BOOL": False}}}, 0.0), ({"Item": {"is_set": {"BOOL": True}}}, 1.0)],
)
def test_the_item_becomes_the_metric(load: Callable[..., Any], item: dict[str, Any], value: float) -> None:
    function = load("latch")
    key = {"pk": {"S": "LATCH"}, "sk": {"S": "us-west-2"}}
    read = {"TableName": "pay-ledger-t1", "Key": key, "ConsistentRead": True}
    function.stubs["dynamodb"].add_response("get_item", item, read)
    datum = {
        "MetricName": "FailoverRequested",
        "Dimensions": [{"Name": "Stack", "Value": "t1"}],
        "Value": value,
    }
    metric = {"Namespace": "PaymentsDR", "MetricData": [datum]}
    function.stubs["cloudwatch"].add_response("put_metric_data", {}, metric)
    assert function({}) == {"is_set": bool(value)}


def test_a_missing_variable_stops_the_start(load: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="METRIC_NAMESPACE$"):
        load("latch", METRIC_NAMESPACE=None)
