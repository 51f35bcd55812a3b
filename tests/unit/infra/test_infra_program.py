"""What must be true of the program's resources, whatever the settings: read from their inputs under mocks."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

PAIR = ("us-east-2", "us-west-2")
WITHOUT_REGION = re.compile(r"aws:(iam|route53)/")
ON_EVERYTHING = {  # actions that take no resource
    "cloudwatch:PutMetricData",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
}


def role_policies(planned: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement that is given to a role, with the policy's name."""
    for name, inputs in planned.of("iam/rolePolicy:RolePolicy").items():
        for statement in json.loads(inputs["policy"])["Statement"]:
            yield name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_inventory_is_whole(planned: Any) -> None:
    kinds = {kind for kind, _, _ in planned.resources if kind.startswith("aws:")}
    assert len([kind for kind, _, _ in planned.resources if kind.startswith("aws:")]) == 183
    assert len(kinds) == 46


def test_every_regional_resource_names_its_region(planned: Any, full: Any) -> None:
    for plan in (planned, full):
        for kind, name, inputs in plan.resources:
            if kind.startswith("aws:") and not WITHOUT_REGION.match(kind):
                assert inputs.get("region"), f"{name} ({kind}) would land in the default region"


def test_both_regions_get_the_same_but_for_what_only_the_standby_has(planned: Any) -> None:
    counts: dict[str, list[str]] = {region: [] for region in PAIR}
    for kind, _, inputs in planned.resources:
        if inputs.get("region") in counts:
            counts[inputs["region"]].append(kind)
    extra = sorted(counts["us-west-2"])
    for kind in counts["us-east-2"]:
        if kind in extra:
            extra.remove(kind)
        else:
            assert kind == "aws:dynamodb/table:Table"  # its replica is part of it
    assert extra == ["aws:cloudwatch/dashboard:Dashboard", *["aws:cloudwatch/metricAlarm:MetricAlarm"] * 2]


def test_other_regions_change_every_region(full: Any) -> None:
    text = json.dumps([inputs for _, _, inputs in full.resources], default=str)
    checkers = next(iter(full.of("route53/healthCheck:HealthCheck").values()))["regions"]
    for region in PAIR:
        assert region not in text.replace(json.dumps(checkers), "")


def test_no_role_has_a_wildcard_beyond_the_allow_list(planned: Any) -> None:
    for name, statement in role_policies(planned):
        if "*" in as_list(statement["Resource"]):
            assert set(statement["Action"]) <= ON_EVERYTHING, name
        assert not any("*" in action for action in statement["Action"]), name
        if "cloudwatch:PutMetricData" in statement["Action"]:
            assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "PaymentsDR"}}


def test_every_role_names_its_own_regions_resources(planned: Any) -> None:
    short = {"use2": "us-east-2", "usw2": "us-west-2"}
    for name, inputs in planned.of("iam/rolePolicy:RolePolicy").items():
        if "replication" in name:
            continue  # replication writes to the other region: that is its work
        role = inputs["role"]
        own = short[role.rsplit("-", 1)[1]]
        (other,) = {*PAIR} - {own}
        assert own in inputs["policy"], name
        assert other not in inputs["policy"], name


