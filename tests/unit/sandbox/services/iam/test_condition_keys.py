"""Condition keys that the sandbox adds to the emulator's policy evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drlib.sandbox.ministack import emulator
from drlib.sandbox.services.iam import condition_keys


@pytest.fixture
def context() -> Iterator[Any]:
    """The replacement of the emulator's function."""
    actions = emulator.module("core.iam_actions")
    original = actions.request_tag_context
    condition_keys.apply()
    try:
        yield lambda *args: actions.request_tag_context(*args)
    finally:
        actions.request_tag_context = original


@pytest.mark.fidelity(
    service="IAM",
    behaviour="a policy condition can restrict PutMetricData to certain namespaces",
    level="documented",
    source="CloudWatch User Guide, Using condition keys to limit access to CloudWatch namespaces",
)
@pytest.mark.parametrize(
    ("body", "params", "named"),
    [
        (b'{"Namespace": "PaymentsDR"}', {}, "PaymentsDR"),
        (b"", {"Namespace": ["PaymentsDR"]}, "PaymentsDR"),
        (b"", {"Namespace": "PaymentsDR"}, "PaymentsDR"),
        (b"{", {}, ""),
        (b"", {}, ""),
    ],
)
def test_a_datapoint_says_its_namespace(
    context: Any, body: bytes, params: dict[str, Any], named: str
) -> None:
    found = context("monitoring", "cloudwatch:PutMetricData", body, params)
    assert found["cloudwatch:namespace"] == named


def test_other_requests_say_what_they_did(context: Any) -> None:
    assert "cloudwatch:namespace" not in context("sqs", "sqs:SendMessage", b"{}", {})
    tagged = context("sns", "sns:TagResource", b'{"Tags": [{"Key": "a", "Value": "b"}]}', {})
    assert tagged["aws:TagKeys"] == ["a"]
