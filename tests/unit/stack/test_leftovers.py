"""The search for what is left: ours, all of it, and nothing of anyone else's."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.core.errors import StepFailed
from drlib.deployed.names import Names
from drlib.stack import leftovers
from tests.fakes import NOTHING, ScriptedTarget

ACCOUNT = "111122223333"
OURS = [{"Key": "Project", "Value": "payments-dr"}, {"Key": "Stack", "Value": "drill"}]
THEIRS = [{"Key": "Project", "Value": "payments-dr"}, {"Key": "Stack", "Value": "other"}]


def test_a_clean_account_has_nothing_and_every_service_was_asked() -> None:
    here = ScriptedTarget({})
    found = leftovers.find(here)  # type: ignore[arg-type]
    assert found == []
    assert found.require_none() is found
    assert str(found).splitlines() == ["left     region", "nothing  -"]
    global_ones = {
        "get_caller_identity",
        "list_buckets",
        "list_roles",
        "list_health_checks",
        "list_hosted_zones",
    }
    for operation in set(NOTHING) - global_ones - {"get_domain_names", "list_certificates"}:
        for region in ("us-east-1", "us-east-2", "us-west-2"):
            assert (operation, region) in here.asked


def test_ours_is_found_by_name_and_others_are_not() -> None:
    names = Names("drill", ACCOUNT)
    other = Names("x-drill", ACCOUNT)
    here = ScriptedTarget(
        {
            ("list_tables", "us-west-2"): {"TableNames": [names.shared("payments"), "payments"]},
            ("list_queues", "us-east-2"): {
                "QueueUrls": [f"https://sqs/1/{of.regional('work', 'us-east-2')}" for of in (names, other)]
            },
            ("describe_log_groups", "us-east-2"): lambda logGroupNamePrefix: {  # noqa: N803 - boto3's own name
                "logGroups": [{"logGroupName": f"{logGroupNamePrefix}latch-drill-use2"}]
            },
            ("list_buckets", "us-west-2"): {"Buckets": [{"Name": names.bucket("receipts", "us-east-2")}]},
            ("describe_alarms", "us-east-1"): {
                "MetricAlarms": [{"AlarmName": names.regional("alarm-check-primary", "us-east-1")}]
            },
            ("get_domain_names", "us-east-2"): {
                "Items": [{"DomainName": "api.pay.drill.test"}, {"DomainName": "other.test"}]
            },
            ("list_hosted_zones", "us-west-2"): {
                "HostedZones": [{"Name": "pay.drill.test."}, {"Name": "drill.test."}]
            },
        }
    )
    assert [(left.kind, left.region, left.name) for left in leftovers.find(here)] == [  # type: ignore[arg-type]
        ("alarm", "us-east-1", "pay-alarm-check-primary-drill-use1"),
        ("bucket", "", names.bucket("receipts", "us-east-2")),
        ("custom domain", "us-east-2", "api.pay.drill.test"),
        ("hosted zone", "", "pay.drill.test"),
        ("log group", "us-east-2", "pay-latch-drill-use2"),
        ("queue", "us-east-2", "pay-work-drill-use2"),
        ("table", "us-west-2", "pay-payments-drill"),
    ]


def test_what_has_no_name_is_found_by_its_tags() -> None:
    def tags(ResourceType: str, ResourceId: str) -> dict[str, Any]:  # noqa: N803 - boto3's own names
        return {"ResourceTagSet": {"Tags": {"ours": OURS, "theirs": THEIRS}[ResourceId]}}

    def groups(Filters: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's own name
        assert {"Name": "tag:Stack", "Values": ["drill"]} in Filters
        return {
            "SecurityGroups": [
                {"GroupId": "sg-1", "GroupName": "pay-functions-drill-use2", "Tags": OURS},
                {"GroupId": "sg-2", "GroupName": "default", "Tags": OURS},
            ]
        }

    here = ScriptedTarget(
        {
            ("list_health_checks", "us-west-2"): {"HealthChecks": [{"Id": "ours"}, {"Id": "theirs"}]},
            ("list_tags_for_resource", "us-west-2"): tags,
            ("describe_security_groups", "us-east-2"): groups,
            ("describe_vpc_endpoints", "us-east-2"): {
                "VpcEndpoints": [
                    {"VpcEndpointId": "vpce-1", "State": "available", "Tags": OURS},
                    {"VpcEndpointId": "vpce-2", "State": "deleted", "Tags": OURS},
                    {"VpcEndpointId": "vpce-3", "State": "available", "Tags": THEIRS},
                ]
            },
        }
    )
    assert [(left.kind, left.name) for left in leftovers.find(here)] == [  # type: ignore[arg-type]
        ("VPC endpoint", "vpce-1"),
        ("health check", "ours"),
        ("security group", "sg-1"),
    ]


def test_in_a_zone_of_someone_else_only_our_records_are_looked_for() -> None:
    here = ScriptedTarget(
        {
            ("list_resource_record_sets", "us-west-2"): {
                "ResourceRecordSets": [
                    {"Name": "api.pay.acme.net.", "Type": "A"},
                    {"Name": "www.pay.acme.net.", "Type": "A"},
                ]
            }
        },
        target="aws",
        approval="",
        state_backend="s3://state",
        domain_name="pay.acme.net",
        hosted_zone_id="Z0123456789ABC",
    )
    assert [(left.kind, left.name) for left in leftovers.find(here)] == [  # type: ignore[arg-type]
        ("record", "api.pay.acme.net A")
    ]


def test_what_is_left_is_named() -> None:
    found = leftovers.Leftovers([leftovers.Leftover("queue", "us-east-2", "pay-work-drill-use2")])
    with pytest.raises(StepFailed, match="are left: queue pay-work-drill-use2"):
        found.require_none()


def test_a_teardown_is_approved_by_the_names_of_what_it_destroys() -> None:
    queues = [leftovers.Leftover("queue", "us-east-2", name) for name in ("pay-work", "pay-dead")]
    both, one = leftovers.Leftovers(queues), leftovers.Leftovers(queues[:1])
    assert both.as_plan() == leftovers.Leftovers(reversed(queues)).as_plan()
    assert both.as_plan() != one.as_plan()
    assert one.as_plan() == [["queue", "us-east-2", "pay-work"]]
