"""Checks that a region's API has all routes, and that each may invoke its function."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

INVOKER = "apigateway.amazonaws.com"


def routes_invoke(here: Target, deployment: Deployment, region: str) -> str:
    """Require all routes of both regions, and for each a statement in the function's policy that allows it
    to invoke the function. Otherwise clients get 404 or 500.

    API Gateway Developer Guide, "Lambda integrations for HTTP APIs".
    """
    routes = {name: _routes(here, deployment, name) for name in deployment.regions}
    missing = set().union(*routes.values()) - routes[region]
    if missing:
        raise Failed(f"{', '.join(sorted(missing))} is only in the other region", region=region)
    outputs = deployment.regions[region]
    found = here.client("lambda", region).get_policy(FunctionName=outputs.functions["payments"])
    sources = [
        str(source)
        for row in json.loads(found["Policy"])["Statement"]
        if row["Effect"] == "Allow" and row.get("Principal", {}).get("Service") == INVOKER
        for condition in row.get("Condition", {}).values()
        for source in condition.values()
    ]
    for route in sorted(routes[region]):
        called = f":{outputs.api_id}/$default/{route.replace(' ', '')}"
        if not any(fnmatchcase(called, f"*:{source.rpartition(':')[2]}") for source in sources):
            raise Failed(f"{route} may not invoke the function", region=region, resource=outputs.api_id)
    return f"{len(routes[region])} routes"


def _routes(here: Target, deployment: Deployment, region: str) -> set[str]:
    api: Any = here.client("apigatewayv2", region)
    found = api.get_routes(ApiId=deployment.regions[region].api_id, MaxResults="100")["Items"]
    return {str(route["RouteKey"]) for route in found}
