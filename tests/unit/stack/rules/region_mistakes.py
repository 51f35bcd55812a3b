"""Mistakes that the rules of region must find: the rule, a word of its message, the mistake."""

from __future__ import annotations

from tests.unit.stack.rules.mistakes import Break, one, put, twice

CASES: list[tuple[str, str, Break]] = [
    ("region-named", "names no region", one("primary-latch-rule", lambda inputs: inputs.pop("region"))),
    ("names-fit", "longest suffix", one("primary-latch-rule", put("name", f"pay-{'x' * 50}-rules-use2"))),
    ("names-fit", "as", twice("primary-latch-rule")),
]
