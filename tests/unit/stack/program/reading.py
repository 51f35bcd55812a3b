"""How tests read the program's resources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

PAIR = ("us-east-2", "us-west-2")


def role_policies(planned: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement that is given to a role, with the policy's name."""
    for name, inputs in planned.of("iam/rolePolicy:RolePolicy").items():
        for statement in json.loads(inputs["policy"])["Statement"]:
            yield name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
