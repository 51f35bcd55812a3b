"""May the standby's functions do what only a takeover asks of them? In peace nothing shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drlib.core.aws_calls import GLOBAL_REGION
from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

READ_AND_WRITE = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")
CONSUME = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")


def allowed(here: Target, deployment: Deployment, function: str) -> str:
    """Ask IAM what a function's role in the standby allows.

    Actions that stand under a condition are left out: a simulation would have to be told what the request
    will say.

    IAM API Reference, SimulatePrincipalPolicy.
    """
    region = deployment.standby_region
    outputs = deployment.regions[region]
    _, partition, _, _, account, _ = outputs.topic_arn.split(":")
    role = f"arn:{partition}:iam::{account}:role/{outputs.roles[function]}"
    table = f"arn:{partition}:dynamodb:{region}:{account}:table/{deployment.table}"
    by_function: dict[str, dict[str, tuple[str, ...]]] = {
        "payments": {table: READ_AND_WRITE, outputs.topic_arn: ("sns:Publish",)},
        "settlement": {
            table: READ_AND_WRITE,
            f"arn:{partition}:s3:::{outputs.bucket}/receipts/x.json": ("s3:PutObject",),
            outputs.queues["work"]["arn"]: CONSUME,
        },
        "latch": {table: ("dynamodb:GetItem",)},
    }
    needs = by_function[function]
    iam = here.client("iam", GLOBAL_REGION)
    for resource, actions in needs.items():
        answer = iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[resource]
        )
        refused = [
            row["EvalActionName"] for row in answer["EvaluationResults"] if row["EvalDecision"] != "allowed"
        ]
        if refused:
            raise Failed(f"its role does not allow {', '.join(refused)}", region=region, resource=function)
    return f"{sum(map(len, needs.values()))} actions"