def test_each_function_may_do_what_it_calls_and_no_more(planned: Any) -> None:
    allowed: dict[str, set[str]] = {}
    for name, statement in role_policies(planned):
        allowed.setdefault(name, set()).update(statement["Action"])
    common = {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    records = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"}
    assert allowed["primary-payments-policy"] - common == records | {"sns:Publish"}
    assert allowed["standby-payments-policy"] - common == records | {
        "cloudwatch:PutMetricData",
        "dynamodb:UpdateItem",
        "sns:Publish",
    }
    for role in ("primary", "standby"):
        assert allowed[f"{role}-settlement-policy"] - common == records | {
            "s3:PutObject",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        }
        latch = {"cloudwatch:PutMetricData", "dynamodb:GetItem"}
        assert allowed[f"{role}-latch-policy"] - common == latch


def test_replication_roles_may_replicate_and_no_more(planned: Any) -> None:
    allowed = {
        action
        for name, statement in role_policies(planned)
        if "replic" in name
        for action in statement["Action"]
    }
    assert allowed == {
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionTagging",
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:ReplicateDelete",
        "s3:ReplicateObject",
        "s3:ReplicateTags",
    }


def test_roles_trust_their_service_for_this_account(planned: Any) -> None:
    for name, inputs in planned.of("iam/role:Role").items():
        (statement,) = json.loads(inputs["assumeRolePolicy"])["Statement"]
        if "replication" in name:
            assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        else:
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_names_are_unique_and_within_their_limits(full: Any) -> None:
    limits = {
        "iam/role:Role": ("name", 64),
        "lambda/function:Function": ("name", 64),
        "sqs/queue:Queue": ("name", 80),
        "s3/bucket:Bucket": ("bucket", 63),
        "cloudwatch/eventRule:EventRule": ("name", 64),
        "cloudwatch/metricAlarm:MetricAlarm": ("name", 255),
        "sns/topic:Topic": ("name", 256),
        "apigatewayv2/api:Api": ("name", 128),
        "acm/certificate:Certificate": ("domainName", 64),
        "dynamodb/table:Table": ("name", 255),
    }
    for kind, (key, longest) in limits.items():
        found = full.of(kind)
        names = [(inputs.get("region"), inputs[key]) for inputs in found.values()]
        assert len(names) == len(set(names)), kind
        for _, name in names:
            assert 0 < len(name) <= longest, name
            assert kind == "acm/certificate:Certificate" or "longest-name-123" in name
    for inputs in full.of("route53/record:Record").values():
        assert len(inputs.get("setIdentifier", "")) <= 128


def test_ranges_do_not_overlap_and_subnets_lie_in_two_zones(planned: Any) -> None:
    first, second = (ipaddress.ip_network(vpc["cidrBlock"]) for vpc in planned.of("ec2/vpc:Vpc").values())
    assert not first.overlaps(second)
    for vpc in planned.of("ec2/vpc:Vpc").values():
        assert vpc["enableDnsSupport"] and vpc["enableDnsHostnames"]
        inside = [
            subnet for subnet in planned.of("ec2/subnet:Subnet").values() if subnet["region"] == vpc["region"]
        ]
        assert len({subnet["availabilityZone"] for subnet in inside}) == 2
        ranges = [ipaddress.ip_network(subnet["cidrBlock"]) for subnet in inside]
        assert not ranges[0].overlaps(ranges[1])
        assert all(found.subnet_of(ipaddress.ip_network(vpc["cidrBlock"])) for found in ranges)


def test_every_service_that_a_function_calls_has_an_endpoint(planned: Any) -> None:
    endpoints = {
        "monitoring": "cloudwatch",
        "dynamodb": "dynamodb",
        "s3": "s3",
        "sns": "sns",
        "sqs": "sqs",
    }
    for region in PAIR:
        there = {
            endpoints[inputs["serviceName"].rsplit(".", 1)[1]]
            for inputs in planned.of("ec2/vpcEndpoint:VpcEndpoint").values()
            if inputs["region"] == region
        }
        called = {
            action.split(":")[0]
            for name, statement in role_policies(planned)
            if "replication" not in name
            for action in statement["Action"]
        }
        assert called - {"ec2", "logs"} == there  # Lambda itself writes the logs and makes the interfaces


def test_endpoints_are_reached_by_name_from_private_subnets(planned: Any) -> None:
    for name, inputs in planned.of("ec2/vpcEndpoint:VpcEndpoint").items():
        (statement,) = json.loads(inputs["policy"])["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}
        if inputs["vpcEndpointType"] == "Interface":
            assert inputs["privateDnsEnabled"] is True, name
            assert len(inputs["subnetIds"]) == 2 and len(inputs["securityGroupIds"]) == 1
        else:
            assert len(inputs["routeTableIds"]) == 1, name
    assert len(planned.of("ec2/routeTableAssociation:RouteTableAssociation")) == 4


def test_functions_get_out_by_https_to_endpoints_alone(planned: Any) -> None:
    rules = planned.of("vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    assert len(rules) == 6
    for inputs in [
        *rules.values(),
        *planned.of("vpc/securityGroupIngressRule:SecurityGroupIngressRule").values(),
    ]:
        assert (inputs["ipProtocol"], inputs["fromPort"], inputs["toPort"]) == ("tcp", 443, 443)
        assert "cidrIpv4" not in inputs and "cidrIpv6" not in inputs
        assert inputs.get("referencedSecurityGroupId") or inputs.get("prefixListId")
    for inputs in planned.of("ec2/defaultSecurityGroup:DefaultSecurityGroup").values():
        assert "ingress" not in inputs and "egress" not in inputs


def test_without_a_vpc_nothing_of_it_is_left(plan: Callable[..., Any]) -> None:
    planned = plan(lambda_in_vpc=False)
    assert not [kind for kind, _, _ in planned.resources if kind.startswith(("aws:ec2/", "aws:vpc/"))]
    assert all("vpcConfig" not in inputs for inputs in planned.of("lambda/function:Function").values())
    assert not any("ec2:" in json.dumps(statement) for _, statement in role_policies(planned))


def test_functions_run_what_the_archive_holds(planned: Any) -> None:
    functions = planned.of("lambda/function:Function")
    assert len(functions) == 6
    for inputs in functions.values():
        assert (inputs["runtime"], inputs["architectures"]) == ("python3.13", ["arm64"])
        assert inputs["handler"] in {f"{n}.handler.handler" for n in ("payments", "settlement", "latch")}
        assert inputs["loggingConfig"]["logFormat"] == "JSON"
        assert inputs["loggingConfig"]["logGroup"] == f"/aws/lambda/{inputs['name']}"
        assert len(inputs["vpcConfig"]["subnetIds"]) == 2
        names = set(inputs["environment"]["variables"])
        assert not {name for name in names if name.startswith(("AWS_", "LAMBDA_", "_"))}


def test_each_function_is_told_what_its_code_asks_for(planned: Any) -> None:
    told = {
        name.split("-")[1]: set(inputs["environment"]["variables"])
        for name, inputs in planned.of("lambda/function:Function").items()
    }
    from drlib.infra.package import FUNCTIONS

    for name, variables in told.items():
        source = (FUNCTIONS / name / "handler.py").read_text()
        asked = re.search(r"^NEEDED = \((.*?)\)$", source, re.MULTILINE | re.DOTALL)
        assert asked is not None
        assert variables == set(re.findall(r'"([A-Z_]+)"', asked[1]))


def test_each_region_gets_its_own_replica_bucket_queue_and_topic(planned: Any) -> None:
    for name, inputs in planned.of("lambda/function:Function").items():
        variables = inputs["environment"]["variables"]
        region, role = inputs["region"], name.split("-")[0]
        assert variables["STANDBY_REGION"] == "us-west-2"
        assert variables["TABLE_NAME"] == "pay-payments-drill"
        assert variables.get("REGION_ROLE", role) == role
        assert region in variables.get("TOPIC_ARN", region)
        assert region in variables.get("QUEUE_URL", region)


def test_queues_are_read_by_one_mapping_each_and_give_the_worker_time(planned: Any) -> None:
    mappings = planned.of("lambda/eventSourceMapping:EventSourceMapping")
    sources = [inputs["eventSourceArn"] for inputs in mappings.values()]
    assert len(sources) == len(set(sources)) == 2
    slowest = max(inputs["timeout"] for inputs in planned.of("lambda/function:Function").values())
    for inputs in mappings.values():
        assert inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
        assert inputs["scalingConfig"]["maximumConcurrency"] >= 2
        assert inputs["enabled"] is True
        assert inputs["region"] in inputs["eventSourceArn"]
    work = [inputs for name, inputs in planned.of("sqs/queue:Queue").items() if name.endswith("-work")]
    assert len(work) == 2
    assert all(inputs["visibilityTimeoutSeconds"] >= 6 * slowest for inputs in work)
    for inputs in planned.of("sqs/queue:Queue").values():
        assert inputs["messageRetentionSeconds"] == 1209600
        assert inputs["sqsManagedSseEnabled"] is True


def test_messages_fan_out_from_each_topic_to_both_queues(planned: Any) -> None:
    ways = set()
    for inputs in planned.of("sns/topicSubscription:TopicSubscription").values():
        assert inputs["region"] in inputs["topic"]
        assert inputs["rawMessageDelivery"] is True
        assert inputs["region"] in json.loads(inputs["redrivePolicy"])["deadLetterTargetArn"]
        ways.add((inputs["topic"].split(":")[3], inputs["endpoint"].split(":")[3]))
    assert ways == {(a, b) for a in PAIR for b in PAIR}


def test_redrive_is_allowed_both_ways_round(planned: Any) -> None:
    for inputs in planned.of("sqs/redrivePolicy:RedrivePolicy").values():
        policy = json.loads(inputs["redrivePolicy"])
        assert policy["maxReceiveCount"] == 30
        assert inputs["region"] in policy["deadLetterTargetArn"]
    for inputs in planned.of("sqs/redriveAllowPolicy:RedriveAllowPolicy").values():
        policy = json.loads(inputs["redriveAllowPolicy"])
        assert policy["redrivePermission"] == "byQueue"
        assert len(policy["sourceQueueArns"]) == 1


def test_queues_take_from_the_topics_alone_and_by_tls(planned: Any) -> None:
    for name, inputs in planned.of("sqs/queuePolicy:QueuePolicy").items():
        deny, *allow = json.loads(inputs["policy"])["Statement"]
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in allow:
            assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
            sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            assert len(sources) == (2 if "work" in name else 1)
        assert bool(allow) == ("dead-letter" not in name)


def test_the_table_is_global_encrypted_and_recoverable(planned: Any) -> None:
    (table,) = planned.of("dynamodb/table:Table").values()
    assert table["region"] == "us-east-2"
    assert (table["hashKey"], table["rangeKey"]) == ("pk", "sk")
    assert table["streamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["pointInTimeRecovery"]["enabled"] is True
    assert table["serverSideEncryption"]["enabled"] is True
    (replica,) = table["replicas"]
    assert replica["regionName"] == "us-west-2"
    assert replica["pointInTimeRecovery"] is True


@pytest.mark.parametrize("protect", [False, True])
def test_data_is_held_on_to_when_asked(plan: Callable[..., Any], protect: bool) -> None:
    planned = plan(protect_data=protect)
    (table,) = planned.of("dynamodb/table:Table").values()
    assert table["deletionProtectionEnabled"] is protect
    assert table["replicas"][0]["deletionProtectionEnabled"] is protect
    for bucket in planned.of("s3/bucket:Bucket").values():
        assert bucket["forceDestroy"] is not protect


def test_buckets_replicate_both_ways_after_versioning(planned: Any) -> None:
    configs = planned.of("s3/bucketReplicationConfig:BucketReplicationConfig")
    assert len(configs) == 2
    versioned = [
        planned.order("s3/bucketVersioning:BucketVersioning", name)
        for name in planned.of("s3/bucketVersioning:BucketVersioning")
    ]
    for name, inputs in configs.items():
        at = planned.order("s3/bucketReplicationConfig:BucketReplicationConfig", name)
        assert all(earlier < at for earlier in versioned)
        (rule,) = inputs["rules"]
        assert rule["status"] == rule["deleteMarkerReplication"]["status"] == "Enabled"
        assert rule["destination"]["replicationTime"]["time"]["minutes"] == 15
        assert rule["sourceSelectionCriteria"]["replicaModifications"]["status"] == "Enabled"


def test_buckets_are_closed(planned: Any) -> None:
    for inputs in planned.of("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").values():
        assert all(value is True for key, value in inputs.items() if key not in ("bucket", "region"))
    for inputs in planned.of("s3/bucketOwnershipControls:BucketOwnershipControls").values():
        assert inputs["rule"]["objectOwnership"] == "BucketOwnerEnforced"
    for inputs in planned.of("s3/bucketPolicy:BucketPolicy").values():
        (statement,) = json.loads(inputs["policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert len(statement["Resource"]) == 2


def test_the_api_serves_its_routes_with_a_permission_each(planned: Any) -> None:
    keys = ["GET /healthz", "GET /healthz/deep", "GET /payments/{payment_id}", "POST /payments"]
    for region in PAIR:
        routes = [r for r in planned.of("apigatewayv2/route:Route").values() if r["region"] == region]
        assert sorted(route["routeKey"] for route in routes) == keys
        granted = {
            inputs["sourceArn"].split("/*/", 1)[1]
            for inputs in planned.of("lambda/permission:Permission").values()
            if inputs["region"] == region and inputs["principal"] == "apigateway.amazonaws.com"
        }
        assert granted == {key.replace(" ", "") for key in keys}
    for stage in planned.of("apigatewayv2/stage:Stage").values():
        assert (stage["name"], stage["autoDeploy"]) == ("$default", True)
        assert stage["defaultRouteSettings"]["throttlingRateLimit"] > 0
        assert json.loads(stage["accessLogSettings"]["format"])
    for integration in planned.of("apigatewayv2/integration:Integration").values():
        assert integration["payloadFormatVersion"] == "2.0"
        assert integration["timeoutMilliseconds"] <= 30_000


def test_an_issuer_guards_payments_and_leaves_health_open(planned: Any, full: Any) -> None:
    assert all(r["authorizationType"] == "NONE" for r in planned.of("apigatewayv2/route:Route").values())
    assert len(full.of("apigatewayv2/authorizer:Authorizer")) == 2
    for route in full.of("apigatewayv2/route:Route").values():
        guarded = "/payments" in route["routeKey"]
        assert route["authorizationType"] == ("JWT" if guarded else "NONE")
        assert ("authorizerId" in route) == guarded


def test_the_public_name_has_a_domain_and_a_certificate_in_each_region(planned: Any) -> None:
    domains = planned.of("apigatewayv2/domainName:DomainName")
    assert {(d["region"], d["domainName"]) for d in domains.values()} == {
        (region, "api.pay.drill.test") for region in PAIR
    }
    for inputs in domains.values():
        configuration = inputs["domainNameConfiguration"]
        assert (configuration["endpointType"], configuration["securityPolicy"]) == ("REGIONAL", "TLS_1_2")
        assert inputs["region"] in configuration["certificateArn"]
    records = planned.of("route53/record:Record")
    assert [name for name, r in records.items() if r["type"] == "CNAME"] == ["domain-validation"]


def test_the_failover_pair_is_two_aliases_with_checks(planned: Any) -> None:
    pair = [r for r in planned.of("route53/record:Record").values() if r["type"] == "A"]
    assert {r["name"] for r in pair} == {"api.pay.drill.test"}
    assert len({r["setIdentifier"] for r in pair}) == 2
    kinds = []
    for record in pair:
        assert "ttl" not in record and "records" not in record
        assert isinstance(record["failoverRoutingPolicies"], list)
        kinds += [policy["type"] for policy in record["failoverRoutingPolicies"]]
        (alias,) = record["aliases"]
        assert alias["evaluateTargetHealth"] is True
        assert record["healthCheckId"]
    assert sorted(kinds) == ["PRIMARY", "SECONDARY"]
    (primary,) = [r for r in pair if r["failoverRoutingPolicies"][0]["type"] == "PRIMARY"]
    assert primary["healthCheckId"] == "failover-primary-id"
    assert primary["aliases"][0]["zoneId"] == "Z-us-east-2"


def test_the_primary_is_healthy_while_its_endpoint_is_and_the_latch_is_not_set(planned: Any) -> None:
    checks = planned.of("route53/healthCheck:HealthCheck")
    primary = checks["failover-primary"]
    assert (primary["type"], primary["childHealthThreshold"]) == ("CALCULATED", 2)
    assert set(primary["childHealthchecks"]) == {"failover-endpoint-us-east-2-id", "failover-latch-id"}
    latch = checks["failover-latch"]
    assert latch["type"] == "CLOUDWATCH_METRIC"
    assert latch["insufficientDataHealthStatus"] == "LastKnownStatus"
    assert latch["cloudwatchAlarmRegion"] == "us-west-2"
    alarm = planned.of("cloudwatch/metricAlarm:MetricAlarm")["failover-latch-alarm"]
    assert (alarm["region"], alarm["name"]) == ("us-west-2", latch["cloudwatchAlarmName"])
    assert (alarm["statistic"], alarm["threshold"], alarm["period"]) == ("Maximum", 1, 60)
    assert alarm["treatMissingData"] == "ignore"
    assert alarm["dimensions"] == {"Stack": "drill"}


def test_endpoint_checks_ask_the_regions_own_name(planned: Any, plan: Callable[..., Any]) -> None:
    for region in PAIR:
        check = planned.of("route53/healthCheck:HealthCheck")[f"failover-endpoint-{region}"]
        assert check["fqdn"] == f"api1.execute-api.{region}.amazonaws.com"
        assert (check["type"], check["resourcePath"]) == ("HTTPS_STR_MATCH", "/healthz")
        assert check["searchString"] in '{"status": "ok"}'
        assert (check["requestInterval"], check["failureThreshold"]) == (10, 3)
        assert len(set(check["regions"])) == 8
    slower = plan(check_interval_seconds=30, check_failure_threshold=2)
    check = slower.of("route53/healthCheck:HealthCheck")["failover-endpoint-us-east-2"]
    assert (check["requestInterval"], check["failureThreshold"]) == (30, 2)


def test_an_existing_zone_is_used_as_it_is(plan: Callable[..., Any]) -> None:
    planned = plan(
        target="aws",
        approval="",
        state_backend="s3://state",
        hosted_zone_id="Z0123456789ABC",
        domain_name="pay.acme.net",
    )
    assert planned.of("route53/zone:Zone") == {}
    assert {r["zoneId"] for r in planned.of("route53/record:Record").values()} == {"Z0123456789ABC"}
    assert planned.outputs["zone_id"] == "Z0123456789ABC"
    assert planned.outputs["name_servers"] == []


def test_route53_alarms_and_their_topic_are_in_us_east_1(planned: Any) -> None:
    alarms = planned.of("cloudwatch/metricAlarm:MetricAlarm").values()
    dns = [alarm for alarm in alarms if alarm["namespace"] == "AWS/Route53"]
    assert len(dns) == 3
    for alarm in dns:
        assert alarm["region"] == "us-east-1"
        assert all(":us-east-1:" in action for action in alarm["alarmActions"])
        assert (alarm["statistic"], alarm["comparisonOperator"]) == ("Minimum", "LessThanThreshold")
        assert alarm["treatMissingData"] == "breaching"
    for alarm in alarms:
        assert all(f":{alarm['region']}:" in action for action in alarm["alarmActions"])


def test_the_standby_has_an_alarm_that_needs_no_other_region(planned: Any) -> None:
    alarm = planned.of("cloudwatch/metricAlarm:MetricAlarm")["alarms-standby-serves"]
    assert alarm["region"] == "us-west-2"
    assert alarm["dimensions"] == {
        "ApiId": "api-standby-id",
        "Stage": "$default",
        "Method": "POST",
        "Resource": "/payments",
    }


def test_mail_is_subscribed_to_every_alert_topic(planned: Any, full: Any) -> None:
    assert not [
        s for s in planned.of("sns/topicSubscription:TopicSubscription").values() if s["protocol"] != "sqs"
    ]
    mails = [
        s for s in full.of("sns/topicSubscription:TopicSubscription").values() if s["protocol"] == "email"
    ]
    assert {s["region"] for s in mails} == {"eu-west-1", "eu-central-1", "us-east-1"}


def test_a_pair_with_us_east_1_in_it_has_no_name_twice(plan: Callable[..., Any]) -> None:
    planned = plan(primary_region="us-east-1", standby_region="us-west-2")
    for kind in ("sns/topic:Topic", "cloudwatch/metricAlarm:MetricAlarm"):
        names = [(i["region"], i["name"]) for i in planned.of(kind).values()]
        assert len(names) == len(set(names))


def dashboard_errors(body: dict[str, Any]) -> list[str]:
    """Check a dashboard by CloudWatch's own grammar: rows of texts, dimensions in pairs, options last."""
    options = {
        "accountId",
        "color",
        "expression",
        "id",
        "label",
        "period",
        "region",
        "stat",
        "visible",
        "yAxis",
    }
    errors = []
    for widget in body["widgets"]:
        if not widget["properties"].get("region"):
            errors.append("a widget has no region")
        for row in widget["properties"]["metrics"]:
            *texts, last = row
            if not isinstance(last, dict) or set(last) - options:
                errors.append(f"bad options: {last}")
            if len(texts) < 2 or len(texts) % 2 or not all(isinstance(text, str) for text in texts):
                errors.append(f"bad row: {texts}")
    return errors


def test_the_dashboard_has_a_row_for_everything_and_dimensions_by_position(planned: Any) -> None:
    (dashboard,) = planned.of("cloudwatch/dashboard:Dashboard").values()
    body = json.loads(dashboard["dashboardBody"])
    assert len(body["widgets"]) == 6
    assert dashboard_errors(body) == []
    body["widgets"][0]["properties"]["metrics"][0][-1]["dimensions"] = {"ApiId": "x"}
    assert dashboard_errors(body) != []


def test_everything_that_takes_tags_has_ours(planned: Any) -> None:
    untagged = {
        kind for kind, _, inputs in planned.resources if kind.startswith("aws:") and "tags" not in inputs
    }
    takes_none = re.compile(
        r"Association$|Rule$|Policy$|Mapping$|Integration$|Route$|Permission$|Target$|Subscription$"
        r"|Validation$|Record$|Dashboard$|BucketVersioning$|Controls$|Block$|Configuration$|Config$"
    )
    assert {kind for kind in untagged if not takes_none.search(kind)} == set()
    for _, _, inputs in planned.resources:
        if "tags" in inputs:
            assert inputs["tags"]["Project"] == "payments-dr"
            assert inputs["tags"]["Stack"] == "drill"


def test_outputs_say_what_the_runbooks_need(planned: Any) -> None:
    outputs = planned.outputs
    assert outputs["public_name"] == "api.pay.drill.test"
    assert set(outputs["regions"]) == set(PAIR)
    assert {found["role"] for found in outputs["regions"].values()} == {"primary", "standby"}
    assert set(outputs["checks"]) == {"primary", "primary_endpoint", "standby_endpoint", "latch"}
    for found in outputs["regions"].values():
        assert set(found["functions"]) == set(found["roles"]) == {"payments", "settlement", "latch"}
        assert set(found["queues"]) == {"work", "dead_letter", "undelivered"}
    assert outputs["regions"]["us-west-2"]["alarms"] == sorted(outputs["regions"]["us-west-2"]["alarms"])


def test_the_program_does_not_know_where_it_runs() -> None:
    from drlib.infra.package import FUNCTIONS

    places = [FUNCTIONS.parent / "drlib" / "infra", FUNCTIONS]
    for path in [path for place in places for path in place.rglob("*.py")]:
        text = path.read_text().lower()
        assert not re.search(r"sandbox|ministack|localhost|127\.0\.0\.1|\}a\"", text), path
