"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drlib.sandbox.provider.ec2 import arn, retag, tag_specification
from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Refused, Resource, tags_from
from drlib.sandbox.provider.values import Properties


def _revoke_all(call: Call, id: str) -> None:
    """Revoke every rule of a group, including AWS's default rules."""
    ec2 = call.client("ec2")
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [id]}])[
        "SecurityGroupRules"
    ]
    for is_egress, revoke in (
        (True, ec2.revoke_security_group_egress),
        (False, ec2.revoke_security_group_ingress),
    ):
        ids = [rule["SecurityGroupRuleId"] for rule in rules if bool(rule["IsEgress"]) == is_egress]
        if ids:
            revoke(GroupId=id, SecurityGroupRuleIds=ids)


class SecurityGroup(Resource):
    """`aws.ec2.SecurityGroup`, without inline rules: rules are resources of `aws.vpc`."""

    type = "aws:ec2/securityGroup:SecurityGroup"
    service = "ec2"
    tagged = True
    names = "name description vpcId"
    required: ClassVar[tuple[str, ...]] = ("name", "vpcId")
    replaces: ClassVar[tuple[str, ...]] = ("name", "description", "vpcId")
    no_effect = ("revokeRulesOnDelete",)
    write_only = no_effect
    name = "name"

    def create(self, call: Call, inputs: Properties) -> str:
        answer = call.client("ec2").create_security_group(
            GroupName=inputs["name"],
            Description=inputs.get("description") or "Managed by Pulumi",
            VpcId=inputs["vpcId"],
            **tag_specification("security-group", inputs),
        )
        return str(answer["GroupId"])

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        # As the official provider does: AWS's default rule allows all outgoing traffic.
        _revoke_all(call, id)

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        groups = call.client("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"]
        return self._reading(call, groups[0]) if groups else None

    @staticmethod
    def _reading(call: Call, group: Mapping[str, Any]) -> Reading:
        raw = {
            "name": group["GroupName"],
            "description": group["Description"],
            "vpcId": group.get("VpcId"),
            "tags": tags_from(group.get("Tags")),
        }
        computed = {
            "arn": arn(call, group["OwnerId"], "security-group", group["GroupId"]),
            "ownerId": group["OwnerId"],
            "name": group["GroupName"],
            "description": group["Description"],
            "ingress": [],
            "egress": [],
        }
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        if change.is_repair:
            self._repair(call, change)
        retag(call, change)

    def _repair(self, call: Call, change: Change) -> None:
        """Complete a partial creation: revoke the default rule."""
        ec2 = call.client("ec2")
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [change.id]}])
        ids = [
            rule["SecurityGroupRuleId"]
            for rule in rules["SecurityGroupRules"]
            if rule["IsEgress"] and rule["IpProtocol"] == "-1" and rule.get("CidrIpv4") == "0.0.0.0/0"
        ]
        if ids:
            ec2.revoke_security_group_egress(GroupId=change.id, SecurityGroupRuleIds=ids)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("ec2").delete_security_group(GroupId=id)


class DefaultSecurityGroup(SecurityGroup):
    """`aws.ec2.DefaultSecurityGroup`: empties the VPC's default group. Deletion does nothing."""

    type = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    names = "vpcId"
    required = ("vpcId",)
    replaces = ("vpcId",)
    defaults = {"ingress": [], "egress": []}
    name = ""

    def create(self, call: Call, inputs: Properties) -> str:
        groups = call.client("ec2").describe_security_groups(
            Filters=[
                {"Name": "vpc-id", "Values": [inputs["vpcId"]]},
                {"Name": "group-name", "Values": ["default"]},
            ]
        )["SecurityGroups"]
        if not groups:
            raise Refused(f"{inputs['vpcId']} has no default security group in {call.region}")
        return str(groups[0]["GroupId"])

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        _revoke_all(call, id)
        if inputs.get("tags"):
            retag(call, Change(id, {}, {}, inputs, frozenset(inputs)))

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        reading = super().read(call, id, state)
        if reading is None:
            return None
        rules = call.client("ec2").describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [id]}]
        )
        found = {
            side: [
                _rule_of_group(rule)
                for rule in rules["SecurityGroupRules"]
                if bool(rule["IsEgress"]) == egress
            ]
            for side, egress in (("ingress", False), ("egress", True))
        }
        raw = {key: value for key, value in reading.raw.items() if key in ("vpcId", "tags")}
        return Reading({**raw, **found}, {**reading.computed, **found})

    def update(self, call: Call, change: Change) -> None:
        _revoke_all(call, change.id)
        retag(call, change)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        """Do nothing: AWS deletes the group with its VPC."""


