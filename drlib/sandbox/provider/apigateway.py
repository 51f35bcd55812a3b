"""HTTP APIs: the API and its parts, custom domains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Resource
from drlib.sandbox.provider.values import Properties

SERVICE = "apigatewayv2"


class ApiGatewayResource(Resource):
    """A type of API Gateway v2: its four operations are `CreateX`, `GetX`, `UpdateX`, `DeleteX`.

    `noun` is X in snake case; `key` is the member of answers and requests that holds the id; `parent` is the
    input that names the resource which contains it, and the member for that input.
    """

    service = SERVICE
    noun: ClassVar[str]
    key: ClassVar[str]
    parent: ClassVar[tuple[str, str] | None] = ("apiId", "ApiId")
    fixed: ClassVar[tuple[str, ...]] = ()  # inputs of Create that Update does not accept

    def _where(self, id: str, state: Mapping[str, Any]) -> Properties:
        inside = {self.parent[1]: state[self.parent[0]]} if self.parent else {}
        return {**inside, self.key: id}

    def create(self, call: Call, inputs: Properties) -> Made:
        request = self.request(call, inputs)
        if inputs.get("tags"):
            request["Tags"] = inputs["tags"]
        answer = getattr(call.client(SERVICE), f"create_{self.noun}")(**request)
        return Made(answer[self.key], self.reading(call, answer, inputs))

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        return self.reading(call, self.answer(call, id, state), state)

    def answer(self, call: Call, id: str, state: Mapping[str, Any]) -> Properties:
        """Return the response of Get."""
        return dict(getattr(call.client(SERVICE), f"get_{self.noun}")(**self._where(id, state)))

    def reading(self, call: Call, answer: Mapping[str, Any], state: Mapping[str, Any]) -> Reading:
        """Turn the answer of Create or Get into a reading."""
        return Reading(
            {**_content(answer), "tags": dict(answer.get("Tags") or {})}, self.computed(call, answer, state)
        )

    def computed(self, call: Call, answer: Mapping[str, Any], state: Mapping[str, Any]) -> Properties:
        """Return the outputs that AWS determines."""
        return {}

    def update(self, call: Call, change: Change) -> None:
        desired = self.desired(change)
        wanted = {key: desired[key] for key in self.sent(change) if key in desired and key not in self.fixed}
        request = self.request(call, wanted, operation=self.shape.replace("Create", "Update"))
        if request:
            where = self._where(change.id, change.news)
            getattr(call.client(SERVICE), f"update_{self.noun}")(**{**request, **where})

    def sent(self, change: Change) -> set[str]:
        """Return the inputs that an update sends."""
        return set(change.changed)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        getattr(call.client(SERVICE), f"delete_{self.noun}")(**self._where(id, state))


class TaggedApiGatewayResource(ApiGatewayResource):
    """A type of API Gateway v2 that has tags."""

    tagged = True

    @abstractmethod
    def arn(self, call: Call, id: str, state: Mapping[str, Any]) -> str:
        """Return the ARN for the tag operations."""

    def answer(self, call: Call, id: str, state: Mapping[str, Any]) -> Properties:
        # The emulator's Get returns the tags from the creation.
        tags = call.client(SERVICE).get_tags(ResourceArn=self.arn(call, id, state))
        return {**super().answer(call, id, state), "Tags": tags.get("Tags")}

    def update(self, call: Call, change: Change) -> None:
        super().update(call, change)
        if not change.touches("tags"):
            return
        client, arn = call.client(SERVICE), self.arn(call, change.id, change.news)
        if change.tags_to_set:
            client.tag_resource(ResourceArn=arn, Tags=change.tags_to_set)
        if change.tags_to_remove:
            client.untag_resource(ResourceArn=arn, TagKeys=change.tags_to_remove)


def _content(answer: Mapping[str, Any]) -> Properties:
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "Tags")}


def _arn(call: Call, path: str) -> str:
    return f"arn:aws:apigateway:{call.region}::{path}"


def execution_arn(call: Call, api_id: str) -> str:
    """Return the ARN for permissions to invoke the API."""
    account = call.client("sts").get_caller_identity()["Account"]
    return f"arn:aws:execute-api:{call.region}:{account}:{api_id}"


class Api(TaggedApiGatewayResource):
    """`aws.apigatewayv2.Api`, of protocol HTTP."""

    type = "aws:apigatewayv2/api:Api"
    noun, key, parent = "api", "ApiId", None
    shape = "CreateApi"
    required = ("name", "protocolType")
    replaces = ("protocolType",)
    # The emulator ignores it.
    no_effect = ("ipAddressType",)
    write_only = no_effect
    fixed = ("protocolType",)
    defaults = {"description": "", "disableExecuteApiEndpoint": False, "corsConfiguration": {}}

    def computed(self, call: Call, answer: Mapping[str, Any], state: Mapping[str, Any]) -> Properties:
        api_id = answer["ApiId"]
        return {
            "apiEndpoint": f"https://{api_id}.execute-api.{call.region}.amazonaws.com",
            "executionArn": state.get("executionArn") or execution_arn(call, api_id),
            "arn": self.arn(call, api_id, state),
            "routeSelectionExpression": answer.get("RouteSelectionExpression"),
            "apiKeySelectionExpression": answer.get("ApiKeySelectionExpression"),
        }

    def arn(self, call: Call, id: str, state: Mapping[str, Any]) -> str:
        return _arn(call, f"/apis/{id}")


class Integration(ApiGatewayResource):
    """`aws.apigatewayv2.Integration`."""

    type = "aws:apigatewayv2/integration:Integration"
    noun, key = "integration", "IntegrationId"
    shape = "CreateIntegration"
    renames = {"timeoutMilliseconds": "TimeoutInMillis"}
    required = ("apiId", "integrationType")
    replaces = ("apiId", "integrationType", "connectionType")
    fixed = ("integrationType", "connectionType")
    maps = ("requestParameters", "requestTemplates")
    defaults = {"description": "", "timeoutMilliseconds": 30000}


class Route(ApiGatewayResource):
    """`aws.apigatewayv2.Route`."""

    type = "aws:apigatewayv2/route:Route"
    noun, key = "route", "RouteId"
    shape = "CreateRoute"
    required = ("apiId", "routeKey")
    replaces = ("apiId",)
    defaults = {
        "authorizationType": "NONE",
        "apiKeyRequired": False,
        "authorizationScopes": [],
        "authorizerId": "",
        "operationName": "",
    }


class Authorizer(ApiGatewayResource):
    """`aws.apigatewayv2.Authorizer`; the project uses JWT."""

    type = "aws:apigatewayv2/authorizer:Authorizer"
    noun, key = "authorizer", "AuthorizerId"
    shape = "CreateAuthorizer"
    renames = {
        "identitySources": "IdentitySource",
        "jwtConfiguration.audiences": "Audience",
    }
    required = ("apiId", "name", "authorizerType", "identitySources")
    replaces = ("apiId", "authorizerType")
    fixed = ("authorizerType",)


class Stage(TaggedApiGatewayResource):
    """`aws.apigatewayv2.Stage`; its id is its name."""

    type = "aws:apigatewayv2/stage:Stage"
    noun, key = "stage", "StageName"
    shape = "CreateStage"
    renames = {"name": "StageName"}
    required = ("apiId", "name")
    replaces = ("apiId", "name")
    fixed = ("name",)
    maps = ("stageVariables",)
    name = "name"
    defaults = {
        "description": "",
        "autoDeploy": False,
        "stageVariables": {},
        "defaultRouteSettings": {},
        "accessLogSettings": {},
    }

    def computed(self, call: Call, answer: Mapping[str, Any], state: Mapping[str, Any]) -> Properties:
        api_id, name = state["apiId"], answer["StageName"]
        path = "" if name == "$default" else name
        return {
            "arn": self.arn(call, name, state),
            "executionArn": state.get("executionArn") or f"{execution_arn(call, api_id)}/{name}",
            "invokeUrl": f"https://{api_id}.execute-api.{call.region}.amazonaws.com/{path}",
            "deploymentId": answer.get("DeploymentId"),
        }

    def sent(self, change: Change) -> set[str]:
        # The emulator replaces all route settings, so an update always sends all of them.
        return {*change.changed, *({"defaultRouteSettings"} & set(change.news))}

    def arn(self, call: Call, id: str, state: Mapping[str, Any]) -> str:
        return _arn(call, f"/apis/{state['apiId']}/stages/{id}")


class DomainName(TaggedApiGatewayResource):
    """`aws.apigatewayv2.DomainName`; its id is the name."""

    type = "aws:apigatewayv2/domainName:DomainName"
    noun, key, parent = "domain_name", "DomainName", None
    shape = "CreateDomainName"
    renames = {"domainNameConfiguration": "DomainNameConfigurations"}
    required = ("domainName", "domainNameConfiguration")
    replaces = ("domainName",)
    # The emulator always returns "ipv4".
    write_only = ("domainNameConfiguration.ipAddressType",)
    name = "domainName"
    nested = ("domainNameConfiguration.targetDomainName", "domainNameConfiguration.hostedZoneId")

    def reading(self, call: Call, answer: Mapping[str, Any], state: Mapping[str, Any]) -> Reading:
        configuration = dict(answer["DomainNameConfigurations"][0])
        configuration.pop("IpAddressType", None)
        raw = {
            "domainName": answer["DomainName"],
            "DomainNameConfigurations": configuration,
            "tags": dict(answer.get("Tags") or {}),
        }
        computed = {
            "arn": self.arn(call, answer["DomainName"], state),
            "apiMappingSelectionExpression": answer.get("ApiMappingSelectionExpression"),
            "domainNameConfiguration": {
                "targetDomainName": configuration.get("ApiGatewayDomainName"),
                "hostedZoneId": configuration.get("HostedZoneId"),
            },
        }
        return Reading(raw, computed)

    def arn(self, call: Call, id: str, state: Mapping[str, Any]) -> str:
        return _arn(call, f"/domainnames/{id}")


class ApiMapping(ApiGatewayResource):
    """`aws.apigatewayv2.ApiMapping`. A domain has one mapping for a key: the old one must go first."""

    type = "aws:apigatewayv2/apiMapping:ApiMapping"
    noun, key, parent = "api_mapping", "ApiMappingId", ("domainName", "DomainName")
    shape = "CreateApiMapping"
    required = ("apiId", "domainName", "stage")
    replaces = ("domainName",)
    natural_key = True
    defaults = {"apiMappingKey": ""}

    def sent(self, change: Change) -> set[str]:
        return {*change.changed, "apiId", "stage"}


TYPES = (Api, Integration, Route, Authorizer, Stage, DomainName, ApiMapping)
