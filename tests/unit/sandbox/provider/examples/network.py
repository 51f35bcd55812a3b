"""Networks and security groups."""

from __future__ import annotations

from typing import Any

from ..engine import PRIMARY, Engine, Inputs
from .base import Example, regional
from .parts import group, subnet, vpc


def _tag_ec2(client: Any, id: str, state: Inputs) -> None:
    client("ec2", PRIMARY).create_tags(Resources=[id], Tags=[{"Key": "added", "Value": "outside"}])


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
