"""A plan that replaces or deletes data is red unless the data is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.stack.rules.conftest import Judged


@pytest.mark.parametrize("op", ["replace", "delete"])
@pytest.mark.parametrize("name", ["table", "receipts-us-west-2"])
def test_data_is_replaced_or_deleted_by_name_alone(judged: Judged, op: str, name: str) -> None:
    lost = judged._each(name, lambda one: replace(one, op=op, changed=("hashKey",)))
    assert lost.red()["data-kept"].startswith(f"{name} would be {op}d with all its data (for hashKey)")
    assert "data-kept" in lost.with_settings(delete_data="another-table").red()
    assert "data-kept" not in lost.with_settings(delete_data=f"another-table, {name}").red()
