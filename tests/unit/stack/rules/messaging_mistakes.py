"""Mistakes that the rules of messaging must find: the rule, a word of its message, the mistake."""

from __future__ import annotations

import json

from tests.unit.stack.rules.mistakes import Break, one, policy, put, twice, without

MAPPING = "primary-settlement-source"
QUEUE = "messaging-us-east-2-work"
CASES: list[tuple[str, str, Break]] = [
    ("sqs-visibility", "hides a message for 30 s", one(QUEUE, put("visibilityTimeoutSeconds", 30))),
    ("sqs-one-consumer", "2 event source mappings", twice(MAPPING)),
    ("sqs-partial-batches", "partial failures", one(MAPPING, put("functionResponseTypes", []))),
    ("sqs-dead-letters", "no dead-letter queue", without("messaging-us-east-2-redrive")),
    (
        "sqs-dead-letters",
        "after 1 receives",
        one(
            "messaging-us-east-2-redrive",
            lambda inputs: inputs.update(
                redrivePolicy=json.dumps(json.loads(inputs["redrivePolicy"]) | {"maxReceiveCount": 1})
            ),
        ),
    ),
    (
        "sqs-dead-letters",
        "keeps messages shorter",
        one("messaging-us-east-2-dead-letter", put("messageRetentionSeconds", 60)),
    ),
    (
        "sqs-dead-letters",
        "cannot deliver",
        one("messaging-us-east-2-to-us-west-2", put("redrivePolicy", None)),
    ),
    ("sqs-encryption", "not encrypted", one(QUEUE, put("sqsManagedSseEnabled", False))),
    ("sns-fan-out", "does not reach", without("messaging-us-east-2-to-us-west-2")),
    (
        "sns-fan-out",
        "does not let",
        one("messaging-us-west-2-work-policy", policy(lambda found: found.pop(1))),
    ),
    (
        "lambda-reserved-variables",
        "sets AWS_REGION",
        one("primary-payments", put("environment.variables.AWS_REGION", "us-east-2")),
    ),
]
