"""Mistakes that the rules of storage must find: the rule, a word of its message, the mistake."""

from __future__ import annotations

from tests.unit.stack.rules.mistakes import Break, one, policy, put, unrelated, without

CASES: list[tuple[str, str, Break]] = [
    (
        "s3-versioning",
        "has no versioning",
        one("receipts-us-west-2-versioning", put("versioningConfiguration.status", "Suspended")),
    ),
    ("s3-versioning", "does not wait", unrelated("receipts-us-east-2-replication")),
    ("s3-encryption", "no encryption", without("receipts-us-east-2-encryption")),
    (
        "s3-closed",
        "may become public",
        one("receipts-us-east-2-public-access", put("blockPublicPolicy", False)),
    ),
    ("tls-only", "without TLS", one("messaging-us-east-2-work-policy", policy(lambda found: found.pop(0)))),
    ("tls-only", "without TLS", without("receipts-us-west-2-policy")),
    ("dynamodb-recovery", "point-in-time", one("table", put("pointInTimeRecovery.enabled", False))),
    ("dynamodb-recovery", "in us-west-2", one("table", put("replicas.0.pointInTimeRecovery", False))),
    ("dynamodb-replica", "no replica", one("table", put("replicas", []))),
    (
        "dynamodb-replica",
        "own region",
        one(
            "table",
            lambda inputs: inputs["replicas"].append(
                {"regionName": "us-east-2", "pointInTimeRecovery": True}
            ),
        ),
    ),
]
