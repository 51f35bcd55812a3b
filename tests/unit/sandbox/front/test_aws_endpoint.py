"""The control port: who may ask, what reaches the emulator, what the sandbox tells of itself."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox.front.aws_endpoint import signed_for
from drlib.sandbox.process.state import Status

East = "us-east-2"


def ask(status: Status, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(status.aws_endpoint.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_status_is_what_up_returned(sandbox: Status, control: Callable[..., tuple[int, Any]]) -> None:
    assert control("GET", "status") == (200, sandbox.as_json())


@pytest.mark.parametrize(
    "host", ["drlib.test", "127.0.0.1.drlib.test:80", "localhost.drlib.test", "", "[::2]:1"]
)
def test_only_loopback_hosts_are_answered(sandbox: Status, host: str) -> None:
    for path in ("/_drlib/status", "/"):
        assert ask(sandbox, "GET", path, host=host)[0] in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:99", "[::1]:99"])
def test_loopback_goes_by_several_names(sandbox: Status, host: str) -> None:
    assert ask(sandbox, "GET", "/_drlib/status", host=host)[0] == 200


def test_a_web_page_cannot_break_a_region(sandbox: Status, control: Callable[..., tuple[int, Any]]) -> None:
    order = json.dumps({"mode": "refuse"})
    assert ask(sandbox, "PUT", f"/_drlib/faults/{East}", order, origin="https://a.test")[0] == 403
    assert control("GET", "faults") == (200, {})


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/_ministack/config",
        "/_aws/execute-api/abc/$default/echo",
        "/restapis/abc/prod/_user_request_/echo",
    ],
)
def test_there_is_no_way_round_the_edges(sandbox: Status, path: str) -> None:
    assert ask(sandbox, "POST", path)[0] == 403


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_drlib/nothing", "", 404),
        ("POST", "/_drlib/status", "", 404),
        ("GET", "/_drlib/events?since=x", "", 400),
        ("PUT", f"/_drlib/faults/{East}", "{", 400),
        ("PUT", f"/_drlib/faults/{East}", "[]", 400),
        ("PUT", f"/_drlib/faults/{East}", '{"mode": "' + "x" * 70_000 + '"}', 413),
    ],
)
def test_what_cannot_be_done_is_said(sandbox: Status, method: str, path: str, body: str, status: int) -> None:
    got, answer = ask(sandbox, method, path, body)
    assert got == status
    assert json.loads(answer)["message"]


def test_replication_is_reported(control: Callable[..., tuple[int, Any]]) -> None:
    status, backlog = control("GET", "replication")
    assert status == 200
    assert all(isinstance(regions, dict) for regions in backlog.values())


@pytest.mark.fidelity(
    service="SQS",
    behaviour="a policy that denies requests without TLS lets an ordinary client pass",
    level="approximated",
    source="SQS Developer Guide, Amazon SQS security best practices (encryption in transit)",
    note="the sandbox serves the AWS APIs over plain HTTP, and treats each request as one over TLS",
)
def test_transport_is_secure_in_the_eyes_of_policies(aws: Callable[..., Any]) -> None:
    queues = aws("sqs", East)
    url = queues.create_queue(QueueName="secure-only")["QueueUrl"]
    deny = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(deny)})
    assert queues.send_message(QueueUrl=url, MessageBody="x")["MessageId"]


@pytest.mark.fidelity(
    service="IAM",
    behaviour="a request is refused if no policy of its user allows it, or if its signature is wrong",
    level="documented",
    source="IAM User Guide, Policy evaluation logic; AWS Signature Version 4 for API requests",
)
def test_users_are_checked_by_their_policies(aws: Callable[..., Any]) -> None:
    users = aws("iam")
    users.create_user(UserName="reader")
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}],
    }
    users.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(policy))
    key = users.create_access_key(UserName="reader")["AccessKey"]
    mine = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    aws("sqs", East, **mine).list_queues()
    with pytest.raises(ClientError, match="AccessDenied"):
        aws("sqs", East, **mine).create_queue(QueueName="not-mine")
    with pytest.raises(ClientError, match="(?i)signature"):
        aws("sqs", East, key=mine["key"], secret="wrong").list_queues()


def test_a_large_body_with_expect_100_continue_arrives(aws: Callable[..., Any]) -> None:
    bucket = aws("s3", East)
    bucket.create_bucket(Bucket="large", CreateBucketConfiguration={"LocationConstraint": East})
    content = b"x" * (5 * 1024 * 1024)
    bucket.put_object(Bucket="large", Key="k", Body=content)
    assert bucket.get_object(Bucket="large", Key="k")["Body"].read() == content


@pytest.mark.parametrize(
    ("header", "query", "found"),
    [
        (
            "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host",
            "",
            ("AKIA1", "eu-west-1", "sqs"),
        ),
        (
            "",
            "X-Amz-Credential=ASIA2%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&x=1",
            ("ASIA2", "us-east-1", "s3"),
        ),
        ("Bearer abc", "", ("", "", "")),
        ("", "", ("", "", "")),
    ],
)
def test_a_signature_names_its_key_region_and_service(
    header: str, query: str, found: tuple[str, str, str]
) -> None:
    headers = {b"authorization": header} if header else {}
    assert signed_for({"query_string": query.encode()}, headers) == found
