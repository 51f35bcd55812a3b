"""Lambda: functions, permissions, event source mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from drlib.sandbox.provider.clients import is_gone
from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Refused, Resource
from drlib.sandbox.provider.values import Properties, asset_bytes

# The path by which API Gateway invokes a function; the date is the version of Lambda's API.
_INVOKE_ARN = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def _retag(call: Call, arn: str, change: Change) -> None:
    if change.touches("tags"):
        client = call.client("lambda")
        if change.tags_to_set:
            client.tag_resource(Resource=arn, Tags=change.tags_to_set)
        if change.tags_to_remove:
            client.untag_resource(Resource=arn, TagKeys=change.tags_to_remove)


class Function(Resource):
    """`aws.lambda_.Function`, from a zip archive; its id is its name."""

    type = "aws:lambda/function:Function"
    service = "lambda"
    tagged = True
    shape = "UpdateFunctionConfiguration"
    names = "name code packageType architectures reservedConcurrentExecutions publish"
    required = ("name", "role", "code", "handler", "runtime")
    replaces = ("name", "packageType")
    write_only = ("code", "publish", "sourceCodeHash")
    no_effect = (
        "sourceCodeHash",
        "skipDestroy",
        "replaceSecurityGroupsOnDestroy",
        "replacementSecurityGroupIds",
    )
    maps = ("environment.variables",)
    defaults = {
        "description": "",
        "timeout": 3,
        "memorySize": 128,
        "environment": {"variables": {}},
        "layers": [],
        "tracingConfig": {"mode": "PassThrough"},
        "vpcConfig": {"subnetIds": [], "securityGroupIds": []},
        "reservedConcurrentExecutions": -1,
        "architectures": ["x86_64"],
    }
    name = "name"
    nested = ("vpcConfig.vpcId",)

    def create(self, call: Call, inputs: Properties) -> str:
        request = self.request(call, inputs)
        request.update(
            FunctionName=inputs["name"],
            Code={"ZipFile": asset_bytes(inputs["code"])},
            Publish=bool(inputs.get("publish")),
            **({"Architectures": inputs["architectures"]} if inputs.get("architectures") else {}),
            **({"Tags": inputs["tags"]} if inputs.get("tags") else {}),
        )
        call.client("lambda").create_function(**request)
        return str(inputs["name"])

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        if inputs.get("reservedConcurrentExecutions") not in (None, -1):
            self._reserve(call, id, inputs["reservedConcurrentExecutions"])

    @staticmethod
    def _reserve(call: Call, id: str, count: int) -> None:
        client = call.client("lambda")
        if count == -1:
            client.delete_function_concurrency(FunctionName=id)
        else:
            client.put_function_concurrency(FunctionName=id, ReservedConcurrentExecutions=count)

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        answer = call.client("lambda").get_function(FunctionName=id)
        found = answer["Configuration"]
        arn = found["FunctionArn"]
        raw = {
            **found,
            "name": found["FunctionName"],
            "environment": {"variables": found.get("Environment", {}).get("Variables", {})},
            "vpcConfig": _vpc(found),
            "layers": [layer["Arn"] for layer in found.get("Layers") or ()],
            "reservedConcurrentExecutions": answer.get("Concurrency", {}).get(
                "ReservedConcurrentExecutions", -1
            ),
            "tags": dict(answer.get("Tags") or {}),
        }
        computed = {
            "arn": arn,
            "invokeArn": _INVOKE_ARN.format(region=call.region, arn=arn),
            "qualifiedArn": f"{arn}:{found.get('Version', '$LATEST')}",
            "version": found.get("Version", "$LATEST"),
            "lastModified": found.get("LastModified"),
            "codeSha256": found.get("CodeSha256"),
            "sourceCodeSize": found.get("CodeSize"),
        }
        if state.get("vpcConfig"):
            computed["vpcConfig"] = {"vpcId": found.get("VpcConfig", {}).get("VpcId", "")}
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        client, desired = call.client("lambda"), self.desired(change)
        if change.touches("code", "architectures"):
            client.update_function_code(
                FunctionName=change.id,
                ZipFile=asset_bytes(desired["code"]),
                Publish=bool(desired.get("publish")),
                Architectures=desired.get("architectures") or ["x86_64"],
            )
            self._settle(call, change.id)
        request = self.request(call, {key: desired[key] for key in change.changed if key in desired})
        if request:
            client.update_function_configuration(FunctionName=change.id, **request)
            self._settle(call, change.id)
        if change.touches("reservedConcurrentExecutions"):
            count = desired.get("reservedConcurrentExecutions")
            self._reserve(call, change.id, -1 if count is None else count)
        _retag(call, change.state["arn"] if "arn" in change.state else self._arn(call, change.id), change)

    @staticmethod
    def _arn(call: Call, id: str) -> str:
        return str(call.client("lambda").get_function_configuration(FunctionName=id)["FunctionArn"])

    @staticmethod
    def _settle(call: Call, id: str) -> None:
        """Wait until an update is complete: AWS refuses another one before."""

        def settled() -> bool:
            answer = call.client("lambda").get_function_configuration(FunctionName=id)
            if answer.get("LastUpdateStatus") == "Failed":
                raise Refused(f"{answer.get('LastUpdateStatusReason', 'the update failed')} ({id})")
            return bool(answer.get("LastUpdateStatus", "Successful") == "Successful")

        call.wait(settled, f"the update of function {id}")

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("lambda").delete_function(FunctionName=id)


def _vpc(found: Mapping[str, Any]) -> Properties:
    """Return a function's VPC configuration; empty lists without a VPC, as AWS returns."""
    config = found.get("VpcConfig") or {}
    return {
        "subnetIds": config.get("SubnetIds", []),
        "securityGroupIds": config.get("SecurityGroupIds", []),
        **({"ipv6AllowedForDualStack": True} if config.get("Ipv6AllowedForDualStack") else {}),
    }


