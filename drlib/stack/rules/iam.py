"""Rules on IAM roles: actions, resources, regions, trust."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from drlib.stack.plan import PlannedResource
from drlib.stack.rules.planned import Planned, Statement, arn_part, document, is_unknown, statements
from drlib.stack.rules.rule import rule

NO_RESOURCE: Mapping[str, str] = {
    "ec2:DescribeNetworkInterfaces": "EC2 takes no resource for its describe actions",
    "ec2:DescribeSubnets": "EC2 takes no resource for its describe actions",
    "cloudwatch:PutMetricData": "it takes no resource, and is held to a namespace by a condition",
}
"""Actions that may stand on `*`, and why."""
ANY_INTERFACE = "ec2"
"""Lambda tests its network interface actions on a resource of no type, so that part of the ARN may be `*`."""
ALL_OF_A_KIND = re.compile(r"[a-z-]+[/:]\*")
INLINE_CHARACTERS = 10_240
TRUST_CHARACTERS = 2_048
REPLICATION = {
    "source": {"s3:GetReplicationConfiguration", "s3:ListBucket"},
    "source objects": {
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
    },
    "destination objects": {"s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"},
}
ROLE, FUNCTION = "iam/role:Role", "lambda/function:Function"
NEEDS = {
    "TABLE_NAME": ("dynamodb", "dynamodb:GetItem"),
    "TOPIC_ARN": ("sns", "sns:Publish"),
    "BUCKET_NAME": ("s3", "s3:PutObject"),
}
"""Environment variables that name a resource, and what a function at least does with it."""
READS_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


@rule(
    "iam-no-wildcards",
    "high",
    requires="no role allows an action or a resource by a bare wildcard, but for a short list with reasons",
    source="IAM User Guide, Security best practices: apply least-privilege permissions",
    fix="Name the actions that the function calls, and the ARNs that it calls them on.",
)
def no_wildcards(planned: Planned) -> Iterator[str]:
    for found in planned.statements():
        if found.effect != "Allow":
            continue
        for action in found.actions:
            if "*" in action:
                yield f"{found.resource.name} allows {action}"
        if any(_is_wide(one) for one in found.resources):
            for action in found.actions:
                if not _may_stand_alone(action, found):
                    yield f"{found.resource.name} allows {action} on {', '.join(found.resources)}"


def _is_wide(arn: str) -> bool:
    """Whether an ARN leaves service, region, account or all of the resource open."""
    if arn == "*":
        return True
    service, resource = arn_part(arn, 2), arn_part(arn, 5)
    if "*" in service + arn_part(arn, 3) + arn_part(arn, 4):
        return True
    if service == ANY_INTERFACE:
        return False
    # All objects of one bucket are a resource; all tables, or all functions, are not.
    return resource.startswith("*") or (service != "s3" and ALL_OF_A_KIND.fullmatch(resource) is not None)


def _may_stand_alone(action: str, found: Statement) -> bool:
    if action == "cloudwatch:PutMetricData":
        return "cloudwatch:namespace" in found.condition.get("StringEquals", {})
    return action in NO_RESOURCE


@rule(
    "iam-own-region",
    "critical",
    requires="each role names resources of its own region alone",
    source="DynamoDB Developer Guide, Global tables: security (a replica has an ARN of its own region)",
    fix="Build the ARN from the region that the role's function runs in.",
)
def own_region(planned: Planned) -> Iterator[str]:
    buckets = {one.inputs.get("bucket"): one.region for one in planned.of("s3/bucket:Bucket")}
    for region, role in _function_roles(planned):
        for found in planned.role_statements(role):
            for arn in found.resources:
                at = arn_part(arn, 3)
                if arn_part(arn, 2) == "s3":
                    at = buckets.get(arn_part(arn, 5).split("/")[0], region)
                if at and at != region:
                    yield f"{found.resource.name}, a role of {region}, names {arn}"


@rule(
    "iam-reaches-own",
    "critical",
    requires="each role allows what its function does with the table, topic, bucket and queue of its region",
    source="Lambda Developer Guide, Defining Lambda function permissions with an execution role",
    fix="Allow the action on the ARN of this region's own resource.",
)
def reaches_own(planned: Planned) -> Iterator[str]:
    for function in planned.of(FUNCTION):
        allowed = [
            found
            for role in planned.sources(function, "role", ROLE)
            for found in planned.role_statements(role)
            if found.effect == "Allow"
        ]
        for action, arn in _needed(planned, function):
            if not any(_allows(found, action) and _covers(found, arn) for found in allowed):
                yield f"{function.name} needs {action} on {arn}, and its role does not allow it"


def _needed(planned: Planned, function: PlannedResource) -> Iterator[tuple[str, str]]:
    variables = (function.inputs.get("environment") or {}).get("variables") or {}
    for name, (service, action) in NEEDS.items():
        value = variables.get(name)
        if value is None:
            continue
        if service == "s3":
            yield action, f"arn:*:s3:::{value}/receipts/any"
        elif service == "sns":
            yield action, str(value)
        else:
            yield action, f"arn:*:{service}:{function.region}:*:table/{value}"
    for mapping in planned.of("lambda/eventSourceMapping:EventSourceMapping"):
        if mapping.inputs.get("functionName") == function.inputs.get("name") and (
            mapping.region == function.region
        ):
            for action in READS_QUEUE:
                yield action, _queue_arn(planned, mapping)


def _queue_arn(planned: Planned, mapping: PlannedResource) -> str:
    """Return the ARN of the queue that a mapping reads, by the queue's name where AWS has not made it yet."""
    arn = mapping.inputs.get("eventSourceArn")
    queues = planned.sources(mapping, "eventSourceArn", "sqs/queue:Queue")
    if is_unknown(arn) and queues:
        return f"arn:*:sqs:{queues[0].region}:*:{queues[0].inputs.get('name')}"
    return str(arn)


