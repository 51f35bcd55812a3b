"""An example of every type: what creates it, what changes it in place, what replaces it, what drifts.

`inputs` may make what the example needs through the engine; the engine clears it away afterwards. `change`
and `replacement` are merged into the inputs. `drift` changes the resource behind Pulumi's back, and
`drifted` names the input that must then differ. `also` names what AWS needs beside the required inputs.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from drlib.sandbox.provider.values import ARCHIVE, MARK

from .engine import PRIMARY, STANDBY, Engine, Inputs

Meddle = Callable[[Callable[..., Any], str, Inputs], None]
ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Example:
    """See the module. `survives` says that deleting leaves something that can still be read."""

    inputs: Callable[[Engine], Inputs]
    change: Inputs | None = None
    replacement: Inputs | None = None
    drift: Meddle | None = None
    drifted: str = "tags"
    survives: bool = False
    also: tuple[str, ...] = ()
    delete_first: bool = False


def trust(service: str) -> str:
    """A trust policy."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def deny(resource: str, action: str = "sqs:*") -> str:
    """A resource policy that denies plain text."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@cache
def archive(text: str = "one") -> str:
    """Path of a zip with a handler that answers `text`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(zipfile.ZipInfo("main.py"), f"def handler(event, context):\n    return {text!r}\n")
    path = Path(tempfile.mkdtemp()) / f"{text}.zip"
    path.write_bytes(content.getvalue())
    return str(path)


def code(text: str = "one") -> Inputs:
    """An archive as the engine sends it."""
    path = archive(text)
    return {MARK: ARCHIVE, "path": path, "hash": sha256(Path(path).read_bytes()).hexdigest()}


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
    return engine.create("aws:lambda/function:Function", _function(engine))[1]


def _function(engine: Engine) -> Inputs:
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
    return engine.create(
        "aws:acm/certificate:Certificate",
        {"region": PRIMARY, "domainName": "api.example-drill.test", "validationMethod": "DNS"},
    )[0]


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


def _tag_ec2(client: Any, id: str, state: Inputs) -> None:
    client("ec2", PRIMARY).create_tags(Resources=[id], Tags=[{"Key": "added", "Value": "outside"}])


def regional(**inputs: Any) -> Inputs:
    """Inputs in the primary region."""
    return {"region": PRIMARY, **inputs}


def _role_drift(client: Any, id: str, state: Inputs) -> None:
    client("iam", "us-east-1").update_assume_role_policy(
        RoleName=id, PolicyDocument=trust("ec2.amazonaws.com")
    )


def _rule_drift(client: Any, id: str, state: Inputs) -> None:
    client("ec2", PRIMARY).modify_security_group_rules(
        GroupId=state["securityGroupId"],
        SecurityGroupRules=[
            {
                "SecurityGroupRuleId": id,
                "SecurityGroupRule": {
                    "IpProtocol": "tcp",
                    "FromPort": 80,
                    "ToPort": 443,
                    "CidrIpv4": "10.0.0.0/8",
                },
            }
        ],
    )


def _default_group_drift(client: Any, id: str, state: Inputs) -> None:
    client("ec2", PRIMARY).authorize_security_group_egress(
        GroupId=id, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )


def _association(engine: Engine) -> Inputs:
    made = subnet(engine)
    vpc_id = next(state["vpcId"] for kind, id, state in engine.made if id == made)
    table = engine.create("aws:ec2/routeTable:RouteTable", regional(vpcId=vpc_id))[0]
    return regional(subnetId=made, routeTableId=table)


def _endpoint(engine: Engine) -> Inputs:
    vpc_id = vpc(engine)
    table = engine.create("aws:ec2/routeTable:RouteTable", regional(vpcId=vpc_id))[0]
    return regional(
        vpcId=vpc_id,
        serviceName=f"com.amazonaws.{PRIMARY}.dynamodb",
        vpcEndpointType="Gateway",
        routeTableIds=[table],
        tags={"team": "payments"},
    )


