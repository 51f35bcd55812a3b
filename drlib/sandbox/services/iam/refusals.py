"""Policies that IAM refuses. Each function returns (HTTP status, error code, message), or None.

IAM User Guide, "IAM and AWS STS quotas" (sizes, counted without white space) and "Grammar of the IAM JSON
policy language".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Refusal = tuple[int, str, str]

INLINE_CHARACTERS = {"role": 10_240, "user": 2_048, "group": 5_120}
"""Limit for the sum of all inline policies of one identity."""

MANAGED_CHARACTERS = 6_144
TRUST_CHARACTERS = 2_048
_SPACE = re.compile(r"\s")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:\S+")


def size(document: str) -> int:
    """Return the size of a policy: its characters without white space."""
    return len(_SPACE.sub("", document))


def inline_size(kind: str, name: str, documents: Iterable[str]) -> Refusal | None:
    """Check the size of the inline policies of an identity; `kind` is role, user or group."""
    limit = INLINE_CHARACTERS[kind]
    if sum(map(size, documents)) <= limit:
        return None
    return 409, "LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} {name}"


def managed_size(document: str) -> Refusal | None:
    """Check the size of a managed policy."""
    if size(document) <= MANAGED_CHARACTERS:
        return None
    return 409, "LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED_CHARACTERS}"


def trust_size(document: str) -> Refusal | None:
    """Check the size of a trust policy."""
    if size(document) <= TRUST_CHARACTERS:
        return None
    return 409, "LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_CHARACTERS}"


def identity(document: str) -> Refusal | None:
    """Check the grammar of an identity's policy."""
    statements = _statements(document)
    if statements is None:
        return _malformed("Syntax errors in policy.")
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            return _malformed("Policy document should not specify a principal.")
        if "Action" not in statement and "NotAction" not in statement:
            return _malformed("Policy statement must contain actions.")
        if "Resource" not in statement and "NotResource" not in statement:
            return _malformed("Policy statement must contain resources.")
        for action in _texts(statement, "Action", "NotAction"):
            if not _ACTION.fullmatch(action):
                return _malformed(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                )
        for resource in _texts(statement, "Resource", "NotResource"):
            if resource != "*" and not resource.startswith("arn:"):
                return _malformed(f'Resource {resource} must be in ARN format or "*".')
    return None


def trust(document: str) -> Refusal | None:
    """Check the grammar of a trust policy."""
    try:
        parsed = json.loads(document)
    except ValueError:
        return _malformed("This policy contains invalid Json")
    found = parsed.get("Statement", []) if isinstance(parsed, dict) else []
    for statement in found if isinstance(found, list) else [found]:
        if "Resource" in statement:
            return _malformed("Has prohibited field Resource")
        named = (action.lower() for action in _texts(statement, "Action"))
        if any(action != "*" and not action.startswith("sts:") for action in named):
            return _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    return None


def _statements(document: str) -> list[Mapping[str, Any]] | None:
    try:
        parsed = json.loads(document)
    except ValueError:
        return None
    found = parsed.get("Statement") if isinstance(parsed, dict) else None
    rows = found if isinstance(found, list) else [found]
    statements: list[Mapping[str, Any]] = [one for one in rows if isinstance(one, dict)]
    valid = statements and all(one.get("Effect") in ("Allow", "Deny") for one in statements)
    return statements if valid else None


def _texts(statement: Mapping[str, Any], *names: str) -> Iterator[str]:
    for name in names:
        value = statement.get(name, [])
        yield from (str(one) for one in (value if isinstance(value, list) else [value]))


def _malformed(message: str) -> Refusal:
    return 400, "MalformedPolicyDocument", message
