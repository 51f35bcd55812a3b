"""The stack's outputs, stored in the table: an incident must not need Pulumi, its state, or this machine.

`stack.up` stores the outputs as an item, which is replicated. A runbook reads all names and addresses of the
stack with one read in the standby.
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
    """Return the deployment from the standby's table, with one read.

    Raises:
        StepFailed: the table does not answer, or contains no deployment.
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
            f"The table {table} contains no deployment.",
            remedy="Run 10-deploy: it stores the deployment as its last step.",
            region=region,
            resource=table,
        )
    outputs: dict[str, Any] = json.loads(answer["Item"]["outputs"]["S"])
    return Deployment.from_outputs(outputs, resource_count=outputs["resource_count"])