NETWORK = {
    "aws:ec2/vpc:Vpc": Example(
        lambda engine: regional(
            cidrBlock="10.78.0.0/16",
            enableDnsHostnames=True,
            enableDnsSupport=True,
            tags={"team": "payments"},
        ),
        change={"enableDnsHostnames": False, "tags": {"stage": "drill"}},
        replacement={"cidrBlock": "10.79.0.0/16"},
        drift=_tag_ec2,
    ),
    "aws:ec2/subnet:Subnet": Example(
        lambda engine: regional(
            vpcId=vpc(engine),
            cidrBlock="10.77.2.0/24",
            availabilityZone=f"{PRIMARY}a",
            tags={"team": "payments"},
        ),
        change={"tags": {"team": "platform"}},
        replacement={"cidrBlock": "10.77.3.0/24"},
        drift=_tag_ec2,
    ),
    "aws:ec2/routeTable:RouteTable": Example(
        lambda engine: regional(vpcId=vpc(engine), tags={"team": "payments"}),
        change={"tags": {}},
        replacement={"vpcId": "vpc-other"},
        drift=_tag_ec2,
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Example(
        _association, replacement={"routeTableId": "rtb-other"}, delete_first=True
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Example(
        _endpoint,
        change={"routeTableIds": [], "tags": {"team": "platform"}},
        replacement={"serviceName": f"com.amazonaws.{PRIMARY}.s3"},
        drift=lambda client, id, state: client("ec2", PRIMARY).modify_vpc_endpoint(
            VpcEndpointId=id, RemoveRouteTableIds=state["routeTableIds"]
        ),
        drifted="routeTableIds",
    ),
    "aws:ec2/securityGroup:SecurityGroup": Example(
        lambda engine: regional(
            name="example-group", description="Guards", vpcId=vpc(engine), tags={"team": "payments"}
        ),
        change={"tags": {"team": "platform"}},
        replacement={"description": "Guards more"},
        drift=_tag_ec2,
        delete_first=True,
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Example(
        lambda engine: regional(vpcId=vpc(engine), tags={"team": "payments"}),
        change={"tags": {"team": "platform"}},
        replacement={"vpcId": "vpc-other"},
        drift=_default_group_drift,
        drifted="egress",
        survives=True,
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Example(
        lambda engine: regional(
            securityGroupId=group(engine),
            ipProtocol="tcp",
            fromPort=443,
            toPort=443,
            cidrIpv4="10.0.0.0/8",
            description="within",
        ),
        change={"cidrIpv4": "10.1.0.0/16", "description": "inside"},
        replacement={"securityGroupId": "sg-other"},
        drift=_rule_drift,
        drifted="fromPort",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Example(
        lambda engine: regional(
            securityGroupId=group(engine), ipProtocol="tcp", fromPort=443, toPort=443, cidrIpv4="10.0.0.0/8"
        ),
        change={"toPort": 8443},
        replacement={"securityGroupId": "sg-other"},
        drift=_rule_drift,
        drifted="fromPort",
    ),
}

ROLES = {
    "aws:iam/role:Role": Example(
        lambda engine: {
            "name": "example-own",
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "description": "Runs",
            "tags": {"team": "payments"},
        },
        change={"assumeRolePolicy": trust("s3.amazonaws.com"), "tags": {"stage": "drill"}},
        replacement={"path": "/payments/"},
        drift=_role_drift,
        drifted="assumeRolePolicy",
        delete_first=True,
    ),
    "aws:iam/rolePolicy:RolePolicy": Example(
        lambda engine: {
            "name": "inline",
            "role": role(engine)["name"],
            "policy": deny("*", "iam:*").replace('"Principal": "*", ', ""),
        },
        change={"policy": deny("*", "s3:*").replace('"Principal": "*", ', "")},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("iam", "us-east-1").put_role_policy(
            RoleName=state["role"],
            PolicyName=state["name"],
            PolicyDocument=state["policy"].replace("Deny", "Allow"),
        ),
        drifted="policy",
        delete_first=True,
    ),
}

FUNCTIONS = {
    "aws:lambda/function:Function": Example(
        _function,
        change={
            "code": code("two"),
            "environment": {"variables": {"STAGE": "live", "MORE": "1"}},
            "reservedConcurrentExecutions": 0,
            "tags": {"stage": "drill"},
        },
        replacement={"name": "other"},
        drift=lambda client, id, state: client("lambda", PRIMARY).update_function_configuration(
            FunctionName=id, Environment={"Variables": {"STAGE": "drill", "ADDED": "outside"}}
        ),
        drifted="environment",
    ),
    "aws:lambda/permission:Permission": Example(
        lambda engine: regional(
            function=function(engine)["name"],
            action="lambda:InvokeFunction",
            principal="apigateway.amazonaws.com",
            statementId="gateway",
            sourceArn=f"arn:aws:execute-api:{PRIMARY}:{ACCOUNT}:abc/*/GET/healthz",
        ),
        replacement={"sourceArn": f"arn:aws:execute-api:{PRIMARY}:{ACCOUNT}:abc/*/*"},
        delete_first=True,
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Example(
        lambda engine: regional(
            functionName=function(engine)["name"],
            eventSourceArn=queue(engine)["arn"],
            batchSize=10,
            enabled=True,
            functionResponseTypes=["ReportBatchItemFailures"],
            scalingConfig={"maximumConcurrency": 5},
            tags={"team": "payments"},
        ),
        change={"batchSize": 5, "enabled": False},
        replacement={"eventSourceArn": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:other"},
        drift=lambda client, id, state: client("lambda", PRIMARY).update_event_source_mapping(
            UUID=id, Enabled=False
        ),
        drifted="enabled",
    ),
}


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


def _subscription(engine: Engine) -> Inputs:
    return regional(
        topic=topic(engine),
        protocol="sqs",
        endpoint=queue(engine, region=STANDBY)["arn"],
        rawMessageDelivery=True,
        redrivePolicy=json.dumps({"deadLetterTargetArn": queue(engine, "example-undelivered")["arn"]}),
    )


def _topic_policy(engine: Engine) -> Inputs:
    arn = topic(engine)
    return regional(arn=arn, policy=deny(arn, "sns:Publish"))


def _queue_policy(engine: Engine) -> Inputs:
    made = queue(engine)
    return regional(queueUrl=made["url"], policy=deny(made["arn"]))


def _redrive(engine: Engine) -> Inputs:
    target = queue(engine, "example-dead")["arn"]
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 30})
    return regional(queueUrl=queue(engine)["url"], redrivePolicy=policy)


def _redrive_allow(engine: Engine) -> Inputs:
    policy = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue(engine)["arn"]]})
    return regional(queueUrl=queue(engine, "example-dead")["url"], redriveAllowPolicy=policy)


MESSAGES = {
    "aws:sns/topic:Topic": Example(
        lambda engine: regional(name="example-own-topic", displayName="Payments", tags={"team": "payments"}),
        change={"displayName": "Refunds", "tags": {"stage": "drill"}},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("sns", PRIMARY).set_topic_attributes(
            TopicArn=id, AttributeName="DisplayName", AttributeValue="meddled"
        ),
        drifted="displayName",
    ),
    "aws:sns/topicPolicy:TopicPolicy": Example(
        _topic_policy,
        change={"policy": deny("*", "sns:Publish")},
        replacement={"arn": "arn:other"},
        drift=lambda client, id, state: client("sns", PRIMARY).set_topic_attributes(
            TopicArn=id, AttributeName="Policy", AttributeValue=deny("*", "sns:Subscribe")
        ),
        drifted="policy",
    ),
    "aws:sns/topicSubscription:TopicSubscription": Example(
        _subscription,
        change={"rawMessageDelivery": False},
        replacement={"endpoint": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:other"},
        drift=lambda client, id, state: client("sns", PRIMARY).set_subscription_attributes(
            SubscriptionArn=id, AttributeName="RawMessageDelivery", AttributeValue="false"
        ),
        drifted="rawMessageDelivery",
        delete_first=True,
    ),
    "aws:sqs/queue:Queue": Example(
        lambda engine: regional(
            name="example-own-queue",
            visibilityTimeoutSeconds=60,
            messageRetentionSeconds=1209600,
            receiveWaitTimeSeconds=20,
            sqsManagedSseEnabled=True,
            tags={"team": "payments"},
        ),
        change={"visibilityTimeoutSeconds": 90, "tags": {"stage": "drill"}},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).tag_queue(
            QueueUrl=id, Tags={"added": "outside"}
        ),
    ),
    "aws:sqs/redrivePolicy:RedrivePolicy": Example(
        _redrive,
        change={
            "redrivePolicy": json.dumps(
                {"deadLetterTargetArn": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:example-dead", "maxReceiveCount": 5}
            )
        },
        replacement={"queueUrl": "http://other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).set_queue_attributes(
            QueueUrl=id, Attributes={"RedrivePolicy": state["redrivePolicy"].replace("30", "3")}
        ),
        drifted="redrivePolicy",
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Example(
        _redrive_allow,
        change={"redriveAllowPolicy": json.dumps({"redrivePermission": "allowAll"})},
        replacement={"queueUrl": "http://other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).set_queue_attributes(
            QueueUrl=id, Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})}
        ),
        drifted="redriveAllowPolicy",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Example(
        _queue_policy,
        change={"policy": deny("*")},
        replacement={"queueUrl": "http://other"},
        drift=lambda client, id, state: client("sqs", PRIMARY).set_queue_attributes(
            QueueUrl=id, Attributes={"Policy": deny("*", "sqs:SendMessage")}
        ),
        drifted="policy",
    ),
}


def _table(engine: Engine) -> Inputs:
    return regional(
        name="example-table",
        hashKey="pk",
        rangeKey="sk",
        attributes=[{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
        billingMode="PAY_PER_REQUEST",
        streamEnabled=True,
        streamViewType="NEW_AND_OLD_IMAGES",
        pointInTimeRecovery={"enabled": True},
        serverSideEncryption={"enabled": True},
        deletionProtectionEnabled=False,
        ttl={"attributeName": "expires_at", "enabled": True},
        replicas=[{"regionName": STANDBY, "pointInTimeRecovery": True, "propagateTags": True}],
        tags={"team": "payments"},
    )


TABLES = {
    "aws:dynamodb/table:Table": Example(
        _table,
        change={
            "pointInTimeRecovery": {"enabled": False},
            "replicas": [{"regionName": STANDBY, "pointInTimeRecovery": False, "propagateTags": True}],
            "tags": {"stage": "drill"},
        },
        replacement={"rangeKey": "other"},
        drift=lambda client, id, state: client("dynamodb", STANDBY).update_continuous_backups(
            TableName=id, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        ),
        drifted="replicas",
        also=("rangeKey",),
        delete_first=True,
    ),
}


def _replication(engine: Engine) -> Inputs:
    source, target = versioned(engine, "example-source"), versioned(engine, "example-target", STANDBY)
    rule_inputs = {
        "id": "receipts",
        "status": "Enabled",
        "priority": 1,
        "filter": {"prefix": ""},
        "deleteMarkerReplication": {"status": "Enabled"},
        "destination": {
            "bucket": f"arn:aws:s3:::{target}",
            "metrics": {"status": "Enabled", "eventThreshold": {"minutes": 15}},
            "replicationTime": {"status": "Enabled", "time": {"minutes": 15}},
        },
        "sourceSelectionCriteria": {"replicaModifications": {"status": "Enabled"}},
    }
    return regional(bucket=source, role=role(engine, "example-replication")["arn"], rules=[rule_inputs])


def _lifecycle(days: int) -> list[Inputs]:
    return [
        {
            "id": "old-versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrentVersionExpiration": {"noncurrentDays": days},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
        }
    ]


def _bucket_policy(engine: Engine) -> Inputs:
    made = bucket(engine)
    return regional(bucket=made, policy=deny(f"arn:aws:s3:::{made}/*", "s3:*"))


BUCKETS = {
    "aws:s3/bucket:Bucket": Example(
        lambda engine: regional(bucket="example-own-bucket", forceDestroy=True, tags={"team": "payments"}),
        change={"tags": {"stage": "drill"}},
        replacement={"bucket": "example-other-bucket"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_tagging(
            Bucket=id, Tagging={"TagSet": [{"Key": "added", "Value": "outside"}]}
        ),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Example(
        lambda engine: regional(bucket=bucket(engine), versioningConfiguration={"status": "Enabled"}),
        change={"versioningConfiguration": {"status": "Suspended"}},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_versioning(
            Bucket=id, VersioningConfiguration={"Status": "Suspended"}
        ),
        drifted="versioningConfiguration",
        survives=True,
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Example(
        lambda engine: regional(bucket=bucket(engine), blockPublicAcls=True, blockPublicPolicy=True),
        change={"ignorePublicAcls": True},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_public_access_block(
            Bucket=id, PublicAccessBlockConfiguration={"BlockPublicAcls": False, "BlockPublicPolicy": True}
        ),
        drifted="blockPublicAcls",
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Example(
        lambda engine: regional(bucket=bucket(engine), rule={"objectOwnership": "BucketOwnerEnforced"}),
        change={"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_ownership_controls(
            Bucket=id, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        ),
        drifted="rule",
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Example(
        lambda engine: regional(
            bucket=bucket(engine), rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
        ),
        change={
            "rules": [
                {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}
            ]
        },
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_encryption(
            Bucket=id,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
        ),
        drifted="rules",
        survives=True,
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Example(
        lambda engine: regional(bucket=versioned(engine, "example-bucket"), rules=_lifecycle(30)),
        change={"rules": _lifecycle(60)},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_lifecycle_configuration(
            Bucket=id,
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": "old-versions",
                        "Status": "Disabled",
                        "Filter": {"Prefix": ""},
                        "Expiration": {"Days": 1},
                    }
                ]
            },
        ),
        drifted="rules",
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": Example(
        _replication,
        change={"role": f"arn:aws:iam::{ACCOUNT}:role/other"},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: _pause_replication(client, id),
        drifted="rules",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Example(
        _bucket_policy,
        change={"policy": deny("arn:aws:s3:::example-bucket", "s3:ListBucket")},
        replacement={"bucket": "other"},
        drift=lambda client, id, state: client("s3", PRIMARY).put_bucket_policy(
            Bucket=id, Policy=deny(f"arn:aws:s3:::{id}", "s3:GetBucketPolicy")
        ),
        drifted="policy",
    ),
}


def _pause_replication(client: Any, bucket_name: str) -> None:
    s3 = client("s3", PRIMARY)
    configuration = s3.get_bucket_replication(Bucket=bucket_name)["ReplicationConfiguration"]
    configuration["Rules"][0]["Status"] = "Disabled"
    s3.put_bucket_replication(Bucket=bucket_name, ReplicationConfiguration=configuration)


def _endpoint_check(engine: Engine) -> Inputs:
    return {
        "type": "HTTPS_STR_MATCH",
        "fqdn": f"abc.execute-api.{PRIMARY}.amazonaws.com",
        "port": 443,
        "resourcePath": "/healthz",
        "searchString": "ok",
        "enableSni": True,
        "requestInterval": 10,
        "failureThreshold": 3,
        "regions": ["us-east-1", "us-west-1", "us-west-2", "eu-west-1"],
        "tags": {"Name": "endpoint"},
    }


def _failover_record(engine: Engine) -> Inputs:
    return {
        "zoneId": zone(engine),
        "name": "api.example-drill.test",
        "type": "A",
        "setIdentifier": "primary",
        "healthCheckId": engine.create("aws:route53/healthCheck:HealthCheck", _endpoint_check(engine))[0],
        "failoverRoutingPolicies": [{"type": "PRIMARY"}],
        "aliases": [
            {
                "name": f"d-abc.execute-api.{PRIMARY}.amazonaws.com",
                "zoneId": "ZOJJZC49E0EPZ",
                "evaluateTargetHealth": True,
            }
        ],
    }


def _record_drift(client: Any, id: str, state: Inputs) -> None:
    route53 = client("route53", "us-east-1")
    record = next(
        one
        for one in route53.list_resource_record_sets(HostedZoneId=state["zoneId"])["ResourceRecordSets"]
        if one.get("SetIdentifier") == state["setIdentifier"]
    )
    record["AliasTarget"]["EvaluateTargetHealth"] = False
    route53.change_resource_record_sets(
        HostedZoneId=state["zoneId"],
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
    )


NAMES = {
    "aws:route53/zone:Zone": Example(
        lambda engine: {
            "name": "own-drill.test",
            "comment": "Payments",
            "enableAcceleratedRecovery": True,
            "forceDestroy": False,
            "tags": {"team": "payments"},
        },
        change={"comment": "Refunds", "tags": {"stage": "drill"}},
        replacement={"name": "other-drill.test"},
        drift=lambda client, id, state: client("route53", "us-east-1").update_hosted_zone_comment(
            Id=id, Comment="meddled"
        ),
        drifted="comment",
    ),
    "aws:route53/record:Record": Example(
        _failover_record,
        change={
            "aliases": [
                {
                    "name": f"d-def.execute-api.{PRIMARY}.amazonaws.com",
                    "zoneId": "ZOJJZC49E0EPZ",
                    "evaluateTargetHealth": True,
                }
            ]
        },
        replacement={"setIdentifier": "other"},
        drift=_record_drift,
        drifted="aliases",
        also=("aliases",),
        delete_first=True,
    ),
    "aws:route53/healthCheck:HealthCheck": Example(
        _endpoint_check,
        change={"failureThreshold": 2, "invertHealthcheck": True, "tags": {"stage": "drill"}},
        replacement={"requestInterval": 30},
        drift=lambda client, id, state: client("route53", "us-east-1").update_health_check(
            HealthCheckId=id, Disabled=True
        ),
        drifted="disabled",
        also=("fqdn", "searchString"),
    ),
}


def _alarm(engine: Engine) -> Inputs:
    arn = topic(engine)
    return regional(
        name="example-alarm",
        alarmDescription="The latch is set",
        namespace="PaymentsDR",
        metricName="FailoverRequested",
        dimensions={"Stack": "drill"},
        statistic="Maximum",
        period=60,
        evaluationPeriods=1,
        datapointsToAlarm=1,
        threshold=1,
        comparisonOperator="GreaterThanOrEqualToThreshold",
        treatMissingData="ignore",
        alarmActions=[arn],
        okActions=[arn],
        tags={"team": "payments"},
    )


def _alarm_drift(client: Any, id: str, state: Inputs) -> None:
    client("cloudwatch", PRIMARY).disable_alarm_actions(AlarmNames=[id])


WATCH = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": Example(
        _alarm,
        change={
            "threshold": 2.5,
            "dimensions": {"Stack": "drill", "Region": "x"},
            "tags": {"stage": "drill"},
        },
        replacement={"name": "other"},
        drift=_alarm_drift,
        drifted="actionsEnabled",
    ),
    "aws:cloudwatch/dashboard:Dashboard": Example(
        lambda engine: regional(dashboardName="example-board", dashboardBody=json.dumps({"widgets": []})),
        change={"dashboardBody": json.dumps({"widgets": [], "start": "-PT1H"})},
        replacement={"dashboardName": "other"},
        drift=lambda client, id, state: client("cloudwatch", PRIMARY).put_dashboard(
            DashboardName=id, DashboardBody=json.dumps({"widgets": [], "start": "-PT9H"})
        ),
        drifted="dashboardBody",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Example(
        lambda engine: regional(name="/aws/lambda/example", retentionInDays=30, tags={"team": "payments"}),
        change={"retentionInDays": 7, "tags": {"stage": "drill"}},
        replacement={"name": "/aws/lambda/other"},
        drift=lambda client, id, state: client("logs", PRIMARY).delete_retention_policy(logGroupName=id),
        drifted="retentionInDays",
    ),
    "aws:cloudwatch/eventRule:EventRule": Example(
        lambda engine: regional(
            name="example-own-rule",
            scheduleExpression="rate(1 minute)",
            description="Latch",
            tags={"team": "payments"},
        ),
        change={"state": "DISABLED", "tags": {"stage": "drill"}},
        replacement={"name": "other"},
        drift=lambda client, id, state: client("events", PRIMARY).disable_rule(Name=id),
        drifted="state",
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Example(
        lambda engine: regional(rule=rule(engine), targetId="latch", arn=function(engine)["arn"]),
        change={"input": json.dumps({"why": "schedule"})},
        replacement={"targetId": "other"},
        drift=lambda client, id, state: client("events", PRIMARY).put_targets(
            Rule=state["rule"], Targets=[{"Id": "latch", "Arn": f"arn:aws:sqs:{PRIMARY}:{ACCOUNT}:other"}]
        ),
        drifted="arn",
        delete_first=True,
    ),
}

EXAMPLES: dict[str, Example] = {
    **NETWORK,
    **ROLES,
    **FUNCTIONS,
    **GATEWAY,
    **CERTIFICATES,
    **MESSAGES,
    **TABLES,
    **BUCKETS,
    **NAMES,
    **WATCH,
}
