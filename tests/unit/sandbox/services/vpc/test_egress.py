"""A function in a VPC calls AWS: a call with a path gets an answer, one without waits until the timeout."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.conftest import Client
from tests.unit.sandbox.outages import EAST, WEST

TIMEOUT_SECONDS = 6
CALLS = {"sqs": "list_queues", "dynamodb": "list_tables", "sts": "get_caller_identity"}
CALLER = """
import boto3
from botocore.config import Config
once = Config(retries={"total_max_attempts": 1})
def handler(event, context):
    if "Records" in event:
        event = {"service": "sqs", "call": "list_queues", "region": "us-east-2"}
    elif "rawPath" in event:
        event = {"service": "dynamodb", "call": "list_tables", "region": "us-east-2"}
    getattr(boto3.client(event["service"], region_name=event["region"], config=once), event["call"])()
    return {"statusCode": 200, "body": "answered"}
"""
_numbers = itertools.count()


class Vpc:
    """A VPC with two private subnets and a function in it, whose role allows all calls."""

    def __init__(self, aws: Callable[..., Any], make_function: Callable[..., str]) -> None:
        self.aws = aws
        self.ec2 = aws("ec2", EAST)
        self.name = f"caller-{next(_numbers)}"
        self.id = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.id, EnableDnsHostnames={"Value": True})
        self.subnets = [
            self.ec2.create_subnet(VpcId=self.id, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"]
            for number in (1, 2)
        ]
        self.table = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        for subnet in self.subnets:
            self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=subnet)
        self.group, self.endpoints = (self._group(f"{self.name}-{role}") for role in ("in", "end"))
        self.function = make_function(self.name, EAST, CALLER)
        self.permit(self.name)
        aws("lambda", EAST).update_function_configuration(
            FunctionName=self.name,
            Timeout=TIMEOUT_SECONDS,
            VpcConfig={"SubnetIds": self.subnets, "SecurityGroupIds": [self.group]},
        )

    def permit(self, function: str) -> None:
        """Allow a function the calls of the tests, and to join a VPC."""
        allow = {"Effect": "Allow", "Action": ["sqs:*", "dynamodb:*", "sts:*", "ec2:*"], "Resource": "*"}
        self.aws("iam").put_role_policy(
            RoleName=f"{function}-{EAST}",
            PolicyName="all",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )

    def _group(self, name: str) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description="x", VpcId=self.id)["GroupId"])

    def interface(self, service: str, **members: Any) -> str:
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.id,
            ServiceName=f"com.amazonaws.{EAST}.{service}",
            VpcEndpointType="Interface",
            SubnetIds=self.subnets,
            SecurityGroupIds=[self.endpoints],
            **{"PrivateDnsEnabled": True, **members},
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def gateway(self, service: str, **members: Any) -> str:
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.id,
            ServiceName=f"com.amazonaws.{EAST}.{service}",
            RouteTableIds=[self.table],
            **members,
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def rule(self) -> dict[str, Any]:
        from_function = [{"GroupId": self.group}]
        return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": from_function}

    def let_in(self) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=self.endpoints, IpPermissions=[self.rule()])

    def shut(self) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=self.endpoints, IpPermissions=[self.rule()])

    def call(self, service: str, region: str = EAST) -> str:
        """Invoke the function; return its answer or its error."""
        event = {"service": service, "region": region, "call": CALLS[service]}
        answer = self.aws("lambda", EAST, read_timeout=60).invoke(
            FunctionName=self.function, Payload=json.dumps(event)
        )
        payload = json.load(answer["Payload"])
        return str(payload["errorMessage"] if "FunctionError" in answer else payload["body"])


HUNG = f"Task timed out after {TIMEOUT_SECONDS:.2f} seconds"


@pytest.fixture
def vpc(sandbox: Status, aws: Callable[..., Any], make_function: Callable[..., str]) -> Vpc:
    return Vpc(aws, make_function)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="in a VPC, a call that has no endpoint and no route hangs until the function times out",
    level="approximated",
    source="Lambda Developer Guide, Enable internet access for VPC-connected Lambda functions",
    note="the connection opens and never gets an answer; the SDK's own time limits are in wall time",
)
def test_a_call_without_a_way_hangs_until_the_function_times_out(sandbox: Status, vpc: Vpc) -> None:
    before = sandbox.clock.now()
    assert vpc.call("dynamodb") == HUNG
    assert sandbox.clock.now() - before >= TIMEOUT_SECONDS


@pytest.mark.fidelity(
    service="VPC",
    behaviour=(
        "an interface endpoint needs private DNS and security groups that allow the traffic on both sides"
    ),
    level="documented",
    source="AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint",
)
def test_an_interface_endpoint_needs_the_security_groups(vpc: Vpc) -> None:
    vpc.interface("sqs")
    assert vpc.call("sqs") == HUNG
    vpc.let_in()
    assert vpc.call("sqs") == "answered"
    vpc.shut()
    assert vpc.call("sqs") == HUNG


@pytest.mark.fidelity(
    service="VPC",
    behaviour="a gateway endpoint serves only subnets whose route table is associated with it",
    level="documented",
    source="AWS PrivateLink Guide, Gateway endpoints",
)
def test_a_gateway_endpoint_needs_its_route_table(vpc: Vpc) -> None:
    gateway = vpc.gateway("dynamodb")
    assert vpc.call("dynamodb") == "answered"
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=gateway, RemoveRouteTableIds=[vpc.table])
    assert vpc.call("dynamodb") == HUNG


@pytest.mark.fidelity(
    service="VPC",
    behaviour="an endpoint serves the services of its own region; other regions need a route to the internet",
    level="documented",
    source="AWS PrivateLink Guide, AWS services that integrate with AWS PrivateLink (cross-region support)",
)
def test_another_regions_api_cannot_be_reached(vpc: Vpc) -> None:
    vpc.interface("sqs")
    vpc.let_in()
    assert vpc.call("sqs") == "answered"
    assert vpc.call("sqs", WEST) == HUNG


@pytest.mark.fidelity(
    service="VPC",
    behaviour="a call through an endpoint must be allowed by the endpoint's policy",
    level="approximated",
    source="AWS PrivateLink Guide, Control access to VPC endpoints using endpoint policies",
    note="policies are evaluated as far as the emulator supports them",
)
def test_an_endpoint_holds_calls_to_its_policy(vpc: Vpc) -> None:
    def policy(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    anybody = {"Effect": "Allow", "Principal": "*", "Resource": "*"}
    own = {"Condition": {"StringEquals": {"aws:PrincipalAccount": "000000000000"}}}
    other = {"Condition": {"StringEquals": {"aws:PrincipalAccount": "999999999999"}}}
    gateway = vpc.gateway("dynamodb", PolicyDocument=policy({**anybody, "Action": "dynamodb:*", **own}))
    assert vpc.call("dynamodb") == "answered"
    said = "because no VPC endpoint policy allows the dynamodb:ListTables action"
    for shut in ({**anybody, "Action": "dynamodb:GetItem"}, {**anybody, "Action": "*", **other}):
        vpc.ec2.modify_vpc_endpoint(VpcEndpointId=gateway, PolicyDocument=policy(shut))
        answer = vpc.call("dynamodb")
        assert "AccessDenied" in answer
        assert said in answer
    denied = policy({**anybody, "Action": "*"}, {**anybody, "Effect": "Deny", "Action": "dynamodb:List*"})
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=gateway, PolicyDocument=denied)
    assert "with an explicit deny in a VPC endpoint policy" in vpc.call("dynamodb")


def test_sts_needs_an_endpoint_too(vpc: Vpc) -> None:
    vpc.let_in()
    assert vpc.call("sts") == HUNG
    vpc.interface("sts")
    assert vpc.call("sts") == "answered"


def test_a_function_that_leaves_its_vpc_reaches_everything(vpc: Vpc) -> None:
    assert vpc.call("sqs", WEST) == HUNG
    vpc.aws("lambda", EAST).update_function_configuration(
        FunctionName=vpc.name, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []}
    )
    assert vpc.call("sqs", WEST) == "answered"


@pytest.mark.fidelity(
    service="API Gateway",
    behaviour="if the function of an HTTP API times out, the client gets 500",
    level="approximated",
    source="AWS re:Post Knowledge Center, Troubleshoot API Gateway endpoints that integrate with Lambda",
    note="AWS documents 500 for unhandled errors, including time-outs, but does not name HTTP APIs",
)
def test_an_apis_client_gets_500_and_no_detail(
    sandbox: Status, vpc: Vpc, make_api: Callable[..., str]
) -> None:
    api_id = make_api(f"{vpc.name}-api", EAST, source=CALLER)
    vpc.permit(f"{vpc.name}-api")
    vpc.aws("lambda", EAST).update_function_configuration(
        FunctionName=f"{vpc.name}-api",
        Timeout=TIMEOUT_SECONDS,
        VpcConfig={"SubnetIds": vpc.subnets, "SecurityGroupIds": [vpc.group]},
    )
    with Client(sandbox, EAST, f"{api_id}.execute-api.{EAST}.amazonaws.com", timeout=60) as client:
        answer = client.request("/echo")
    assert (answer.status, answer.json()) == (500, {"message": "Internal Server Error"})


@pytest.fixture
def mapped(vpc: Vpc) -> Iterator[str]:
    """A queue that the function reads, by its URL; the mapping ends with the test."""
    sqs, functions = vpc.aws("sqs", EAST), vpc.aws("lambda", EAST)
    url = sqs.create_queue(QueueName=vpc.name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    mapping = functions.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:{EAST}:000000000000:{vpc.name}", FunctionName=vpc.name, BatchSize=1
    )
    yield str(url)
    functions.delete_event_source_mapping(UUID=mapping["UUID"])


def left(vpc: Vpc, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = vpc.aws("sqs", EAST).get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(count) for count in found.values())


def test_a_mapping_polls_outside_the_vpc_and_a_message_of_a_hung_function_comes_again(
    sandbox: Status, control: Callable[..., tuple[int, Any]], vpc: Vpc, mapped: str
) -> None:
    mark = max((event["seq"] for event in control("GET", "events")[1]["events"]), default=0)

    def hung() -> int:
        events = control("GET", f"events?since={mark}")[1]["events"]
        mine = [event["detail"] for event in events if event["kind"] == "unreachable"]
        return sum(detail["function"] == vpc.name and detail["service"] == "sqs" for detail in mine)

    vpc.aws("sqs", EAST).send_message(QueueUrl=mapped, MessageBody="a")
    assert sandbox.clock.wait_until(lambda: hung() >= 2, timeout=120)
    vpc.interface("sqs")
    vpc.let_in()
    assert sandbox.clock.wait_until(lambda: left(vpc, mapped) == 0, timeout=120)


def test_a_way_out_by_prefix_list_is_kept_and_told(vpc: Vpc) -> None:
    vpc.gateway("dynamodb")
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    vpc.ec2.revoke_security_group_egress(GroupId=vpc.group, IpPermissions=[anywhere])
    assert vpc.call("dynamodb") == HUNG
    named = [{"Name": "prefix-list-name", "Values": [f"com.amazonaws.{EAST}.dynamodb"]}]
    list_id = vpc.ec2.describe_prefix_lists(Filters=named)["PrefixLists"][0]["PrefixListId"]
    lists = [{"PrefixListId": list_id, "Description": "the table"}]
    to_table = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": lists}
    made = vpc.ec2.authorize_security_group_egress(GroupId=vpc.group, IpPermissions=[to_table])
    assert vpc.call("dynamodb") == "answered"
    (rule,) = vpc.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [vpc.group]}])[
        "SecurityGroupRules"
    ]
    assert (rule["PrefixListId"], rule["Description"]) == (list_id, "the table")
    assert rule["SecurityGroupRuleId"] == made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    vpc.ec2.revoke_security_group_egress(GroupId=vpc.group, IpPermissions=[to_table])
    assert vpc.call("dynamodb") == HUNG


def test_endpoints_are_found_by_filters(vpc: Vpc) -> None:
    queues, table = vpc.interface("sqs"), vpc.gateway("dynamodb")

    def found(**filters: str) -> set[str]:
        asked = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        answer = vpc.ec2.describe_vpc_endpoints(Filters=asked)
        return {endpoint["VpcEndpointId"] for endpoint in answer["VpcEndpoints"]}

    assert found(vpc_id=vpc.id) == {queues, table}
    assert found(vpc_id=vpc.id, service_name=f"com.amazonaws.{EAST}.sqs") == {queues}
    assert found(vpc_id=vpc.id, vpc_endpoint_type="Gateway") == {table}
    assert found(vpc_id="vpc-0") == set()


def test_endpoints_say_what_they_were_given(vpc: Vpc) -> None:
    endpoint = vpc.interface("sqs", PolicyDocument='{"Statement": [{"Effect": "Allow & more"}]}')

    def described() -> dict[str, Any]:
        (found,) = vpc.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
        return dict(found)

    assert described()["PrivateDnsEnabled"] is True
    assert [one["GroupId"] for one in described()["Groups"]] == [vpc.endpoints]
    assert described()["PolicyDocument"] == '{"Statement": [{"Effect": "Allow & more"}]}'
    vpc.ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint,
        AddSecurityGroupIds=[vpc.group],
        RemoveSecurityGroupIds=[vpc.endpoints],
        PrivateDnsEnabled=False,
        ResetPolicy=True,
    )
    assert described()["PrivateDnsEnabled"] is False
    assert [one["GroupId"] for one in described()["Groups"]] == [vpc.group]
    assert '"Principal": "*"' in described()["PolicyDocument"]


@pytest.mark.fidelity(
    service="VPC",
    behaviour=(
        "private DNS is refused if the VPC lacks DNS support or hostnames, or another endpoint has the name"
    ),
    level="documented",
    source="AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint (Prerequisites)",
)
def test_private_dns_is_refused_where_it_cannot_work(vpc: Vpc) -> None:
    vpc.interface("sqs")
    with pytest.raises(ClientError, match="already a conflicting DNS domain for sqs.us-east-2.amazonaws.com"):
        vpc.interface("sqs")
    second = vpc.interface("sqs", PrivateDnsEnabled=False)
    vpc.ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsHostnames={"Value": False})
    needs = "requires both enableDnsSupport and enableDnsHostnames"
    with pytest.raises(ClientError, match=needs) as caught:
        vpc.interface("sns")
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"
    with pytest.raises(ClientError, match=needs):
        vpc.ec2.modify_vpc_endpoint(VpcEndpointId=second, PrivateDnsEnabled=True)
