"""An independent linter of IAM policies, parliament, looks at every policy of the plan, and finds nothing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator

import pytest

from tests.unit.stack.rules.conftest import Judged

POLICIES = ("RolePolicy", "QueuePolicy", "TopicPolicy", "BucketPolicy", "VpcEndpoint")
# Trust policies have no resource, which parliament takes for a mistake: the rule iam-trust judges them.


def findings(text: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it loads its data by a module that setuptools will drop
        import parliament
    return [f"{one.issue}: {one.detail}" for one in parliament.analyze_policy_string(text).findings]


def policies(judged: Judged) -> Iterator[tuple[str, str]]:
    for one in judged.plan.resources:
        if one.type.rsplit(":", 1)[-1] in POLICIES:
            yield one.name, one.inputs["policy"]


def test_every_policy_is_without_findings(judged: Judged) -> None:
    found = dict(policies(judged))
    assert len(found) == 31
    assert {name: wrong for name, text in found.items() if (wrong := findings(text))} == {}


@pytest.mark.parametrize(
    ("action", "resource", "said"),
    [
        ("s3:PutObject", "*", "RESOURCE_STAR"),
        ("sqs:SendMesage", "*", "UNKNOWN_ACTION"),
        ("s3:ListBucket", "arn:aws:s3:::bucket/*", "RESOURCE_MISMATCH"),
    ],
)
def test_it_finds_what_is_wrong(action: str, resource: str, said: str) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert any(one.startswith(said) for one in findings(text))