class Permission(Resource):
    """`aws.lambda_.Permission`: a statement of the function's policy. Its id is the statement's."""

    type = "aws:lambda/permission:Permission"
    service = "lambda"
    replaces = (
        "action",
        "function",
        "principal",
        "statementId",
        "sourceArn",
        "sourceAccount",
        "qualifier",
        "principalOrgId",
        "eventSourceToken",
    )
    names = " ".join(replaces)
    required = ("action", "function", "principal", "statementId")
    natural_key = True

    def create(self, call: Call, inputs: Properties) -> Made:
        request = {name[:1].upper() + name[1:]: inputs[name] for name in self.replaces if inputs.get(name)}
        request["FunctionName"] = request.pop("Function")
        if "PrincipalOrgId" in request:
            request["PrincipalOrgID"] = request.pop("PrincipalOrgId")
        call.client("lambda").add_permission(**request)
        return Made(inputs["statementId"], Reading())

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        where = {"Qualifier": state["qualifier"]} if state.get("qualifier") else {}
        answer = call.client("lambda").get_policy(FunctionName=state["function"], **where)
        for statement in json.loads(answer["Policy"])["Statement"]:
            if statement.get("Sid") == id:
                return Reading(_permission(statement))
        return None

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        where = {"Qualifier": state["qualifier"]} if state.get("qualifier") else {}
        call.client("lambda").remove_permission(FunctionName=state["function"], StatementId=id, **where)


def _permission(statement: Mapping[str, Any]) -> Properties:
    """Return the inputs of a permission, from its statement."""
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        principal = principal.get("Service") or principal.get("AWS")
    condition = statement.get("Condition", {})
    like = {**condition.get("ArnLike", {}), **condition.get("StringEquals", {})}
    folded = {key.casefold(): value for key, value in like.items()}
    return {
        "statementId": statement["Sid"],
        "action": statement["Action"],
        "principal": principal,
        "sourceArn": folded.get("aws:sourcearn"),
        "sourceAccount": folded.get("aws:sourceaccount"),
    }


class EventSourceMapping(Resource):
    """`aws.lambda_.EventSourceMapping`; `functionName` stays as the program gave it, a name or an ARN."""

    type = "aws:lambda/eventSourceMapping:EventSourceMapping"
    service = "lambda"
    tagged = True
    shape = "CreateEventSourceMapping"
    required = ("functionName", "eventSourceArn")
    replaces = ("eventSourceArn", "startingPosition", "startingPositionTimestamp")
    defaults = {
        "enabled": True,
        "functionResponseTypes": [],
        "maximumBatchingWindowInSeconds": 0,
        "scalingConfig": {},
        "filterCriteria": {},
    }

    def create(self, call: Call, inputs: Properties) -> str:
        request = self.request(call, inputs)
        if inputs.get("tags"):
            request["Tags"] = inputs["tags"]
        return str(call.client("lambda").create_event_source_mapping(**request)["UUID"])

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        client = call.client("lambda")
        found = client.get_event_source_mapping(UUID=id)
        if found.get("State") == "Deleting":
            return None
        function_arn = found["FunctionArn"]
        arn = found.get("EventSourceMappingArn") or self._arn(function_arn, id)
        given = str(state.get("functionName") or "")
        raw = {
            **{key: value for key, value in found.items() if key != "FunctionArn"},
            "functionName": given if given and function_arn.endswith(given) else function_arn,
            "enabled": found.get("State") in ("Enabled", "Enabling", "Creating", "Updating"),
            "functionResponseTypes": found.get("FunctionResponseTypes", []),
            "scalingConfig": found.get("ScalingConfig") or {},
            "filterCriteria": found.get("FilterCriteria") or {},
            "tags": self._tags(call, arn),
        }
        computed = {
            "uuid": id,
            "arn": arn,
            "functionArn": function_arn,
            "state": found.get("State"),
            "lastModified": found.get("LastModified"),
        }
        return Reading(raw, computed)

    @staticmethod
    def _arn(function_arn: str, id: str) -> str:
        return function_arn.split(":function:")[0] + f":event-source-mapping:{id}"

    @staticmethod
    def _tags(call: Call, arn: str) -> dict[str, str]:
        try:
            return dict(call.client("lambda").list_tags(Resource=arn).get("Tags") or {})
        except ClientError as error:
            if is_gone(error):
                return {}
            raise

    def update(self, call: Call, change: Change) -> None:
        wanted = {key: value for key, value in self.desired(change).items() if key in change.changed}
        request = self.request(call, wanted, operation="UpdateEventSourceMapping")
        if request:
            call.client("lambda").update_event_source_mapping(UUID=change.id, **request)
        if change.touches("tags"):
            found = call.client("lambda").get_event_source_mapping(UUID=change.id)
            arn = found.get("EventSourceMappingArn") or self._arn(found["FunctionArn"], change.id)
            _retag(call, arn, change)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("lambda").delete_event_source_mapping(UUID=id)


TYPES = (Function, Permission, EventSourceMapping)
