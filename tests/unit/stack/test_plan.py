"""What a plan counts, and how it prints."""

from __future__ import annotations

import pytest

from drlib.core.errors import StepFailed
from drlib.stack.plan import Plan, PlannedResource


def resource(kind: str, name: str, op: str, **inputs: object) -> PlannedResource:
    return PlannedResource(f"aws:{kind}", name, op, inputs, changed=("tags",) if op == "update" else ())


PLAN = Plan(
    "Plan",
    (
        resource("sqs/queue:Queue", "work", "create", region="us-east-2"),
        resource("sqs/queue:Queue", "put-aside", "same", region="us-east-2"),
        resource("iam/role:Role", "payments", "update"),
        resource("ec2/vpc:Vpc", "network", "replace", region="us-west-2"),
    ),
)


def test_each_resource_counts_once() -> None:
    assert PLAN.creates == 1
    assert [len(PLAN.of(op)) for op in ("update", "replace", "same")] == [1, 1, 1]
    assert [found.name for found in PLAN.changes] == ["work", "payments", "network"]


def test_a_resource_knows_its_service_and_region() -> None:
    assert [(found.service, found.region) for found in PLAN.resources] == [
        ("sqs", "us-east-2"),
        ("sqs", "us-east-2"),
        ("iam", ""),
        ("ec2", "us-west-2"),
    ]


def test_it_prints_as_services_and_the_names_of_what_an_approver_approves() -> None:
    gone = resource("s3/bucket:Bucket", "receipts", "delete")
    assert str(Plan("Plan", (*PLAN.resources, gone))).splitlines()[-5:] == [
        "what     service  name      inputs that differ",
        "create   sqs      work",
        "update   iam      payments  tags",
        "replace  ec2      network",
        "delete   s3       receipts",
    ]
    same = Plan("Plan", (PLAN.resources[1],))
    assert str(same) == str(same.table())


def test_its_table_counts_services_without_columns_that_are_empty() -> None:
    assert str(PLAN.table()).splitlines() == [
        "Plan",
        "service  create  update  replace  same",
        "ec2      0       0       1        0",
        "iam      0       1       0        0",
        "sqs      1       0       0        1",
        "all      1       1       1        1",
    ]


def test_its_details_name_what_changes() -> None:
    assert str(PLAN.details()).splitlines()[1:] == [
        "what     type   name      region     inputs",
        "create   Queue  work      us-east-2",
        "replace  Vpc    network   us-west-2",
        "update   Role   payments             tags",
    ]


def test_drift_is_refused_by_name() -> None:
    same = Plan("Drift", (PLAN.resources[1],))
    assert same.require_same() is same
    with pytest.raises(StepFailed, match="differs from the program: payments[.]"):
        Plan("Drift", (PLAN.resources[2],)).require_same()
    many = Plan("Drift", tuple(resource("iam/role:Role", f"r{n}", "create") for n in range(7)))
    with pytest.raises(StepFailed, match="r4 and 2 more"):
        many.require_same()
