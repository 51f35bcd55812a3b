"""Names and places: each mistake turns its rule red, and no other."""

from __future__ import annotations

import pytest

from tests.unit.stack.rules.conftest import Judged
from tests.unit.stack.rules.mistakes import Break, one, only, put, twice

CASES: list[tuple[str, str, Break]] = [
    ("region-named", "names no region", one("primary-latch-rule", lambda inputs: inputs.pop("region"))),
    ("names-fit", "longest suffix", one("primary-latch-rule", put("name", f"pay-{'x' * 50}-rules-use2"))),
    ("names-fit", "as", twice("primary-latch-rule")),
]


@pytest.mark.parametrize(("id", "said", "mistake"), CASES, ids=[f"{id}: {said}" for id, said, _ in CASES])
def test_a_mistake_turns_its_rule_red_and_no_other(
    judged: Judged, id: str, said: str, mistake: Break
) -> None:
    only(judged, id, said, mistake)
