"""What is deployed, remembered in the table: an incident must not need Pulumi, its state, or this machine.

`stack.up` keeps the stack's outputs as an item. It replicates like any other, so that a runbook finds every
name and address of the stack with one read in the standby.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from drlib.core import aws_calls
from drlib.core.errors import StepFailed
from drlib.deployed.deployment import Deployment
from drlib.deployed.names import Names

if TYPE_CHECKING:
    from drlib.target.base import Target

KEY = {"pk": {"S": "DEPLOYMENT"}, "sk": {"S": "OUTPUTS"}}


def keep(here: Target, deployment: Deployment) -> None:
    """Write the deployment into the table, in the standby. Data plane; writing it again replaces it."""
    item = {**KEY, "outputs": {"S": json.dumps(deployment.as_json(), sort_keys=True)}}
    with aws_calls.purpose("deploy"):
        here.client("dynamodb", deployment.standby_region).put_item(TableName=deployment.table, Item=item)


def recall(here: Target) -> Deployment:
    """Return what is deployed, as the standby's table knows it: one read there, and nothing else.

    Raises:
        StepFailed: the table does not answer, or nobody kept a deployment in it.
    """
    region, table = here.settings.standby_region, Names(here.settings.suffix).shared("payments")
    try:
        with aws_calls.purpose("observe"):
            answer = here.client("dynamodb", region).get_item(TableName=table, Key=KEY, ConsistentRead=True)
    except (ClientError, BotoCoreError) as error:
        raise StepFailed(
            f"The table {table} does not answer: {type(error).__name__}.",
            remedy="If nothing is deployed, run 10-deploy. If the standby is down, it cannot take over.",
            region=region,
            resource=table,
        ) from error
    if "Item" not in answer:
        raise StepFailed(
            f"The table {table} does not know what is deployed.",
            remedy="Run 10-deploy: it keeps that at its end.",
            region=region,
            resource=table,
        )
    outputs: dict[str, Any] = json.loads(answer["Item"]["outputs"]["S"])
    return Deployment.from_outputs(outputs, resource_count=outputs["resource_count"])
