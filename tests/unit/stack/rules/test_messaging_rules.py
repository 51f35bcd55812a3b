"""Queues, topics and functions: each mistake turns its rule red, and no other."""

from __future__ import annotations

import json

import pytest

from tests.unit.stack.rules.conftest import Judged
from tests.unit.stack.rules.mistakes import Break, one, only, policy, put, twice, without

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


@pytest.mark.parametrize(("id", "said", "mistake"), CASES, ids=[f"{id}: {said}" for id, said, _ in CASES])
def test_a_mistake_turns_its_rule_red_and_no_other(
    judged: Judged, id: str, said: str, mistake: Break
) -> None:
    only(judged, id, said, mistake)
