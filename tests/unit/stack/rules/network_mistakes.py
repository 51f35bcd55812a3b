"""Mistakes that the rules of network must find: the rule, a word of its message, the mistake."""

from __future__ import annotations

from tests.unit.stack.rules.mistakes import Break, both, one, put, unrelated, without

NETWORK = "network-standby"
CASES: list[tuple[str, str, Break]] = [
    ("vpc-endpoints", "calls sns", without(f"{NETWORK}-sns")),
    (
        "vpc-endpoints",
        "calls dynamodb",
        one(f"{NETWORK}-dynamodb", put("serviceName", "com.amazonaws.us-east-2.dynamodb")),
    ),
    ("vpc-endpoint-names", "no private DNS", one(f"{NETWORK}-sqs", put("privateDnsEnabled", False))),
    ("vpc-endpoint-names", "enableDnsHostnames", one(f"{NETWORK}-vpc", put("enableDnsHostnames", False))),
    ("vpc-endpoint-routes", "not in the way", unrelated(f"{NETWORK}-s3", "routeTableIds")),
    ("vpc-endpoint-routes", "not in the way", unrelated(f"{NETWORK}-sqs", "subnetIds")),
    ("vpc-security-groups", "may not send", without(f"{NETWORK}-to-endpoints")),
    ("vpc-security-groups", "takes nothing", without(f"{NETWORK}-from-functions")),
    ("vpc-security-groups", "may not send", one(f"{NETWORK}-to-s3", put("toPort", 80))),
    (
        "vpc-closed",
        "open to every address",
        lambda judged: judged.twice(f"{NETWORK}-to-s3").changed(
            f"{NETWORK}-to-s3-again", put("cidrIpv4", "0.0.0.0/0")
        ),
    ),
    ("vpc-closed", "default security group", without(f"{NETWORK}-default-group")),
    (
        "vpc-zones",
        "us-west-2a alone",
        both(f"{NETWORK}-subnet-1", f"{NETWORK}-subnet-2", change=put("availabilityZone", "us-west-2a")),
    ),
    (
        "vpc-ranges",
        "overlaps",
        both("network-primary-vpc", f"{NETWORK}-vpc", change=put("cidrBlock", "10.0.0.0/8")),
    ),
    ("vpc-ranges", "outside", one(f"{NETWORK}-subnet-1", put("cidrBlock", "10.99.0.0/20"))),
]
