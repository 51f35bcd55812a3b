"""The call from an API to the function behind it, where the emulator differs from API Gateway.

- The event contains the domain that the client used (`requestContext.domainName`).
- Under the API's own name, `rawPath` starts with the name of the stage, except for `$default`.
- If the function's policy does not allow API Gateway to invoke it, the client gets 500.
- If the function fails, the client gets 500; if it is throttled, 503. Neither answer contains the error.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import contextvars
import fnmatch
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_region
from ministack.services import apigateway, lambda_svc

from drlib.sandbox.ministack import internals
from drlib.sandbox.world import ACCOUNT_ID

EXECUTE_PARAMETERS = (
    "api_id", "stage", "path", "method", "headers", "body", "query_params", "raw_query_string",
)  # fmt: skip
log = logging.getLogger("drlib.sandbox")

client_name: contextvars.ContextVar[str] = contextvars.ContextVar("client_name", default="")
"""The host name of the current request; empty if the request did not come through an edge."""


class FunctionFailed(Exception):
    """The function raised an error, timed out, or may not be invoked."""


class FunctionThrottled(Exception):
    """The function is throttled: all its concurrency is in use."""


def install() -> None:
    """Replace how the emulator calls a function and creates an API. A second call does nothing.

    Raises:
        SandboxError: the replacements do not fit this version of the emulator.
    """
    if isinstance(apigateway.run_reentrant, _FunctionCall):
        return
    internals.function(lambda_svc, "_execute_function_with_config_scope", "func", "event")
    internals.function(apigateway, "handle_execute", *EXECUTE_PARAMETERS)
    run = internals.function(apigateway, "run_reentrant", "fn", "args", "thread_name")
    create = internals.function(apigateway, "_create_api", "data")
    apigateway.run_reentrant = _FunctionCall(run)
    apigateway._create_api = _ApiCreation(create)


class _ApiCreation:
    """Replaces `_create_api(data)`: the new API gets an endpoint name as on AWS, which its edge serves."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original = original

    def __call__(self, data: dict[str, Any]) -> Any:
        answer = self._original(data)
        status, _, body = answer
        if status != 201:
            return answer
        api = apigateway._apis[json.loads(body)["apiId"]]
        scheme = "wss" if api["protocolType"] == "WEBSOCKET" else "https"
        api["apiEndpoint"] = f"{scheme}://{api['apiId']}.execute-api.{get_region()}.amazonaws.com"
        return apigateway._apigw_response(api, 201)


class _FunctionCall:
    """Replaces `run_reentrant(function, record, event, ...)` in the emulator's API Gateway."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original = original

    async def __call__(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        name = client_name.get()
        if not name or function is not lambda_svc._execute_function_with_config_scope:
            return await self._original(function, *args, **options)
        record, event = args
        context = event.get("requestContext", {})
        if "domainName" in context:
            context["domainName"] = name
            context["domainPrefix"] = name.partition(".")[0]
        if ".execute-api." in name and context.get("stage") not in (None, "$default") and "rawPath" in event:
            event["rawPath"] = context["http"]["path"] = f"/{context['stage']}{event['rawPath']}"
        if event.get("type") == "REQUEST":
            # An authorizer: the emulator handles its failures.
            return await self._original(function, *args, **options)
        if not may_invoke(record, event):
            log.warning("API %s may not invoke %s: no permission", context.get("apiId"), _name(record))
            raise FunctionFailed
        result = await self._original(function, *args, **options)
        if result.get("throttle"):
            raise FunctionThrottled
        if result.get("error"):
            raise FunctionFailed
        return result


def may_invoke(record: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether a function's policy allows API Gateway to invoke it for the route of `event`."""
    arn = record["config"]["FunctionArn"]
    region = arn.split(":")[3]
    context = event["requestContext"]
    method, space, path = context["routeKey"].partition(" ")
    route = f"{context['http']['method']}{path}" if space else method
    source = f"arn:aws:execute-api:{region}:{ACCOUNT_ID}:{context['apiId']}/{context['stage']}/{route}"
    return any(_allows(statement, source) for statement in record.get("policy", {}).get("Statement", ()))


def _allows(statement: Mapping[str, Any], source: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, dict) else principal
    if statement.get("Effect") != "Allow" or service not in ("apigateway.amazonaws.com", "*"):
        return False
    if statement.get("Action") not in ("lambda:InvokeFunction", "lambda:*"):
        return False
    condition = statement.get("Condition", {})
    account = condition.get("StringEquals", {}).get("AWS:SourceAccount", ACCOUNT_ID)
    pattern = condition.get("ArnLike", {}).get("AWS:SourceArn", "*")
    return account == ACCOUNT_ID and fnmatch.fnmatchcase(source, pattern)


def _name(record: Mapping[str, Any]) -> str:
    return str(record["config"].get("FunctionName"))
