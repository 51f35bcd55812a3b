"""HTTP APIs and certificates."""

from __future__ import annotations

from ..engine import PRIMARY, Engine, Inputs
from .base import ACCOUNT, Example, regional
from .parts import api, certificate, domain, function, integration, stage


def _integration(engine: Engine) -> Inputs:
    return regional(
        apiId=api(engine),
        integrationType="AWS_PROXY",
        integrationUri=function(engine)["invokeArn"],
        payloadFormatVersion="2.0",
        timeoutMilliseconds=12000,
    )


def _route(engine: Engine) -> Inputs:
    api_id = api(engine)
    return regional(
        apiId=api_id,
        routeKey="GET /healthz",
        target=f"integrations/{integration(engine, api_id)}",
        authorizationType="NONE",
    )


def _mapping(engine: Engine) -> Inputs:
    api_id = api(engine)
    return regional(apiId=api_id, domainName=domain(engine), stage=stage(engine, api_id))


GATEWAY = {
    "aws:apigatewayv2/api:Api": Example(
        lambda engine: regional(
            name="example-own-api", protocolType="HTTP", ipAddressType="ipv4", tags={"team": "payments"}
        ),
        change={"description": "Payments", "tags": {"stage": "drill"}},
        replacement={"protocolType": "WEBSOCKET"},
        drift=lambda client, id, state: client("apigatewayv2", PRIMARY).update_api(ApiId=id, Name="meddled"),
        drifted="name",
    ),
    "aws:apigatewayv2/integration:Integration": Example(
        _integration,
        change={"timeoutMilliseconds": 20000},
        replacement={"apiId": "other"},
        drift=lambda client, id, state: client("apigatewayv2", PRIMARY).update_integration(
            ApiId=state["apiId"], IntegrationId=id, TimeoutInMillis=1000
        ),
        drifted="timeoutMilliseconds",
    ),
    "aws:apigatewayv2/route:Route": Example(
        _route,
        change={"routeKey": "GET /other"},
        replacement={"apiId": "other"},
        drift=lambda client, id, state: client("apigatewayv2", PRIMARY).update_route(
            ApiId=state["apiId"], RouteId=id, AuthorizationType="AWS_IAM"
        ),
        drifted="authorizationType",
    ),
    "aws:apigatewayv2/authorizer:Authorizer": Example(
        lambda engine: regional(
            apiId=api(engine),
            name="tokens",
            authorizerType="JWT",
            identitySources=["$request.header.Authorization"],
            jwtConfiguration={"audiences": ["payments"], "issuer": "https://issuer.drill.test"},
        ),
        change={
            "jwtConfiguration": {"audiences": ["payments", "refunds"], "issuer": "https://issuer.drill.test"}
        },
        replacement={"authorizerType": "REQUEST"},
        drift=lambda client, id, state: client("apigatewayv2", PRIMARY).update_authorizer(
            ApiId=state["apiId"], AuthorizerId=id, Name="meddled"
        ),
        drifted="name",
    ),
    "aws:apigatewayv2/stage:Stage": Example(
        lambda engine: regional(
            apiId=api(engine),
            name="$default",
            autoDeploy=True,
            defaultRouteSettings={"throttlingBurstLimit": 100, "throttlingRateLimit": 50.5},
            accessLogSettings={
                "destinationArn": f"arn:aws:logs:{PRIMARY}:{ACCOUNT}:log-group:x",
                "format": "$context",
            },
            tags={"team": "payments"},
        ),
        change={"defaultRouteSettings": {"throttlingBurstLimit": 200, "throttlingRateLimit": 50.5}},
        replacement={"name": "prod"},
        drift=lambda client, id, state: client("apigatewayv2", PRIMARY).update_stage(
            ApiId=state["apiId"], StageName=id, AutoDeploy=False
        ),
        drifted="autoDeploy",
    ),
    "aws:apigatewayv2/domainName:DomainName": Example(
        lambda engine: regional(
            domainName="api.example-drill.test",
            domainNameConfiguration={
                "certificateArn": certificate(engine),
                "endpointType": "REGIONAL",
                "securityPolicy": "TLS_1_2",
                "ipAddressType": "ipv4",
            },
            tags={"team": "payments"},
        ),
        change={"tags": {"stage": "drill"}},
        replacement={"domainName": "other.example-drill.test"},
        drift=lambda client, id, state: client("apigatewayv2", PRIMARY).tag_resource(
            ResourceArn=state["arn"], Tags={"added": "outside"}
        ),
    ),
    "aws:apigatewayv2/apiMapping:ApiMapping": Example(
        _mapping, replacement={"domainName": "other.example-drill.test"}, delete_first=True
    ),
}


CERTIFICATES = {
    "aws:acm/certificate:Certificate": Example(
        lambda engine: regional(
            domainName="own.example-drill.test", validationMethod="DNS", tags={"team": "payments"}
        ),
        change={"tags": {"stage": "drill"}},
        replacement={"domainName": "other.example-drill.test"},
        drift=lambda client, id, state: client("acm", PRIMARY).add_tags_to_certificate(
            CertificateArn=id, Tags=[{"Key": "added", "Value": "outside"}]
        ),
    ),
    "aws:acm/certificateValidation:CertificateValidation": Example(
        lambda engine: regional(
            certificateArn=certificate(engine), validationRecordFqdns=["_x.example-drill.test"]
        ),
        replacement={"certificateArn": "arn:other"},
        survives=True,
    ),
}
