"""Tables and buckets: each mistake turns its rule red, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.stack.rules.conftest import Judged
from tests.unit.stack.rules.mistakes import Break, one, only, policy, put, unrelated, without

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


@pytest.mark.parametrize(("id", "said", "mistake"), CASES, ids=[f"{id}: {said}" for id, said, _ in CASES])
def test_a_mistake_turns_its_rule_red_and_no_other(
    judged: Judged, id: str, said: str, mistake: Break
) -> None:
    only(judged, id, said, mistake)


@pytest.mark.parametrize("op", ["replace", "delete"])
@pytest.mark.parametrize("name", ["table", "receipts-us-west-2"])
def test_data_is_replaced_or_deleted_by_name_alone(judged: Judged, op: str, name: str) -> None:
    lost = judged._each(name, lambda one: replace(one, op=op, changed=("hashKey",)))
    assert lost.red()["data-kept"].startswith(f"{name} would be {op}d with all its data (for hashKey)")
    assert "data-kept" in lost.with_settings(delete_data="another-table").red()
    assert "data-kept" not in lost.with_settings(delete_data=f"another-table, {name}").red()
