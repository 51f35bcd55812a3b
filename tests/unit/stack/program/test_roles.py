"""Roles: least privilege, each in its own region."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.stack.program.reading import PAIR, as_list, role_policies

ON_EVERYTHING = {  # actions that take no resource
    "cloudwatch:PutMetricData",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
}


def test_no_role_has_a_wildcard_beyond_the_allow_list(planned: Any) -> None:
    for name, statement in role_policies(planned):
        if "*" in as_list(statement["Resource"]):
            assert set(statement["Action"]) <= ON_EVERYTHING, name
        assert not any("*" in action for action in statement["Action"]), name
        if "cloudwatch:PutMetricData" in statement["Action"]:
            assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "PaymentsDR"}}


def test_every_role_names_its_own_regions_resources(planned: Any) -> None:
    short = {"use2": "us-east-2", "usw2": "us-west-2"}
    for name, inputs in planned.of("iam/rolePolicy:RolePolicy").items():
        if "replication" in name:
            continue  # replication writes to the other region: that is its work
        role = inputs["role"]
        own = short[role.rsplit("-", 1)[1]]
        (other,) = {*PAIR} - {own}
        assert own in inputs["policy"], name
        assert other not in inputs["policy"], name


def test_each_function_may_do_what_it_calls_and_no_more(planned: Any) -> None:
    allowed: dict[str, set[str]] = {}
    for name, statement in role_policies(planned):
        allowed.setdefault(name, set()).update(statement["Action"])
    common = {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    records = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"}
    assert allowed["primary-payments-policy"] - common == records | {"sns:Publish"}
    assert allowed["standby-payments-policy"] - common == records | {
        "cloudwatch:PutMetricData",
        "dynamodb:UpdateItem",
        "sns:Publish",
    }
    for role in ("primary", "standby"):
        assert allowed[f"{role}-settlement-policy"] - common == records | {
            "s3:PutObject",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        }
        latch = {"cloudwatch:PutMetricData", "dynamodb:GetItem"}
        assert allowed[f"{role}-latch-policy"] - common == latch


def test_replication_roles_may_replicate_and_no_more(planned: Any) -> None:
    allowed = {
        action
        for name, statement in role_policies(planned)
        if "replic" in name
        for action in statement["Action"]
    }
    assert allowed == {
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionTagging",
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:ReplicateDelete",
        "s3:ReplicateObject",
        "s3:ReplicateTags",
    }


def test_roles_trust_their_service_for_this_account(planned: Any) -> None:
    for name, inputs in planned.of("iam/role:Role").items():
        (statement,) = json.loads(inputs["assumeRolePolicy"])["Statement"]
        if "replication" in name:
            assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        else:
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
