"""The rules as a whole: the program is green, what only the sandbox may do, and how findings read."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.core.errors import PreflightFailed
from drlib.stack.rules import catalogue
from tests.unit.stack.rules import (
    iam_mistakes,
    messaging_mistakes,
    monitoring_mistakes,
    network_mistakes,
    region_mistakes,
    routing_mistakes,
    storage_mistakes,
)
from tests.unit.stack.rules.conftest import Judged
from tests.unit.stack.rules.mistakes import Break, only, put

MODULES = (
    iam_mistakes,
    messaging_mistakes,
    monitoring_mistakes,
    network_mistakes,
    region_mistakes,
    routing_mistakes,
    storage_mistakes,
)


CASES = [case for module in MODULES for case in module.CASES]


@pytest.mark.parametrize(("id", "said", "mistake"), CASES, ids=[f"{id}: {said}" for id, said, _ in CASES])
def test_a_mistake_turns_its_rule_red_and_no_other(
    judged: Judged, id: str, said: str, mistake: Break
) -> None:
    only(judged, id, said, mistake)


def test_the_program_breaks_no_rule(judged: Judged) -> None:
    found = catalogue.check(judged.plan, judged.settings)
    assert found.failed == []
    assert found.skipped == []
    assert found.require()


def test_a_standby_without_alarms_of_its_own_is_told(judged: Judged) -> None:
    named = [one.name for one in judged.plan.resources if one.type.endswith(":MetricAlarm")]
    standby = [one for one in named if one.startswith("alarms-standby") or one == "failover-latch-alarm"]
    assert "us-west-2" in judged.without(*standby).red()["alarm-standby"]


@pytest.mark.parametrize(
    ("id", "said", "changes"),
    [
        ("api-authorized", "POST /payments) is open", {"state_backend": "s3://state?region=us-west-2"}),
        ("state-elsewhere", "is the primary region", {"state_backend": "s3://state?region=us-east-2"}),
        ("state-elsewhere", "does not say", {"state_backend": "s3://state"}),
        ("domain-reserved", "the reserved test", {"state_backend": "s3://state?region=us-west-2"}),
        ("dynamodb-protected", "is not protected", {"state_backend": "s3://state?region=us-west-2"}),
    ],
)
def test_what_only_the_sandbox_may_do(judged: Judged, id: str, said: str, changes: dict[str, Any]) -> None:
    assert said in judged.with_settings(target="aws", **changes).red()[id]


def test_findings_come_with_their_fix_and_source(judged: Judged) -> None:
    wrong = judged.changed("messaging-us-east-2-work", put("visibilityTimeoutSeconds", 30))
    with pytest.raises(PreflightFailed) as raised:
        catalogue.check(wrong.plan, wrong.settings).require()
    assert "messaging-us-east-2-work hides a message for 30 s" in raised.value.message
    assert "six times" in raised.value.remedy
    assert "Lambda Developer Guide" in raised.value.remedy


def test_every_rule_is_told_whole_and_has_a_mistake_that_it_catches() -> None:
    here = {"alarm-standby", "api-authorized", "state-elsewhere", "dynamodb-protected", "data-kept"}
    proved = here | {id for id, _, _ in CASES}
    assert proved == set(catalogue.CATALOGUE)
    for found in catalogue.CATALOGUE.values():
        assert found.requires and found.source and found.fix.endswith("."), found.id
