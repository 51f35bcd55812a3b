"""Roles and functions."""

from __future__ import annotations

import json
from typing import Any

from ..engine import PRIMARY, Engine, Inputs
from .base import ACCOUNT, Example, code, deny, regional, trust
from .parts import function, function_inputs, queue, role


def _role_drift(client: Any, id: str, state: Inputs) -> None:
    client("iam", "us-east-1").update_assume_role_policy(
        RoleName=id, PolicyDocument=trust("ec2.amazonaws.com")
    )


def _mapping(engine: Engine) -> Inputs:
    """Inputs of a mapping, whose function's role may read the queue."""
    name, source = function(engine)["name"], queue(engine)["arn"]
    reading = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    allow = {"Effect": "Allow", "Action": reading, "Resource": source}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    engine.create(
        "aws:iam/rolePolicy:RolePolicy", {"name": "reading", "role": "example-function", "policy": policy}
    )
    return regional(
        functionName=name,
        eventSourceArn=source,
        batchSize=10,
        enabled=True,
        functionResponseTypes=["ReportBatchItemFailures"],
        scalingConfig={"maximumConcurrency": 5},
        tags={"team": "payments"},
    )


ROLES = {
    "aws:iam/role:Role": Example(
        lambda engine: {
            "name": "example-own",
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "description": "Runs",
            "tags": {"team": "payments"},
        },
        change={"assumeRolePolicy": trust("s3.amazonaws.com"), "tags": {"stage": "drill"}},
        replacement={"path": "/payments/"},
        drift=_role_drift,
        drifted="assumeRolePolicy",
        delete_first=True,
    ),
    "aws:iam/rolePolicy:RolePolicy": Example(
        lambda engine: {
            "name": "inline",
            "role": role(engine)["name"],
            "policy": deny("*", "iam:*").replace('"Principal": "*", ', ""),
        },
        change={"policy": deny("*", "s3:*").replace('"Principal": "*", ', "")},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("iam", "us-east-1").put_role_policy(
            RoleName=state["role"],
            PolicyName=state["name"],
            PolicyDocument=state["policy"].replace("Deny", "Allow"),
        ),
        drifted="policy",
        delete_first=True,
    ),
}


FUNCTIONS = {
    "aws:lambda/function:Function": Example(
        function_inputs,
        change={
            "code": code("two"),
            "environment": {"variables": {"STAGE": "live", "MORE": "1"}},
            "reservedConcurrentExecutions": 0,
            "tags": {"stage": "drill"},
        },
        replacement={"name": "other"},
        drift=lambda client, id, state: client("lambda", PRIMARY).update_function_configuration(
            FunctionName=id, Environment={"Variables": {"STAGE": "drill", "ADDED": "outside"}}
        ),
        drifted="environment",
    ),
    "aws:lambda/permission:Permission": Example(
        lambda engine: regional(
            function=function(engine)["name"],
            action="lambda:InvokeFunction",
            principal="apigateway.amazonaws.com",
            statementId="gateway",
            sourceArn=f"arn:aws:execute-api:{PRIMARY}:{ACCOUNT}:abc/*/GET/healthz",
        ),
        replacement={"sourceArn": f"arn:aws:execute-api:{PRIMARY}:{ACCOUNT}:abc/*/*"},
        delete_first=True,
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Example(
        _mapping,
        change={"batchSize": 5, "enabled": False},
        replacement={"eventSourceArn": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:other"},
        drift=lambda client, id, state: client("lambda", PRIMARY).update_event_source_mapping(
            UUID=id, Enabled=False
        ),
        drifted="enabled",
    ),
}
