"""Functions that Lambda refuses. Each check returns Lambda's message, or None.

Each refusal is an InvalidParameterValueException of CreateFunction and UpdateFunctionConfiguration. Lambda
Developer Guide: "Working with Lambda environment variables", "Defining Lambda function permissions with an
execution role", "Giving Lambda functions access to resources in an Amazon VPC".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

RESERVED = frozenset(
    (
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
    )
)  # fmt: skip
"""Environment variables that Lambda sets."""

ENVIRONMENT_BYTES = 4096
CANNOT_CONFIGURE = (
    "Lambda was unable to configure your environment variables because the environment variables"
)
NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


def environment(variables: Mapping[str, str]) -> str | None:
    """Check the environment variables of a function."""
    reserved = sorted(RESERVED & variables.keys())
    if reserved:
        return (
            f"{CANNOT_CONFIGURE} you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > ENVIRONMENT_BYTES:
        return f"{CANNOT_CONFIGURE} you have provided exceeded the 4KB limit. String measured: {measured}"
    return None


def vpc(
    subnet_ids: Iterable[str],
    group_ids: Iterable[str],
    *,
    subnets: Iterable[str],
    groups: Iterable[str],
) -> str | None:
    """Check that a function's subnets and security groups are among the existing ones."""
    for subnet_id in subnet_ids:
        if subnet_id not in subnets:
            return (
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. "
                f"EC2 Error Message: The subnet ID '{subnet_id}' does not exist"
            )
    for group_id in group_ids:
        if group_id not in groups:
            return (
                "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. "
                f"EC2 Error Message: The security group '{group_id}' does not exist"
            )
    return None


def missing_vpc_permission(
    allowed: Callable[[str, str], bool],
    *,
    arn: Callable[[str], str],
    subnet_ids: Iterable[str],
    group_ids: Iterable[str],
) -> str | None:
    """Check the permissions that a role needs for a function in a VPC, as Lambda does.

    Args:
        allowed: returns whether the role allows an action on a resource.
        arn: returns the EC2 ARN of a resource.
        subnet_ids: the function's subnets.
        group_ids: its security groups.
    """
    subnets = [f"subnet/{one}" for one in subnet_ids]
    groups = [f"security-group/{one}" for one in group_ids]
    needed = {
        "CreateNetworkInterface": [arn(one) for one in ("network-interface/*", *subnets, *groups)],
        "DescribeNetworkInterfaces": ["*"],
        # Lambda checks it for any resource: a role that is limited to network interfaces fails.
        "DeleteNetworkInterface": [arn("*/*")],
    }
    for action, resources in needed.items():
        if not all(allowed(f"ec2:{action}", resource) for resource in resources):
            return f"The provided execution role does not have permissions to call {action} on EC2"
    return None
