"""Sabotages of the network: what lets a function in a private subnet reach a service."""

from __future__ import annotations

from collections.abc import Iterator

from tests.red.stage import Sabotages, Stage

CASES = Sabotages()
REACHED = "the-functions-reach-their-services-standby"
LATCHED = "the-latch-is-published-every-minute"
RINGS = "no-alarm-rings-standby"


@CASES.case(
    "the security groups of the standby block its functions from the interface endpoints",
    red=[REACHED],
    echo=[LATCHED, RINGS],
)
def no_way_out(stage: Stage) -> Iterator[None]:
    functions, ec2 = stage.client("lambda", "standby"), stage.client("ec2", "standby")
    name = stage.outputs("standby").functions["payments"]
    group = functions.get_function_configuration(FunctionName=name)["VpcConfig"]["SecurityGroupIds"][0]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    rule = next(row for row in rules["SecurityGroupRules"] if row.get("ReferencedGroupInfo"))
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    yield
    pair = {"GroupId": rule["ReferencedGroupInfo"]["GroupId"]}
    way = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [pair]}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[way])


@CASES.case(
    "private DNS is disabled on the standby's SNS endpoint",
    red=[REACHED],
)
def no_private_dns(stage: Stage) -> Iterator[None]:
    ec2, region = stage.client("ec2", "standby"), stage.region("standby")
    named = [{"Name": "service-name", "Values": [f"com.amazonaws.{region}.sns"]}]
    called = ec2.describe_vpc_endpoints(Filters=named)["VpcEndpoints"][0]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=called, PrivateDnsEnabled=False)
    yield
    ec2.modify_vpc_endpoint(VpcEndpointId=called, PrivateDnsEnabled=True)


@CASES.case(
    "the standby's route to its table is deleted",
    red=[REACHED, "the-api-reads-its-table-standby", "work-queue-drained-standby"],
    echo=[LATCHED, RINGS],
)
def no_route_to_the_table(stage: Stage) -> Iterator[None]:
    ec2, region = stage.client("ec2", "standby"), stage.region("standby")
    named = [{"Name": "service-name", "Values": [f"com.amazonaws.{region}.dynamodb"]}]
    endpoint = ec2.describe_vpc_endpoints(Filters=named)["VpcEndpoints"][0]
    called, tables = endpoint["VpcEndpointId"], endpoint["RouteTableIds"]
    ec2.modify_vpc_endpoint(VpcEndpointId=called, RemoveRouteTableIds=tables)
    yield
    ec2.modify_vpc_endpoint(VpcEndpointId=called, AddRouteTableIds=tables)
