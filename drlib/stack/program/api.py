"""A region's front door: an HTTP API with the public name as its custom domain.

The same name is a custom domain in both regions, each with a certificate of its own: DNS alone says which
of them a client reaches. The API keeps its generated host name as well, which is what the health checks
ask. Payments routes take a JWT authorizer when an issuer is set. The health routes stay open: Route 53's
checkers send no credentials.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from drlib.stack.program.component import Component, Scope, foreseen

HEALTH_ROUTES = {"health": "GET /healthz", "deep-health": "GET /healthz/deep"}
PAYMENT_ROUTES = {"pay": "POST /payments", "tell": "GET /payments/{payment_id}"}
STAGE = "$default"
BURST_LIMIT = 400
RATE_LIMIT = 200  # requests a second; the checkers of eight regions make about two a second
INTEGRATION_TIMEOUT_MS = (
    12_000  # more than the function's own timeout, so that its answer is the one that counts
)
LOG_DAYS = 30
LOG_FORMAT = {
    "request_id": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "route": "$context.routeKey",
    "status": "$context.status",
    "domain": "$context.domainName",
    "source": "$context.identity.sourceIp",
    "latency_ms": "$context.responseLatency",
    "integration_error": "$context.integrationErrorMessage",
}


@dataclass(frozen=True)
class ApiArgs:
    """One region's front door.

    Args:
        region: where.
        public_name: the custom domain.
        certificate_arn: this region's certificate for it, once it is valid.
        function: what serves.
        jwt_issuer: issuer of the tokens that payments routes take; empty leaves them open.
        jwt_audience: audience of those tokens.
    """

    region: str
    public_name: str
    certificate_arn: pulumi.Output[str]
    function: aws.lambda_.Function
    jwt_issuer: str = ""
    jwt_audience: str = ""


class Api(Component):
    """See the module. `id` and `host` are generated; `alias` is what the public name's records point to."""

    def __init__(self, name: str, args: ApiArgs, scope: Scope) -> None:
        super().__init__("Api", name)
        self.args, self.scope = args, scope
        self.called = scope.names.regional("api", args.region)
        self.api = aws.apigatewayv2.Api(
            name,
            region=args.region,
            name=self.called,
            protocol_type="HTTP",
            tags=scope.tagged(self.called),
            opts=self.child(),
        )
        host = self.api.api_endpoint.apply(lambda url: url.removeprefix("https://"))
        self.id = foreseen(self.api.id, name)
        self.host = foreseen(host, f"{name}.execute-api.{args.region}.amazonaws.com")
        self._routes(name)
        stage = self._stage(name)
        self.domain = self._domain(name, stage)
        self.register_outputs({})

    def _routes(self, name: str) -> None:
        args = self.args
        execution_arn = foreseen(self.api.execution_arn, self.scope.arn("execute-api", args.region, name))
        integration = aws.apigatewayv2.Integration(
            f"{name}-integration",
            region=args.region,
            api_id=self.api.id,
            integration_type="AWS_PROXY",
            integration_uri=args.function.invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=INTEGRATION_TIMEOUT_MS,
            opts=self.child(),
        )
        authorizer_id = self._authorizer(name) if args.jwt_issuer else None
        for role, route_key in {**HEALTH_ROUTES, **PAYMENT_ROUTES}.items():
            guarded = authorizer_id is not None and role in PAYMENT_ROUTES
            aws.apigatewayv2.Route(
                f"{name}-{role}",
                region=args.region,
                api_id=self.api.id,
                route_key=route_key,
                target=pulumi.Output.concat("integrations/", integration.id),
                authorization_type="JWT" if guarded else "NONE",
                authorizer_id=authorizer_id if guarded else None,
                opts=self.child(),
            )
            aws.lambda_.Permission(
                f"{name}-{role}-permission",
                region=args.region,
                statement_id=f"api-{role}",
                action="lambda:InvokeFunction",
                function=args.function.name,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(execution_arn, "/*/", route_key.replace(" ", "")),
                opts=self.child(),
            )

    def _authorizer(self, name: str) -> pulumi.Output[str]:
        authorizer = aws.apigatewayv2.Authorizer(
            f"{name}-authorizer",
            region=self.args.region,
            api_id=self.api.id,
            name="jwt",
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration=aws.apigatewayv2.AuthorizerJwtConfigurationArgs(
                issuer=self.args.jwt_issuer, audiences=[self.args.jwt_audience]
            ),
            opts=self.child(),
        )
        found: pulumi.Output[str] = authorizer.id
        return found

    def _stage(self, name: str) -> aws.apigatewayv2.Stage:
        region, scope = self.args.region, self.scope
        logs = aws.cloudwatch.LogGroup(
            f"{name}-access-logs",
            region=region,
            name=f"/aws/vendedlogs/{self.called}",  # this prefix needs no resource policy of the logs
            retention_in_days=LOG_DAYS,
            tags=scope.tagged(self.called),
            opts=self.child(),
        )
        return aws.apigatewayv2.Stage(
            f"{name}-stage",
            region=region,
            api_id=self.api.id,
            name=STAGE,
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                detailed_metrics_enabled=True,
                throttling_burst_limit=BURST_LIMIT,
                throttling_rate_limit=RATE_LIMIT,
            ),
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=logs.arn, format=json.dumps(LOG_FORMAT)
            ),
            tags=scope.tagged(self.called),
            opts=self.child(),
        )

    def _domain(self, name: str, stage: aws.apigatewayv2.Stage) -> aws.apigatewayv2.DomainName:
        args = self.args
        domain = aws.apigatewayv2.DomainName(
            f"{name}-domain",
            region=args.region,
            domain_name=args.public_name,
            domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
                certificate_arn=args.certificate_arn,
                endpoint_type="REGIONAL",
                security_policy="TLS_1_2",
            ),
            tags=self.scope.tagged(self.called),
            opts=self.child(),
        )
        aws.apigatewayv2.ApiMapping(
            f"{name}-mapping",
            region=args.region,
            api_id=self.api.id,
            domain_name=domain.id,
            stage=stage.id,
            opts=self.child(),
        )
        return domain
