"""The contract with the emulator: its version, the functions that are replaced or called, and why.

When one of these fails, the emulator has changed: read what it does now before adapting the sandbox to it.
"""

from __future__ import annotations

import importlib.util
import types
from importlib.metadata import version
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from drlib.core.errors import SandboxError
from drlib.sandbox.ministack import internals

USED = {
    "route53": {
        "_parse_health_check_config": ("el",),
        "_build_health_check_el": ("parent", "hc"),
        "_build_hosted_zone_el": ("parent", "zone"),
        "_update_health_check": ("hc_id", "body"),
        "handle_request": ("method", "path", "headers", "body", "query_params"),
        "_error_response": ("code", "message", "status"),
        "_xml_response": ("root_tag", "builder_fn", "status"),
        "_find": ("el", "tag"),
        "_findall": ("el", "tag"),
        "_parse_body": ("body",),
        "_parse_record_set": ("el",),
    },
    "cloudwatch": {
        "_evaluate_alarm": ("alarm",),
        "_evaluate_all_alarms": (),
        "_evict_old_metrics": (),
        "_metric_bucket": ("key",),
        "record_metric": ("namespace", "metric_name", "value", "unit", "dimensions"),
        "_set_alarm_state": ("params", "cbor_data", "is_cbor", "is_json"),
        "_calc_stats": ("points",),
        "_stat_value": ("stats", "stat_name", "points"),
        "_dims_key": ("dims",),
        "_store_datum": (
            "namespace", "name", "dims", "ts", "unit", "value", "values", "counts", "stat_values",
        ),
    },
}  # fmt: skip


def untouched(name: str) -> Any:
    """Return a copy of a module of the emulator that nothing has replaced a function of."""
    spec = importlib.util.find_spec(f"ministack.services.{name}")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("ministack") == "1.5.33"


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in USED.items() for name in names]
)
def test_the_functions_are_as_the_sandbox_knows_them(module: str, name: str) -> None:
    internals.function(untouched(module), name, *USED[module][name])


def test_another_function_is_refused_with_what_to_do() -> None:
    module = types.ModuleType("ministack.services.changed")
    module.moved = lambda one, two: None  # type: ignore[attr-defined]
    for name, parameters in (("moved", ("one",)), ("gone", ())):
        with pytest.raises(SandboxError, match="not the function that the sandbox knows") as caught:
            internals.function(module, name, *parameters)
        assert "constraints.txt" in caught.value.remedy


def test_the_state_has_the_shape_that_is_read() -> None:
    route53, cloudwatch, sqs = untouched("route53"), untouched("cloudwatch"), untouched("sqs")
    assert route53.API_VERSION == "2013-04-01"
    with internals.scope("us-east-1"):
        route53._create_hosted_zone(b"<R><Name>a.test</Name><CallerReference>r</CallerReference></R>", {})
        zone_id, zone = route53._zones.items()[0]
        assert (zone["name"], zone["private"]) == ("a.test.", False)
        soa = next(record for record in route53._records[zone_id] if record["Type"] == "SOA")
        assert (soa["Name"], soa["TTL"], len(soa["ResourceRecords"])) == ("a.test.", "900", 1)
        cloudwatch.record_metric("N", "M", 1.0, dimensions={"B": "2", "A": "1"})
        assert [key for key, _ in cloudwatch._metrics.items()] == [("N", "M", "A=1|B=2")]
        point = cloudwatch._metrics["N", "M", "A=1|B=2"][0]
        assert {"Timestamp", "Value", "Unit"} <= set(point)
        sqs._act_create_queue({"QueueName": "q"}, "")
        (_, region, _), queue = sqs._queues.all_items()[0]
        sqs._act_send_message({"QueueUrl": queue["url"], "MessageBody": "x"}, "")
        assert (region, queue["name"]) == ("us-east-1", "q")
        assert {"sent_at", "visible_at", "receive_count"} <= set(queue["messages"][0])


def test_why_health_checks_are_mended() -> None:
    route53 = untouched("route53")
    root = Element("R")
    route53._build_health_check_el(
        root, {"id": "i", "caller_reference": "r", "config": {"Type": "HTTPS", "Inverted": True}}
    )
    assert b"<Inverted>True</Inverted>" in tostring(root)
    config = route53._parse_health_check_config(
        fromstring("<C><Regions><Region>us-east-1</Region></Regions></C>")
    )
    assert config == {"Regions": [""]}


def test_why_alarms_are_evaluated_anew() -> None:
    cloudwatch = untouched("cloudwatch")
    with internals.scope("us-east-2"):
        order = {
            "AlarmName": "a",
            "Namespace": "N",
            "MetricName": "M",
            "Dimensions": [{"Name": "ApiId", "Value": "1"}],
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        cloudwatch._put_metric_alarm({}, order, False, True)
        cloudwatch.record_metric("N", "M", 5.0, dimensions={"ApiId": "another"})
        cloudwatch._evaluate_all_alarms()
        assert cloudwatch._alarms["a"]["StateValue"] == "ALARM"


def test_why_the_storage_of_metrics_is_mended() -> None:
    cloudwatch = untouched("cloudwatch")
    with internals.scope("us-east-2"):
        cloudwatch.record_metric("N", "M", 5.0)
        before = cloudwatch._metrics["N", "M", ""]
        cloudwatch._evict_old_metrics()
        assert cloudwatch._metrics["N", "M", ""] is not before
        cloudwatch.record_metric("N", "M", 5.0)
        assert len(cloudwatch._metrics["N", "M", ""]) == 2
