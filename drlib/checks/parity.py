"""Checks that a function is the same in both regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

COMPARED = ("CodeSha256", "MemorySize", "Timeout", "Runtime", "Architectures", "Handler")


def same_function(here: Target, deployment: Deployment, name: str) -> str:
    """Compare a function's code, configuration, variables and reserved concurrency in the two regions."""
    found = [
        _configuration(here, deployment, region, name)
        for region in (deployment.primary_region, deployment.standby_region)
    ]
    different = [field for field in found[0] | found[1] if found[0].get(field) != found[1].get(field)]
    if different:
        raise Failed(f"different: {', '.join(different)}", resource=name)
    return f"{len(found[0])} properties"


def _configuration(here: Target, deployment: Deployment, region: str, name: str) -> dict[str, Any]:
    """Return what must be equal in both regions. A variable that names a regional resource is "its own"."""
    outputs = deployment.regions[region]
    function = outputs.functions[name]
    found = here.client("lambda", region).get_function_configuration(FunctionName=function)
    reserved = here.client("lambda", region).get_function_concurrency(FunctionName=function)
    own = {
        "BUCKET_NAME": outputs.bucket,
        "QUEUE_URL": outputs.queues["work"]["url"],
        "REGION_ROLE": outputs.role,
        "TABLE_NAME": outputs.table,
        "TOPIC_ARN": outputs.topic_arn,
    }
    variables = found.get("Environment", {}).get("Variables", {})
    return {
        **{field: found.get(field) for field in COMPARED},
        "reserved concurrency": reserved.get("ReservedConcurrentExecutions"),
        **{key: "its own" if own.get(key) == value else value for key, value in variables.items()},
    }