def _rule_of_group(rule: Mapping[str, Any]) -> Properties:
    """Convert a rule to the form of a group's `ingress` and `egress`."""
    return {
        "protocol": rule["IpProtocol"],
        "fromPort": rule.get("FromPort", 0),
        "toPort": rule.get("ToPort", 0),
        "cidrBlocks": [rule["CidrIpv4"]] if rule.get("CidrIpv4") else [],
    }


class Rule(Resource):
    """`aws.vpc.SecurityGroupIngressRule` and the base of the egress rule."""

    type = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    service = "ec2"
    tagged = True
    names = (
        "securityGroupId ipProtocol fromPort toPort cidrIpv4 cidrIpv6 description referencedSecurityGroupId "
        "prefixListId"
    )
    required = ("securityGroupId", "ipProtocol")
    replaces = ("securityGroupId",)
    egress = False

    def create(self, call: Call, inputs: Properties) -> Made:
        ec2 = call.client("ec2")
        authorize = (
            ec2.authorize_security_group_egress if self.egress else ec2.authorize_security_group_ingress
        )
        answer = authorize(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[_permission(inputs)],
            **tag_specification("security-group-rule", inputs),
        )
        rule = answer["SecurityGroupRules"][0]
        return Made(rule["SecurityGroupRuleId"], self._reading(call, rule))

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        rules = call.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[id])[
            "SecurityGroupRules"
        ]
        return self._reading(call, rules[0]) if rules else None

    @staticmethod
    def _reading(call: Call, rule: Mapping[str, Any]) -> Reading:
        raw = {
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "description": rule.get("Description", ""),
            "tags": tags_from(rule.get("Tags")),
        }
        if rule["IpProtocol"] != "-1":  # for all protocols AWS returns -1 for both ports
            raw.update(fromPort=rule.get("FromPort"), toPort=rule.get("ToPort"))
        id = rule["SecurityGroupRuleId"]
        its_arn = arn(call, rule.get("GroupOwnerId", ""), "security-group-rule", id)
        return Reading(raw, {"arn": its_arn, "securityGroupRuleId": id})

    def update(self, call: Call, change: Change) -> None:
        if change.changed - {"tags"}:
            call.client("ec2").modify_security_group_rules(
                GroupId=change.news["securityGroupId"],
                SecurityGroupRules=[
                    {"SecurityGroupRuleId": change.id, "SecurityGroupRule": _rule(self.desired(change))}
                ],
            )
        retag(call, change)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        ec2 = call.client("ec2")
        revoke = ec2.revoke_security_group_egress if self.egress else ec2.revoke_security_group_ingress
        revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[id])


class EgressRule(Rule):
    """`aws.vpc.SecurityGroupEgressRule`."""

    type = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    egress = True


def _ports(inputs: Mapping[str, Any]) -> Properties:
    ports = {"FromPort": inputs.get("fromPort"), "ToPort": inputs.get("toPort")}
    return {name: port for name, port in ports.items() if port is not None}


def _permission(inputs: Mapping[str, Any]) -> Properties:
    """Convert the inputs of a rule to EC2's `IpPermission`."""
    about = {"Description": inputs["description"]} if inputs.get("description") else {}
    permission: Properties = {"IpProtocol": str(inputs["ipProtocol"]), **_ports(inputs)}
    if inputs.get("cidrIpv4"):
        permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **about}]
    if inputs.get("cidrIpv6"):
        permission["Ipv6Ranges"] = [{"CidrIpv6": inputs["cidrIpv6"], **about}]
    if inputs.get("prefixListId"):
        permission["PrefixListIds"] = [{"PrefixListId": inputs["prefixListId"], **about}]
    if inputs.get("referencedSecurityGroupId"):
        permission["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **about}]
    return permission


def _rule(inputs: Mapping[str, Any]) -> Properties:
    """Convert the inputs of a rule to EC2's `SecurityGroupRuleRequest`."""
    rule: Properties = {"IpProtocol": str(inputs["ipProtocol"]), **_ports(inputs)}
    members = {
        "cidrIpv4": "CidrIpv4",
        "cidrIpv6": "CidrIpv6",
        "prefixListId": "PrefixListId",
        "referencedSecurityGroupId": "ReferencedGroupId",
        "description": "Description",
    }
    rule.update({member: inputs[name] for name, member in members.items() if inputs.get(name) is not None})
    return rule


TYPES = (SecurityGroup, DefaultSecurityGroup, Rule, EgressRule)
