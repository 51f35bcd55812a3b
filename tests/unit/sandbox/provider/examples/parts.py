"""What examples stand on: one of each thing that others need."""

from __future__ import annotations

from ..engine import PRIMARY, Engine, Inputs
from .base import code, trust


def vpc(engine: Engine) -> str:
    return engine.create("aws:ec2/vpc:Vpc", {"region": PRIMARY, "cidrBlock": "10.77.0.0/16"})[0]


def subnet(engine: Engine) -> str:
    zone = engine.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {"region": PRIMARY})["names"][
        0
    ]
    return engine.create(
        "aws:ec2/subnet:Subnet",
        {"region": PRIMARY, "vpcId": vpc(engine), "cidrBlock": "10.77.1.0/24", "availabilityZone": zone},
    )[0]


def group(engine: Engine) -> str:
    return engine.create(
        "aws:ec2/securityGroup:SecurityGroup", {"region": PRIMARY, "name": "guard", "vpcId": vpc(engine)}
    )[0]


def role(engine: Engine, name: str = "example-role") -> Inputs:
    return engine.create(
        "aws:iam/role:Role", {"name": name, "assumeRolePolicy": trust("lambda.amazonaws.com")}
    )[1]


def function(engine: Engine) -> Inputs:
    return engine.create("aws:lambda/function:Function", function_inputs(engine))[1]


def function_inputs(engine: Engine) -> Inputs:
    return {
        "region": PRIMARY,
        "name": "example",
        "runtime": "python3.13",
        "handler": "main.handler",
        "architectures": ["arm64"],
        "code": code(),
        "role": role(engine, "example-function")["arn"],
        "timeout": 10,
        "memorySize": 256,
        "environment": {"variables": {"STAGE": "drill"}},
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/example"},
        "tracingConfig": {"mode": "Active"},
        "reservedConcurrentExecutions": 5,
        "tags": {"team": "payments"},
    }


def queue(engine: Engine, name: str = "example-queue", region: str = PRIMARY) -> Inputs:
    return engine.create("aws:sqs/queue:Queue", {"region": region, "name": name})[1]


def topic(engine: Engine) -> str:
    return engine.create("aws:sns/topic:Topic", {"region": PRIMARY, "name": "example-topic"})[0]


def api(engine: Engine) -> str:
    return engine.create(
        "aws:apigatewayv2/api:Api", {"region": PRIMARY, "name": "example-api", "protocolType": "HTTP"}
    )[0]


def integration(engine: Engine, api_id: str) -> str:
    return engine.create(
        "aws:apigatewayv2/integration:Integration",
        {
            "region": PRIMARY,
            "apiId": api_id,
            "integrationType": "AWS_PROXY",
            "integrationUri": function(engine)["invokeArn"],
            "payloadFormatVersion": "2.0",
        },
    )[0]


def certificate(engine: Engine) -> str:
    """Make a certificate, and the record that has it issued."""
    id, state = engine.create(
        "aws:acm/certificate:Certificate",
        {"region": PRIMARY, "domainName": "api.example-drill.test", "validationMethod": "DNS"},
    )
    asked = state["domainValidationOptions"][0]
    proof = {
        "zoneId": zone(engine),
        "name": asked["resourceRecordName"],
        "type": asked["resourceRecordType"],
        "ttl": 60,
        "records": [asked["resourceRecordValue"]],
    }
    engine.create("aws:route53/record:Record", proof)
    return id


def zone(engine: Engine) -> str:
    return engine.create("aws:route53/zone:Zone", {"name": "example-drill.test"})[0]


def bucket(engine: Engine, name: str = "example-bucket", region: str = PRIMARY) -> str:
    return engine.create("aws:s3/bucket:Bucket", {"region": region, "bucket": name, "forceDestroy": True})[0]


def versioned(engine: Engine, name: str, region: str = PRIMARY) -> str:
    made = bucket(engine, name, region)
    engine.create(
        "aws:s3/bucketVersioning:BucketVersioning",
        {"region": region, "bucket": made, "versioningConfiguration": {"status": "Enabled"}},
    )
    return made


def domain(engine: Engine) -> str:
    return engine.create(
        "aws:apigatewayv2/domainName:DomainName",
        {
            "region": PRIMARY,
            "domainName": "api.example-drill.test",
            "domainNameConfiguration": {
                "certificateArn": certificate(engine),
                "endpointType": "REGIONAL",
                "securityPolicy": "TLS_1_2",
            },
        },
    )[0]


def stage(engine: Engine, api_id: str) -> str:
    return engine.create(
        "aws:apigatewayv2/stage:Stage",
        {"region": PRIMARY, "apiId": api_id, "name": "$default", "autoDeploy": True},
    )[0]


def rule(engine: Engine) -> str:
    return engine.create(
        "aws:cloudwatch/eventRule:EventRule",
        {"region": PRIMARY, "name": "example-rule", "scheduleExpression": "rate(1 minute)"},
    )[0]
