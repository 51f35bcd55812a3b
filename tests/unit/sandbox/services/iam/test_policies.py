"""Policies that IAM refuses: too long or malformed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drlib.sandbox.services.iam import refusals

_numbers = itertools.count()
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def of_size(characters: int, statement: dict[str, Any] = ALLOW) -> str:
    """Return a policy of this size, as IAM counts it."""
    short = document(statement | {"Sid": ""})
    return document(statement | {"Sid": "A" * (characters - refusals.size(short))})


@pytest.fixture
def iam(aws: Callable[..., Any]) -> Any:
    return aws("iam")


@pytest.fixture
def role(iam: Any) -> str:
    name = f"measured-{next(_numbers)}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))
    return name


def refusal(act: Callable[..., Any], **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        act(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.fidelity(
    service="IAM",
    behaviour="all inline policies of a role together have at most 10,240 characters",
    level="documented",
    source="IAM User Guide, IAM and AWS STS quotas",
)
def test_the_inline_policies_of_a_role(iam: Any, role: str) -> None:
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=of_size(10_000))
    too_much = {"RoleName": role, "PolicyName": "b", "PolicyDocument": of_size(241)}
    assert refusal(iam.put_role_policy, **too_much) == (
        "LimitExceeded",
        f"Maximum policy size of 10240 bytes exceeded for role {role}",
    )
    spaced = of_size(240).replace(", ", ",\n" + " " * 500)
    iam.put_role_policy(RoleName=role, PolicyName="b", PolicyDocument=spaced)
    # A replaced policy does not count.
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=of_size(9_999))


@pytest.mark.fidelity(
    service="IAM",
    behaviour="a managed policy has at most 6,144 characters, a trust policy at most 2,048",
    level="documented",
    source="IAM User Guide, IAM and AWS STS quotas",
)
def test_managed_and_trust_policies(iam: Any, role: str) -> None:
    too_long = {"PolicyName": role, "PolicyDocument": of_size(6_145)}
    said = ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    assert refusal(iam.create_policy, **too_long) == said
    arn = iam.create_policy(PolicyName=role, PolicyDocument=of_size(6_144))["Policy"]["Arn"]
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=of_size(6_145)) == said
    said = ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    trusted = {"RoleName": role, "PolicyDocument": of_size(2_049, TRUST)}
    assert refusal(iam.update_assume_role_policy, **trusted) == said
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=of_size(2_048, TRUST))
    made = {"RoleName": f"{role}-x", "AssumeRolePolicyDocument": of_size(2_049, TRUST)}
    assert refusal(iam.create_role, **made) == said


def test_the_inline_policies_of_a_user(iam: Any, role: str) -> None:
    iam.create_user(UserName=role)
    too_much = {"UserName": role, "PolicyName": "a", "PolicyDocument": of_size(2_049)}
    code, said = refusal(iam.put_user_policy, **too_much)
    assert (code, said) == ("LimitExceeded", f"Maximum policy size of 2048 bytes exceeded for user {role}")
    iam.put_user_policy(UserName=role, PolicyName="a", PolicyDocument=of_size(2_048))


@pytest.mark.fidelity(
    service="IAM",
    behaviour="a malformed policy is refused",
    level="approximated",
    source="IAM User Guide, Grammar of the IAM JSON policy language",
    note="syntax, principals, actions and resources are checked; unknown actions and conditions are accepted",
)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        (document(ALLOW | {"Effect": "allow"}), "Syntax errors in policy."),
        (document(ALLOW | {"Principal": "*"}), "Policy document should not specify a principal."),
        (document({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (document({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
        (document(ALLOW | {"Action": ["GetObject"]}), "Actions/Conditions must be prefaced by a vendor"),
        (document(ALLOW | {"Resource": "bucket/*"}), 'Resource bucket/* must be in ARN format or "*".'),
    ],
)
def test_a_malformed_policy(iam: Any, role: str, text: str, said: str) -> None:
    code, message = refusal(iam.put_role_policy, RoleName=role, PolicyName="a", PolicyDocument=text)
    assert code == "MalformedPolicyDocument"
    assert message.startswith(said)
    assert refusal(iam.create_policy, PolicyName=f"{role}-x", PolicyDocument=text)[0] == code


@pytest.mark.fidelity(
    service="IAM",
    behaviour="a trust policy names who can assume a role; a policy with anything else is refused",
    level="documented",
    source="IAM User Guide, Roles terms and concepts (trust policy)",
)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "This policy contains invalid Json"),
        (document(TRUST | {"Resource": "*"}), "Has prohibited field Resource"),
        (
            document(TRUST | {"Action": "s3:GetObject"}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
    ],
)
def test_a_malformed_trust_policy(iam: Any, role: str, text: str, said: str) -> None:
    trusted = {"RoleName": role, "PolicyDocument": text}
    assert refusal(iam.update_assume_role_policy, **trusted) == ("MalformedPolicyDocument", said)
    made = {"RoleName": f"{role}-x", "AssumeRolePolicyDocument": text}
    assert refusal(iam.create_role, **made) == ("MalformedPolicyDocument", said)


def test_nobody_is_told_before_the_document_is(iam: Any) -> None:
    nobody = {"RoleName": "nobody", "PolicyName": "a", "PolicyDocument": "{"}
    assert refusal(iam.put_role_policy, **nobody)[0] == "NoSuchEntity"
