"""Functions that Lambda refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.makers import ACCOUNT, Maker, allow, document, trust
from tests.unit.sandbox.outages import EAST
from tests.unit.sandbox.refused import refusing

INVALID = "InvalidParameterValueException"


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="environment variables that are reserved for Lambda are refused",
    level="documented",
    source="Lambda Developer Guide, Working with Lambda environment variables (reserved variables)",
)
def test_reserved_variables(maker: Maker) -> None:
    role = maker.role()
    said = "Reserved keys used in this request: AWS_REGION, AWS_SESSION_TOKEN"
    with refusing(INVALID, "contains reserved keys that are currently not supported for modification", said):
        maker.create(role, Environment={"Variables": {"AWS_SESSION_TOKEN": "x", "AWS_REGION": EAST}})
    name = maker.create(role)["FunctionName"]
    with refusing(INVALID, "AWS_LAMBDA_FUNCTION_NAME"):
        maker.aws("lambda", EAST).update_function_configuration(
            FunctionName=name, Environment={"Variables": {"AWS_LAMBDA_FUNCTION_NAME": "x"}}
        )


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="more than 4 KB of environment variables is refused",
    level="documented",
    source="Lambda Developer Guide, Lambda quotas",
)
def test_a_large_environment(maker: Maker) -> None:
    role = maker.role()
    with refusing(INVALID, "exceeded the 4KB limit. String measured: "):
        maker.create(role, Environment={"Variables": {"A": "x" * 4089}})
    maker.create(role, Environment={"Variables": {"A": "x" * 4088}})


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a role is refused if its trust policy does not let Lambda assume it",
    level="documented",
    source="Lambda Developer Guide, Defining Lambda function permissions with an execution role",
)
@pytest.mark.parametrize(
    "trusted",
    [
        trust("ec2.amazonaws.com"),
        trust("lambda.amazonaws.com", StringEquals={"aws:SourceAccount": "999999999999"}),
        document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}),
        document(
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:TagSession"}
        ),
    ],
)
def test_a_role_that_lambda_cannot_assume(maker: Maker, trusted: str) -> None:
    with refusing(INVALID, "The role defined for the function cannot be assumed by Lambda."):
        maker.create(maker.role(trusted))
    name = maker.create(maker.role())["FunctionName"]
    with refusing(INVALID, "cannot be assumed by Lambda"):
        maker.aws("lambda", EAST).update_function_configuration(FunctionName=name, Role=maker.role(trusted))


def test_a_trust_policy_with_the_account_in_it_is_enough(maker: Maker) -> None:
    own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert maker.create(maker.role(trust("lambda.amazonaws.com", **own)))["State"] == "Pending"


@pytest.mark.fidelity(
    service="IAM",
    behaviour="to give a role to Lambda, the caller needs iam:PassRole on that role",
    level="documented",
    source="IAM User Guide, Grant a user permissions to pass a role to an AWS service",
)
def test_a_role_that_the_caller_may_not_pass(maker: Maker, aws: Callable[..., Any]) -> None:
    iam, role = aws("iam"), maker.role()
    iam.create_user(UserName=maker.name)
    key = iam.create_access_key(UserName=maker.name)["AccessKey"]
    mine = aws("lambda", EAST, key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def permit(*statements: dict[str, Any]) -> None:
        iam.put_user_policy(UserName=maker.name, PolicyName="p", PolicyDocument=document(*statements))

    permit(allow(["lambda:*"]))
    with refusing(
        "AccessDeniedException", f"user/{maker.name} is not authorized to perform: iam:PassRole", role
    ):
        maker.create(role, mine)
    to_ec2 = {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
    permit(allow(["lambda:*"]), allow(["iam:PassRole"], role) | to_ec2)
    with refusing("AccessDeniedException", "iam:PassRole"):
        maker.create(role, mine)
    permit(allow(["lambda:*"]), allow(["iam:PassRole"], role))
    maker.create(role, mine)


@pytest.fixture(scope="module")
def vpc_config(aws: Callable[..., Any]) -> dict[str, Any]:
    ec2 = aws("ec2", EAST)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="refusing", Description="x", VpcId=vpc)["GroupId"]
    return {"SubnetIds": [subnet], "SecurityGroupIds": [group]}


INTERFACES = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"]
EC2 = f"arn:aws:ec2:{EAST}:{ACCOUNT}"


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a function can join a VPC only if its role can manage network interfaces",
    level="documented",
    source="Lambda Developer Guide, Giving Lambda functions access to resources in an Amazon VPC",
)
@pytest.mark.parametrize(
    ("statements", "lacks"),
    [
        ([allow(["s3:*"])], "CreateNetworkInterface"),
        (
            [allow(INTERFACES[:1], f"{EC2}:network-interface/*"), allow(INTERFACES[1:])],
            "CreateNetworkInterface",
        ),
        ([allow(INTERFACES[:1]), allow(INTERFACES[2:])], "DescribeNetworkInterfaces"),
        (
            [allow(INTERFACES[:2]), allow(INTERFACES[2:], f"{EC2}:network-interface/*")],
            "DeleteNetworkInterface",
        ),
    ],
)
def test_a_role_that_may_not_manage_interfaces(
    maker: Maker, vpc_config: dict[str, Any], statements: list[Any], lacks: str
) -> None:
    role = maker.role(policy=document(*statements))
    said = f"The provided execution role does not have permissions to call {lacks} on EC2"
    with refusing(INVALID, said):
        maker.create(role, VpcConfig=vpc_config)
    name = maker.create(role)["FunctionName"]
    with refusing(INVALID, said):
        maker.aws("lambda", EAST).update_function_configuration(FunctionName=name, VpcConfig=vpc_config)


def test_a_role_that_may_manage_interfaces(maker: Maker, vpc_config: dict[str, Any]) -> None:
    assert maker.create(maker.role(policy=document(allow(INTERFACES))), VpcConfig=vpc_config)["VpcConfig"][
        "VpcId"
    ]
    places = [f"{EC2}:network-interface/*", f"{EC2}:subnet/*", f"{EC2}:security-group/*"]
    scoped = document(
        allow(INTERFACES[:1], places), allow(INTERFACES[1:2]), allow(INTERFACES[2:], f"{EC2}:*/*")
    )
    assert maker.create(maker.role(policy=scoped), VpcConfig=vpc_config)["VpcConfig"]["VpcId"]


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a subnet or security group that does not exist is refused",
    level="documented",
    source="Lambda API Reference, CreateFunction (InvalidParameterValueException)",
)
def test_a_network_that_does_not_exist(maker: Maker, vpc_config: dict[str, Any]) -> None:
    role = maker.role(policy=document(allow(INTERFACES)))
    with refusing(INVALID, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0' does not exist"):
        maker.create(role, VpcConfig={**vpc_config, "SubnetIds": ["subnet-0"]})
    with refusing(INVALID, "InvalidGroup.NotFound", "The security group 'sg-0' does not exist"):
        maker.create(role, VpcConfig={**vpc_config, "SecurityGroupIds": ["sg-0"]})


@pytest.mark.fidelity(
    service="Lambda",
    behaviour=(
        "a function with reserved concurrency 0 does not run, and its event source mappings read nothing"
    ),
    level="documented",
    source="Lambda Developer Guide, Configuring reserved concurrency for a function",
)
def test_a_function_without_concurrency(sandbox: Status, maker: Maker) -> None:
    function, (url, arn) = maker.reader(), maker.queue()
    functions = maker.aws("lambda", EAST)
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    maker.map(function, arn)
    maker.aws("sqs", EAST).send_message(QueueUrl=url, MessageBody="a")
    with refusing("TooManyRequestsException"):
        functions.invoke(FunctionName=function)
    sandbox.clock.sleep(40)
    assert maker.left(url) == 1
    functions.delete_function_concurrency(FunctionName=function)
    assert sandbox.clock.wait_until(lambda: maker.left(url) == 0, timeout=60)
