"""Which calls count as control plane, where, and for what."""

from __future__ import annotations

import threading

import boto3
import pytest
from botocore.stub import Stubber

from drlib.core import aws_calls


@pytest.mark.parametrize(
    ("service", "operation", "plane", "access"),
    [
        ("dynamodb", "PutItem", "data", "write"),
        ("dynamodb", "Query", "data", "read"),
        ("dynamodb", "DescribeTable", "control", "read"),
        ("dynamodb", "UpdateTable", "control", "write"),
        ("cloudwatch", "PutMetricData", "data", "write"),
        ("cloudwatch", "SetAlarmState", "control", "write"),
        ("lambda", "Invoke", "data", "write"),
        ("lambda", "UpdateEventSourceMapping", "control", "write"),
        ("sqs", "ReceiveMessage", "data", "write"),
        ("sqs", "GetQueueAttributes", "control", "read"),
        ("s3", "ListObjectVersions", "data", "read"),
        ("s3", "PutBucketReplication", "control", "write"),
        ("sts", "GetCallerIdentity", "data", "read"),
        ("route53", "GetHealthCheckStatus", "control", "read"),
        ("route53", "ChangeResourceRecordSets", "control", "write"),
        ("iam", "SimulatePrincipalPolicy", "control", "read"),
        ("brandnew", "DoSomething", "control", "write"),
    ],
)
def test_classification(service: str, operation: str, plane: str, access: str) -> None:
    call = aws_calls.classify(service, operation, "us-west-2")
    assert (call.plane, call.access) == (plane, access)


def test_listed_operations_exist() -> None:
    for service, operations in aws_calls.DATA_PLANE.items():
        model = boto3.client(service, region_name="us-east-1").meta.service_model
        assert operations <= set(model.operation_names), service


def test_global_services_are_in_us_east_1_whatever_the_client_says() -> None:
    assert aws_calls.classify("route53", "GetHealthCheckStatus", "us-west-2").region == "us-east-1"
    assert aws_calls.classify("iam", "GetRole", "aws-global").region == "us-east-1"
    assert aws_calls.classify("dynamodb", "GetItem", "us-west-2").region == "us-west-2"


def test_each_call_of_a_client_counts_with_its_purpose() -> None:
    recorder = aws_calls.Recorder()
    client = boto3.client(
        "dynamodb", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b"
    )
    recorder.attach(client)
    with Stubber(client) as stub:
        for _ in range(3):
            stub.add_response("get_item", {})
        stub.add_client_error("describe_table", "AccessDeniedException")
        with aws_calls.purpose("failover"):
            for _ in range(2):
                client.get_item(TableName="t", Key={"pk": {"S": "x"}})
        client.get_item(TableName="t", Key={"pk": {"S": "x"}})
        with aws_calls.purpose("failover"), pytest.raises(client.exceptions.ClientError):
            client.describe_table(TableName="t")
    rows = recorder.rows()
    got = [(r["operation"], r["plane"], r["purpose"], r["count"]) for r in rows]
    assert got == [
        ("DescribeTable", "control", "failover", 1),
        ("GetItem", "data", "failover", 2),
        ("GetItem", "data", "other", 1),
    ]
    assert aws_calls.control_calls(rows) == 1


def test_a_purpose_ends_and_nests_and_stays_in_its_thread() -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(aws_calls.classify("s3", "GetObject", "x").purpose)

    with aws_calls.purpose("deploy"):
        with aws_calls.purpose("observe"):
            look()
        look()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    assert seen == ["observe", "deploy", "other", "other"]


def test_undeclared_calls_count_as_what_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_calls, "_assumed", aws_calls.NO_PURPOSE)
    recorder = aws_calls.Recorder()
    aws_calls.assume(aws_calls.FAILOVER)
    with aws_calls.purpose("observe"):
        recorder.add("route53", "GetHealthCheckStatus", "us-east-1")
    assert aws_calls.control_calls(recorder.rows()) == 0
    thread = threading.Thread(target=lambda: recorder.add("pulumi", "Engine", "us-east-2"))
    thread.start()
    thread.join()
    assert aws_calls.control_calls(recorder.rows()) == 1, "in any thread"
    aws_calls.assume()
    recorder.add("pulumi", "Engine", "us-east-2")
    assert aws_calls.control_calls(recorder.rows()) == 1


def test_rows_of_several_runbooks_add_up() -> None:
    one, two = aws_calls.Recorder(), aws_calls.Recorder()
    for recorder in (one, two, two):
        recorder.add("sqs", "SendMessage", "us-east-2")
    two.add("pulumi", "Engine", "us-east-2")
    merged = aws_calls.merge([one.rows(), two.rows()])
    assert [(row["service"], row["plane"], row["count"]) for row in merged] == [
        ("pulumi", "control", 1),
        ("sqs", "data", 3),
    ]
