"""Alarms and dashboards: each mistake turns its rule red, and no other."""

from __future__ import annotations

import pytest

from tests.unit.stack.rules.conftest import Judged
from tests.unit.stack.rules.mistakes import Break, body, one, only, put

CASES: list[tuple[str, str, Break]] = [
    ("alarm-route53-region", "is in us-west-2", one("alarms-dns-check-primary", put("region", "us-west-2"))),
    (
        "alarm-route53-region",
        "writes to",
        one("alarms-dns-check-primary", put("alarmActions", ["arn:aws:sns:us-west-2:000000000000:alerts"])),
    ),
    ("alarm-speaks", "no dimensions", one("alarms-dns-check-primary", put("dimensions", {}))),
    ("alarm-speaks", "missing data", one("alarms-dns-check-primary", put("treatMissingData", None))),
    (
        "dashboard-syntax",
        "the option dimensions",
        one("dashboard", body(lambda found: found["metrics"][0][-1].update(dimensions={"ApiId": "x"}))),
    ),
    ("dashboard-syntax", "no region", one("dashboard", body(lambda found: found.pop("region")))),
    (
        "dashboard-syntax",
        "row of 3 fields",
        one("dashboard", body(lambda found: found["metrics"].append(["AWS/SQS", "Age", "QueueName", {}]))),
    ),
    (
        "dashboard-syntax",
        'repeats by "."',
        one(
            "dashboard", body(lambda found: found["metrics"].insert(0, [".", ".", "A", "b", {"stat": "Sum"}]))
        ),
    ),
    (
        "dashboard-syntax",
        "without dimensions",
        one(
            "dashboard",
            body(lambda found: found["metrics"].append(["AWS/ApiGateway", "Count", {"stat": "Sum"}])),
        ),
    ),
]


@pytest.mark.parametrize(("id", "said", "mistake"), CASES, ids=[f"{id}: {said}" for id, said, _ in CASES])
def test_a_mistake_turns_its_rule_red_and_no_other(
    judged: Judged, id: str, said: str, mistake: Break
) -> None:
    only(judged, id, said, mistake)
