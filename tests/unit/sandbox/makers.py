"""Makes roles, functions and queues for tests of what Lambda refuses."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable
from typing import Any

from .outages import EAST

ACCOUNT = "000000000000"
READING = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
COUNT = """
def handler(event, context):
    print(len(event["Records"]))
"""
_numbers = itertools.count()


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: list[str], resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def trust(service: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return document(statement | ({"Condition": condition} if condition else {}))


class Maker:
    """Makes roles, functions and queues of one test, each with a name of its own."""

    def __init__(self, aws: Callable[..., Any], make_function: Callable[..., str]) -> None:
        self.aws = aws
        self.name = f"refused-{next(_numbers)}"
        self._make_function = make_function

    def role(self, trusted: str = "", policy: str = "") -> str:
        iam = self.aws("iam")
        name = f"{self.name}-{next(_numbers)}"
        made = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trusted or trust("lambda.amazonaws.com")
        )
        if policy:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        return str(made["Role"]["Arn"])

    def create(self, role: str, client: Any = None, **members: Any) -> Any:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("main.py", COUNT)
        return (client or self.aws("lambda", EAST)).create_function(
            FunctionName=f"{self.name}-{next(_numbers)}",
            Runtime="python3.13",
            Role=role,
            Handler="main.handler",
            Code={"ZipFile": archive.getvalue()},
            **members,
        )

    def reader(self, actions: list[str] | None = None, *, timeout: int = 30) -> str:
        """Make a function that may read the queues named like it, and return its name."""
        name = f"{self.name}-{next(_numbers)}"
        self._make_function(name, EAST, COUNT)
        self.let(name, READING if actions is None else actions)
        self.aws("lambda", EAST).update_function_configuration(FunctionName=name, Timeout=timeout)
        return name

    def let(self, function: str, actions: list[str]) -> None:
        """Let a function of `reader` do these actions on SQS, and nothing else."""
        self.aws("iam").put_role_policy(
            RoleName=f"{function}-{EAST}",
            PolicyName="read",
            PolicyDocument=document(allow(actions or ["sqs:ListQueues"])),
        )

    def queue(self, region: str = EAST, **attributes: str) -> tuple[str, str]:
        """Return the URL and the ARN of a new queue."""
        name = f"{self.name}-{next(_numbers)}"
        url = self.aws("sqs", region).create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"

    def map(self, function: str, queue_arn: str, **members: Any) -> str:
        made = self.aws("lambda", EAST).create_event_source_mapping(
            FunctionName=function, EventSourceArn=queue_arn, **members
        )
        return str(made["UUID"])

    def left(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = self.aws("sqs", EAST)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in found.values())
