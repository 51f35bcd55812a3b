"""VPC endpoints with their security groups, private DNS and policy.

The emulator accepts these members and does not store them. Here they are stored, returned by
DescribeVpcEndpoints, and checked as in EC2 (`drlib.sandbox.services.vpc.refusals`). DescribeVpcEndpoints also
applies its filters, which the emulator ignores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.vpc import refusals

Answer = tuple[int, dict[str, str], bytes]
FULL_ACCESS = json.dumps(
    {
        "Version": "2008-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
)
"""The default policy of an endpoint."""

FILTERS = {
    "service-name": "ServiceName",
    "vpc-endpoint-id": "VpcEndpointId",
    "vpc-endpoint-state": "State",
    "vpc-endpoint-type": "VpcEndpointType",
    "vpc-id": "VpcId",
}
"""Filter of DescribeVpcEndpoints -> the member that it compares."""

_ID = re.compile(rb"<vpcEndpointId>(vpce-[0-9a-f]+)</vpcEndpointId>")


class Endpoints:
    """Replaces the emulator's operations on VPC endpoints.

    Raises:
        SandboxError: the replacements do not fit this version of the emulator.
    """

    def __init__(self) -> None:
        self._ec2 = emulator.module("services.ec2")
        self._create = internals.function(self._ec2, "_create_vpc_endpoint", "p")
        self._modify = internals.function(self._ec2, "_modify_vpc_endpoint", "p")
        self._fields = internals.function(self._ec2, "_vpce_fields_xml", "ep", "tag")
        self._parameter = internals.function(self._ec2, "_p", "params", "key", "default")
        self._list = internals.function(self._ec2, "_parse_member_list", "params", "prefix")
        self._filters = internals.function(self._ec2, "_parse_filters", "params")
        self._xml = internals.function(self._ec2, "_xml", "status", "root_tag", "inner")
        self._error = internals.function(self._ec2, "_error", "code", "message", "status")
        actions = emulator.value(self._ec2, "_ACTION_MAP", dict)
        replacements = {
            "CreateVpcEndpoint": self.create,
            "DescribeVpcEndpoints": self.describe,
            "ModifyVpcEndpoint": self.modify,
        }
        emulator.replace(self._ec2, "_ACTION_MAP", {**actions, **replacements})
        emulator.replace(self._ec2, "_vpce_fields_xml", self.fields)

    def create(self, p: Mapping[str, Any]) -> Any:
        """Replace `_create_vpc_endpoint(p)`."""
        vpc = self._ec2._vpcs.get(self._parameter(p, "VpcId", ""))
        private = self._is_true(p, "PrivateDnsEnabled")
        if private and vpc is not None:
            others = self._ec2._vpc_endpoints.values()
            refusal = refusals.private_dns(vpc, self._parameter(p, "ServiceName", ""), others)
            if refusal:
                return self._error(*refusal, 400)
        answer: Answer = self._create(p)
        found = _ID.search(answer[2])
        if found is None:
            return answer
        record = self._ec2._vpc_endpoints[found[1].decode()]
        if record["VpcEndpointType"] == "Interface":
            default = [vpc["DefaultSecurityGroupId"]] if vpc and "DefaultSecurityGroupId" in vpc else []
            record["SecurityGroupIds"] = self._list(p, "SecurityGroupId") or default
            record["PrivateDnsEnabled"] = private
        policy = self._parameter(p, "PolicyDocument", "")
        record.update({"PolicyDocument": policy} if policy else {})
        return self._xml(200, "CreateVpcEndpointResponse", self.fields(record, tag="vpcEndpoint"))

    def describe(self, p: Mapping[str, Any]) -> Any:
        """Replace `_describe_vpc_endpoints(p)`."""
        wanted = {FILTERS[name]: values for name, values in self._filters(p).items() if name in FILTERS}
        ids = self._list(p, "VpcEndpointId")
        found = "".join(
            self.fields(record)
            for vpce_id, record in self._ec2._vpc_endpoints.items()
            if (not ids or vpce_id in ids)
            and all(record[member] in values for member, values in wanted.items())
        )
        return self._xml(200, "DescribeVpcEndpointsResponse", f"<vpcEndpointSet>{found}</vpcEndpointSet>")

    def modify(self, p: Mapping[str, Any]) -> Any:
        """Replace `_modify_vpc_endpoint(p)`."""
        record = self._ec2._vpc_endpoints.get(self._parameter(p, "VpcEndpointId", ""))
        private = self._parameter(p, "PrivateDnsEnabled", "")
        if record is not None and private.lower() == "true" and not record.get("PrivateDnsEnabled"):
            vpc = self._ec2._vpcs[record["VpcId"]]
            others = self._ec2._vpc_endpoints.values()
            refusal = refusals.private_dns(vpc, record["ServiceName"], others)
            if refusal:
                return self._error(*refusal, 400)
        answer = self._modify(p)
        if record is not None:
            groups = [*record.get("SecurityGroupIds", ()), *self._list(p, "AddSecurityGroupId")]
            removed = self._list(p, "RemoveSecurityGroupId")
            record["SecurityGroupIds"] = [one for one in dict.fromkeys(groups) if one not in removed]
            if private:
                record["PrivateDnsEnabled"] = private.lower() == "true"
            if self._is_true(p, "ResetPolicy"):
                record.pop("PolicyDocument", None)
        return answer

    def fields(self, ep: Mapping[str, Any], tag: str = "item") -> str:
        """Stand for `_vpce_fields_xml(ep, tag)`."""
        groups = "".join(
            f"<item><groupId>{group_id}</groupId><groupName>"
            f"{escape(self._ec2._security_groups.get(group_id, {}).get('GroupName', ''))}</groupName></item>"
            for group_id in ep.get("SecurityGroupIds", ())
        )
        private = "true" if ep.get("PrivateDnsEnabled") else "false"
        more = (
            f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>"
            f"<policyDocument>{escape(ep.get('PolicyDocument', FULL_ACCESS))}</policyDocument>"
        )
        end = f"</{tag}>"
        return str(self._fields(ep, tag)).removesuffix(end) + more + end

    def _is_true(self, p: Mapping[str, Any], name: str) -> bool:
        return str(self._parameter(p, name, "")).lower() == "true"
