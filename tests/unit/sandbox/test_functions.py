"""Lambda refuses functions and mappings as AWS does, in its words."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox import Status

from .outages import EAST, WEST

ACCOUNT = "000000000000"
READING = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
COUNT = """
def handler(event, context):
    print(len(event["Records"]))
"""
_numbers = itertools.count()


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: list[str], resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def trust(service: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return document(statement | ({"Condition": condition} if condition else {}))


@contextmanager
def refused(code: str, *said: str) -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert all(part in error["Message"] for part in said), error["Message"]


class Maker:
    """Makes roles, functions and queues of one test, each with a name of its own."""

    def __init__(self, aws: Callable[..., Any], make_function: Callable[..., str]) -> None:
        self.aws = aws
        self.name = f"refused-{next(_numbers)}"
        self._make_function = make_function

    def role(self, trusted: str = "", policy: str = "") -> str:
        iam = self.aws("iam")
        name = f"{self.name}-{next(_numbers)}"
        made = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trusted or trust("lambda.amazonaws.com")
        )
        if policy:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        return str(made["Role"]["Arn"])

    def create(self, role: str, client: Any = None, **members: Any) -> Any:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("main.py", COUNT)
        return (client or self.aws("lambda", EAST)).create_function(
            FunctionName=f"{self.name}-{next(_numbers)}",
            Runtime="python3.13",
            Role=role,
            Handler="main.handler",
            Code={"ZipFile": archive.getvalue()},
            **members,
        )

    def reader(self, actions: list[str] | None = None, *, timeout: int = 30) -> str:
        """Make a function that may read the queues named like it, and return its name."""
        name = f"{self.name}-{next(_numbers)}"
        self._make_function(name, EAST, COUNT)
        self.let(name, READING if actions is None else actions)
        self.aws("lambda", EAST).update_function_configuration(FunctionName=name, Timeout=timeout)
        return name

    def let(self, function: str, actions: list[str]) -> None:
        """Let a function of `reader` do these actions on SQS, and nothing else."""
        self.aws("iam").put_role_policy(
            RoleName=f"{function}-{EAST}",
            PolicyName="read",
            PolicyDocument=document(allow(actions or ["sqs:ListQueues"])),
        )

    def queue(self, region: str = EAST, **attributes: str) -> tuple[str, str]:
        """Return the URL and the ARN of a new queue."""
        name = f"{self.name}-{next(_numbers)}"
        url = self.aws("sqs", region).create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"

    def map(self, function: str, queue_arn: str, **members: Any) -> str:
        made = self.aws("lambda", EAST).create_event_source_mapping(
            FunctionName=function, EventSourceArn=queue_arn, **members
        )
        return str(made["UUID"])

    def left(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = self.aws("sqs", EAST)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in found.values())


@pytest.fixture
def maker(sandbox: Status, aws: Callable[..., Any], make_function: Callable[..., str]) -> Maker:
    return Maker(aws, make_function)


INVALID = "InvalidParameterValueException"


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="environment variables that Lambda sets itself are refused",
    level="documented",
    source="Lambda Developer Guide, Working with Lambda environment variables (reserved variables)",
)
def test_reserved_variables(maker: Maker) -> None:
    role = maker.role()
    said = "Reserved keys used in this request: AWS_REGION, AWS_SESSION_TOKEN"
    with refused(INVALID, "contains reserved keys that are currently not supported for modification", said):
        maker.create(role, Environment={"Variables": {"AWS_SESSION_TOKEN": "x", "AWS_REGION": EAST}})
    name = maker.create(role)["FunctionName"]
    with refused(INVALID, "AWS_LAMBDA_FUNCTION_NAME"):
        maker.aws("lambda", EAST).update_function_configuration(
            FunctionName=name, Environment={"Variables": {"AWS_LAMBDA_FUNCTION_NAME": "x"}}
        )


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="environment variables of more than 4 KB are refused",
    level="documented",
    source="Lambda Developer Guide, Lambda quotas",
)
def test_a_large_environment(maker: Maker) -> None:
    role = maker.role()
    with refused(INVALID, "exceeded the 4KB limit. String measured: "):
        maker.create(role, Environment={"Variables": {"A": "x" * 4089}})
    maker.create(role, Environment={"Variables": {"A": "x" * 4088}})


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a role whose trust policy does not let Lambda assume it is refused",
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
    with refused(INVALID, "The role defined for the function cannot be assumed by Lambda."):
        maker.create(maker.role(trusted))
    name = maker.create(maker.role())["FunctionName"]
    with refused(INVALID, "cannot be assumed by Lambda"):
        maker.aws("lambda", EAST).update_function_configuration(FunctionName=name, Role=maker.role(trusted))


def test_a_trust_policy_with_the_account_in_it_is_enough(maker: Maker) -> None:
    own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert maker.create(maker.role(trust("lambda.amazonaws.com", **own)))["State"] == "Pending"


@pytest.mark.fidelity(
    service="IAM",
    behaviour="who hands a role to Lambda needs iam:PassRole on it",
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
    with refused(
        "AccessDeniedException", f"user/{maker.name} is not authorized to perform: iam:PassRole", role
    ):
        maker.create(role, mine)
    to_ec2 = {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
    permit(allow(["lambda:*"]), allow(["iam:PassRole"], role) | to_ec2)
    with refused("AccessDeniedException", "iam:PassRole"):
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
    behaviour="a function is put into a VPC only if its role may manage network interfaces",
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
    with refused(INVALID, said):
        maker.create(role, VpcConfig=vpc_config)
    name = maker.create(role)["FunctionName"]
    with refused(INVALID, said):
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
    behaviour="subnets and security groups that do not exist are refused",
    level="documented",
    source="Lambda API Reference, CreateFunction (InvalidParameterValueException)",
)
def test_a_network_that_does_not_exist(maker: Maker, vpc_config: dict[str, Any]) -> None:
    role = maker.role(policy=document(allow(INTERFACES)))
    with refused(INVALID, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0' does not exist"):
        maker.create(role, VpcConfig={**vpc_config, "SubnetIds": ["subnet-0"]})
    with refused(INVALID, "InvalidGroup.NotFound", "The security group 'sg-0' does not exist"):
        maker.create(role, VpcConfig={**vpc_config, "SecurityGroupIds": ["sg-0"]})


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a queue whose visibility timeout is below its function's timeout is refused as a source",
    level="documented",
    source="Lambda Developer Guide, Creating and configuring an Amazon SQS event source mapping",
)
def test_a_queue_that_shows_its_messages_too_early(maker: Maker) -> None:
    function, (url, arn) = maker.reader(timeout=31), maker.queue()
    said = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
    with refused(INVALID, said):
        maker.map(function, arn)
    maker.aws("sqs", EAST).set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "31"})
    mapping = maker.map(function, arn)
    maker.aws("sqs", EAST).set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    with refused(INVALID, said):
        maker.aws("lambda", EAST).update_event_source_mapping(UUID=mapping, BatchSize=1)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a mapping is refused if the function's role may not receive, delete and look up the queue",
    level="documented",
    source="Lambda Developer Guide, Configuring execution role permissions (Using Lambda with Amazon SQS)",
)
@pytest.mark.parametrize("lacking", READING)
def test_a_role_that_may_not_read_the_queue(maker: Maker, lacking: str) -> None:
    function = maker.reader([action for action in READING if action != lacking])
    _, arn = maker.queue()
    said = f"The function execution role does not have permissions to call {lacking[4:]} on SQS"
    with refused(INVALID, said):
        maker.map(function, arn)
    maker.let(function, READING)
    maker.map(function, arn)


def test_a_queue_may_let_a_role_read_by_its_own_policy(maker: Maker) -> None:
    function, (url, arn) = maker.reader([]), maker.queue()
    role = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{function}-{EAST}"}
    policy = document(allow(READING, arn) | {"Principal": role})
    maker.aws("sqs", EAST).set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    maker.map(function, arn)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a mapping of a queue that does not exist is refused",
    level="documented",
    source="Lambda API Reference, CreateEventSourceMapping (InvalidParameterValueException)",
)
def test_a_queue_that_does_not_exist(maker: Maker) -> None:
    with refused(INVALID, "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue"):
        maker.map(maker.reader(), f"arn:aws:sqs:{EAST}:{ACCOUNT}:nowhere")


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a queue of another region cannot be a function's event source",
    level="approximated",
    source="Lambda Developer Guide, Using Lambda with Amazon SQS",
    note="the error code is Lambda's; AWS documents no text for it",
)
def test_a_queue_of_another_region(maker: Maker) -> None:
    with refused(INVALID):
        maker.map(maker.reader(), maker.queue(WEST)[1])


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a second mapping of the same function and queue is refused",
    level="documented",
    source="Lambda API Reference, CreateEventSourceMapping (ResourceConflictException)",
)
def test_a_second_mapping(maker: Maker) -> None:
    function, (_, arn) = maker.reader(), maker.queue()
    mapping = maker.map(function, arn)
    said = f'An event source mapping with SQS arn (" {arn} ") and function (" {function} ") already exists.'
    with refused("ResourceConflictException", said, mapping):
        maker.map(function, arn)
    maker.map(maker.reader(), arn)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a mapping whose role may no longer read the queue consumes nothing",
    level="approximated",
    source="Lambda Developer Guide, Configuring execution role permissions (Using Lambda with Amazon SQS)",
    note="AWS documents no text for what the mapping then says of itself: it stays as it was",
)
def test_a_right_to_read_that_is_taken_away(sandbox: Status, maker: Maker) -> None:
    function, (url, arn) = maker.reader(), maker.queue()
    maker.map(function, arn)
    sqs = maker.aws("sqs", EAST)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert sandbox.clock.wait_until(lambda: maker.left(url) == 0, timeout=60)
    maker.let(function, [])
    sandbox.clock.sleep(10)
    sqs.send_message(QueueUrl=url, MessageBody="b")
    sandbox.clock.sleep(40)
    (message,) = sqs.receive_message(
        QueueUrl=url, VisibilityTimeout=0, AttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    maker.let(function, READING)
    assert sandbox.clock.wait_until(lambda: maker.left(url) == 0, timeout=60)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a mapping whose role may not delete from the queue processes a message again and again",
    level="documented",
    source="Lambda Developer Guide, Configuring execution role permissions (Using Lambda with Amazon SQS)",
)
def test_a_right_to_delete_that_is_taken_away(sandbox: Status, maker: Maker) -> None:
    function, (url, arn) = maker.reader(), maker.queue()
    maker.map(function, arn)
    maker.let(function, [READING[0], READING[2]])
    sandbox.clock.sleep(10)
    dead, dead_arn = maker.queue()
    maker.aws("sqs", EAST).set_queue_attributes(
        QueueUrl=url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})},
    )
    maker.aws("sqs", EAST).send_message(QueueUrl=url, MessageBody="a")
    assert sandbox.clock.wait_until(lambda: maker.left(dead) == 1, timeout=300)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a function with reserved concurrency 0 does not run, and its mappings consume nothing",
    level="documented",
    source="Lambda Developer Guide, Configuring reserved concurrency for a function",
)
def test_a_function_without_concurrency(sandbox: Status, maker: Maker) -> None:
    function, (url, arn) = maker.reader(), maker.queue()
    functions = maker.aws("lambda", EAST)
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    maker.map(function, arn)
    maker.aws("sqs", EAST).send_message(QueueUrl=url, MessageBody="a")
    with refused("TooManyRequestsException"):
        functions.invoke(FunctionName=function)
    sandbox.clock.sleep(40)
    assert maker.left(url) == 1
    functions.delete_function_concurrency(FunctionName=function)
    assert sandbox.clock.wait_until(lambda: maker.left(url) == 0, timeout=60)
