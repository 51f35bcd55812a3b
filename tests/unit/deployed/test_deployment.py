"""The outputs of the program become a deployment, and the deployment the JSON that outsiders read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drlib.deployed.deployment import Deployment


def outputs() -> dict[str, Any]:
    def region(role: str) -> dict[str, Any]:
        return {
            "role": role,
            "table": "pay-payments-t",
            "bucket": f"bucket-{role}",
            "queues": {"work": {"url": "u", "arn": "a", "name": "n"}},
            "functions": {"payments": f"f-{role}"},
            "roles": {"payments": f"r-{role}"},
            "api_id": f"api-{role}",
            "api_host": f"api-{role}.execute-api",
            "health_check_id": f"check-{role}",
            "topic_arn": f"topic-{role}",
            "alarms": ["one"],
        }

    return {
        "public_name": "api.pay.acme.net",
        "url": "https://api.pay.acme.net",
        "primary_region": "us-east-2",
        "standby_region": "us-west-2",
        "zone_id": "Z1",
        "name_servers": ["ns1"],
        "table": "pay-payments-t",
        "regions": {"us-east-2": region("primary"), "us-west-2": region("standby")},
        "checks": {"primary": "c0", "primary_endpoint": "c1", "standby_endpoint": "c2", "latch": "c3"},
        "latch": {"alarm_name": "a", "namespace": "n", "metric_name": "m", "dimensions": {}, "table_key": {}},
        "check_interval_seconds": 10.0,  # the engine has no whole numbers
        "check_failure_threshold": 3.0,
        "ttl_seconds": 60.0,
        "dns_alarms": ["d"],
        "a_later_output": "is no error",
    }


def test_outputs_become_a_deployment() -> None:
    found = Deployment.from_outputs(outputs(), resource_count=183)
    assert found.regions["us-west-2"].role == "standby"
    assert found.resource_count == 183
    assert type(found.check_interval_seconds) is int
    assert found.check_interval_seconds == 10


def test_a_missing_output_is_an_error() -> None:
    incomplete = outputs()
    del incomplete["checks"]
    with pytest.raises(KeyError, match="checks"):
        Deployment.from_outputs(incomplete, resource_count=1)


def test_the_json_has_what_outsiders_rely_on() -> None:
    shape = json.loads(json.dumps(Deployment.from_outputs(outputs(), resource_count=1).as_json()))
    assert {"public_name", "url", "primary_region", "standby_region", "regions"} <= set(shape)
    for region in shape["regions"].values():
        assert {
            "role",
            "table",
            "bucket",
            "queues",
            "functions",
            "roles",
            "api_id",
            "health_check_id",
        } <= set(region)


def test_it_prints_without_identifiers() -> None:
    text = str(Deployment.from_outputs(outputs(), resource_count=183))
    assert "api.pay.acme.net" in text
    assert "Z1" not in text and "c0" not in text
