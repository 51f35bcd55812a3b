"""Mistakes that the rules of IAM must find: the rule, a word of its message, the mistake."""

from __future__ import annotations

from tests.unit.stack.rules.mistakes import Break, one, policy, resource

ROLE = "standby-settlement-policy"
TABLE = "arn:aws:dynamodb:us-east-2:000000000000:table/pay-payments-rules"
OTHER_QUEUE = "arn:aws:sqs:us-west-2:000000000000:other"
CASES: list[tuple[str, str, Break]] = [
    ("iam-no-wildcards", "sqs:*", one(ROLE, policy(lambda found: found[2].update(Action=["sqs:*"])))),
    ("iam-no-wildcards", "s3:PutObject on *", one(ROLE, policy(resource("s3:PutObject", "*")))),
    (
        "iam-no-wildcards",
        "table/*",
        one(
            ROLE, policy(resource("dynamodb:PutItem", TABLE.replace("east", "west").rsplit("/", 1)[0] + "/*"))
        ),
    ),
    (
        "iam-no-wildcards",
        "cloudwatch:PutMetricData on *",
        one("standby-latch-policy", policy(lambda found: [each.pop("Condition", None) for each in found])),
    ),
    (
        "iam-own-region",
        TABLE,
        one(ROLE, policy(resource("dynamodb:PutItem", [TABLE, TABLE.replace("east", "west")]))),
    ),
    ("iam-reaches-own", "needs dynamodb:GetItem", one(ROLE, policy(lambda found: found.pop(0)))),
    (
        "iam-reaches-own",
        "needs sqs:DeleteMessage",
        one(ROLE, policy(lambda found: found[2]["Action"].remove("sqs:DeleteMessage"))),
    ),
    (
        "iam-reaches-own",
        "needs sqs:ReceiveMessage",
        one(ROLE, policy(resource("sqs:ReceiveMessage", OTHER_QUEUE))),
    ),
    (
        "iam-trust",
        "trusted to lambda",
        one("primary-latch-role", policy(lambda found: found[0].update(Principal="*"), "assumeRolePolicy")),
    ),
    (
        "iam-trust",
        "every account",
        one("primary-latch-role", policy(lambda found: found[0].pop("Condition"), "assumeRolePolicy")),
    ),
    (
        "iam-policy-size",
        "characters of inline",
        one(ROLE, policy(lambda found: found[1].update(Resource=[found[1]["Resource"]] * 200))),
    ),
    (
        "s3-replication-role",
        "lacks s3:ReplicateTags",
        one(
            "receipts-us-east-2-replication-policy",
            policy(lambda found: found[2]["Action"].remove("s3:ReplicateTags")),
        ),
    ),
    (
        "s3-replication-role",
        "too",
        one(
            "receipts-us-east-2-replication-policy",
            policy(lambda found: found[0]["Action"].append("s3:PutObject")),
        ),
    ),
]