def _allows(found: Statement, action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in found.actions)


def _covers(found: Statement, wanted: str) -> bool:
    """Whether a statement's resources match an ARN, whose partition and account may be left open by a `*`."""
    return any(
        one == "*"
        or all(
            fnmatchcase(ours, theirs) or ours == "*"
            for ours, theirs in zip(wanted.split(":", 5), one.split(":", 5), strict=False)
        )
        for one in found.resources
    )


@rule(
    "iam-trust",
    "critical",
    requires="each role is trusted to the service that uses it, and to nothing else",
    source="IAM User Guide, The confused deputy problem",
    fix="Let Lambda assume a function's role for this account, and S3 a replication role.",
)
def trust(planned: Planned) -> Iterator[str]:
    functions = {role.urn for _, role in _function_roles(planned)}
    for role in planned.of(ROLE):
        service = "lambda.amazonaws.com" if role.urn in functions else "s3.amazonaws.com"
        trusting = statements(role, "assumeRolePolicy")
        if not trusting or any(found.principal != {"Service": service} for found in trusting):
            yield f"{role.name} must be trusted to {service} alone"
        elif role.urn in functions and not all(
            "aws:SourceAccount" in found.condition.get("StringEquals", {}) for found in trusting
        ):
            yield f"{role.name} is trusted to {service} for every account"


@rule(
    "iam-policy-size",
    "high",
    requires="a role's inline policies have 10,240 characters at most, its trust policy 2,048",
    source="IAM User Guide, IAM and AWS STS quotas",
    fix="Split the role, or name fewer things.",
)
def policy_size(planned: Planned) -> Iterator[str]:
    for role in planned.of(ROLE):
        called = role.inputs.get("name")
        policies = [
            one for one in planned.of("iam/rolePolicy:RolePolicy") if one.inputs.get("role") == called
        ]
        inline = sum(_characters(one, "policy") for one in policies)
        if inline > INLINE_CHARACTERS:
            yield f"{role.name} has {inline} characters of inline policies"
        trusting = _characters(role, "assumeRolePolicy")
        if trusting > TRUST_CHARACTERS:
            yield f"{role.name} has a trust policy of {trusting} characters"


@rule(
    "s3-replication-role",
    "critical",
    requires="a replication role has exactly the actions of replication, on its source and its destination",
    source="Amazon S3 User Guide, Setting up permissions for live replication",
    fix="Allow what the guide lists, on the two buckets and their objects, and no more.",
)
def replication_role(planned: Planned) -> Iterator[str]:
    buckets = {one.urn: str(one.inputs.get("bucket")) for one in planned.of("s3/bucket:Bucket")}
    for config in planned.of("s3/bucketReplicationConfig:BucketReplicationConfig"):
        source = next((buckets[urn] for urn in config.references.get("bucket", ()) if urn in buckets), "")
        for one in config.inputs.get("rules", ()):
            destination = str(one.get("destination", {}).get("bucket", "")).rsplit(":", 1)[-1]
            wanted = {
                (action, arn)
                for part, arn in (
                    ("source", source),
                    ("source objects", f"{source}/*"),
                    ("destination objects", f"{destination}/*"),
                )
                for action in REPLICATION[part]
            }
            roles = planned.sources(config, "role", ROLE)
            has = {
                (action, arn.rsplit(":::", 1)[-1])
                for role in roles
                for found in planned.role_statements(role)
                if found.effect == "Allow"
                for action in found.actions
                for arn in found.resources
            }
            if not roles:
                yield f"{config.name} has no role of this stack"
            for action, arn in sorted(wanted - has):
                yield f"{config.name}: its role lacks {action} on {arn}"
            for action, arn in sorted(has - wanted):
                yield f"{config.name}: its role has {action} on {arn} too"


def _function_roles(planned: Planned) -> Iterator[tuple[str, PlannedResource]]:
    for function in planned.of(FUNCTION):
        for role in planned.sources(function, "role", ROLE):
            yield function.region, role


def _characters(of: PlannedResource, name: str) -> int:
    """AWS does not count white space."""
    return len(json.dumps(document(of, name), separators=(",", ":")))
