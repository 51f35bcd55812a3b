"""Security group rules that name prefix lists: stored and returned here; the emulator drops them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any
from xml.sax.saxutils import escape

from drlib.sandbox.ministack import emulator, internals

PEERS = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs")


def apply() -> None:
    """Store the prefix lists of rules, and return them in DescribeSecurityGroupRules.

    Raises:
        SandboxError: the replacements do not fit this version of the emulator.
    """
    ec2 = emulator.module("services.ec2")
    parse = internals.function(ec2, "_parse_ip_permissions", "params", "prefix")
    write = internals.function(ec2, "_sg_rule_xml", "sg_id", "rule", "is_egress")
    identify = internals.function(ec2, "_sg_rule_id", "sg_id", "is_egress", "rule")
    internals.function(ec2, "_p", "params", "key", "default")

    def lists(params: Mapping[str, Any], prefix: str) -> Iterator[dict[str, str]]:
        for number in count(1):
            base = f"{prefix}.PrefixListIds.{number}"
            list_id = ec2._p(params, f"{base}.PrefixListId")
            if not list_id:
                return
            about = ec2._p(params, f"{base}.Description")
            yield {"PrefixListId": list_id, **({"Description": about} if about else {})}

    @functools.wraps(parse)
    def parse_all(params: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = parse(params, prefix)
        for number, rule in enumerate(rules, start=1):
            rule["PrefixListIds"] = list(lists(params, f"{prefix}.{number}"))
        return rules

    @functools.wraps(write)
    def write_all(sg_id: str, rule: dict[str, Any], is_egress: bool = False) -> str:
        if not rule.get("PrefixListIds"):
            return str(write(sg_id, rule, is_egress))
        text = str(write(sg_id, rule, is_egress)) if any(rule.get(peer) for peer in PEERS) else ""
        bare = {**rule, **dict.fromkeys(PEERS, ()), "SecurityGroupRuleId": identify(sg_id, is_egress, rule)}
        for entry in rule["PrefixListIds"]:
            named = f"</toPort><prefixListId>{escape(entry['PrefixListId'])}</prefixListId>"
            text += str(write(sg_id, bare, is_egress)).replace("</toPort>", named)
        return text

    emulator.replace(ec2, "_parse_ip_permissions", parse_all)
    emulator.replace(ec2, "_sg_rule_xml", write_all)
