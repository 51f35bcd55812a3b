"""Load a function as Lambda does: by file, its environment set, with clients that reach nothing."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

LAMBDA = Path(__file__).resolve().parents[3] / "lambda"
ENVIRONMENT = {
    "AWS_REGION": "us-west-2",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "TABLE_NAME": "pay-ledger-t1",
    "TOPIC_ARN": "arn:aws:sns:us-west-2:111122223333:pay-events-t1-usw2",
    "BUCKET_NAME": "pay-receipts-t1-usw2",
    "QUEUE_URL": "https://sqs.us-west-2.amazonaws.com/111122223333/pay-work-t1-usw2",
    "PUBLIC_NAME": "api.pay.acme.net",
    "REGION_ROLE": "standby",
    "STANDBY_REGION": "us-west-2",
    "STACK": "t1",
    "METRIC_NAMESPACE": "PaymentsDR",
}
CONTEXT = SimpleNamespace(
    aws_request_id="request-1",
    function_name="f",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:us-west-2:111122223333:function:f",
)


class Loaded:
    """A function's module, and a stub for each of its clients: what a test does not expect, fails."""

    def __init__(self, module: ModuleType, stubs: dict[str, Stubber]) -> None:
        self.module = module
        self.stubs = stubs

    def __call__(self, event: dict[str, Any]) -> Any:
        answer = self.module.handler(event, CONTEXT)
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
        return answer


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Loaded]]:
    """Return a loader: `load("payments", REGION_ROLE="primary")`; a value of None leaves the variable out."""
    with ExitStack() as stack:

        def loader(name: str, **changes: str | None) -> Loaded:
            for key, value in {**ENVIRONMENT, **changes}.items():
                if value is None:
                    monkeypatch.delenv(key, raising=False)
                else:
                    monkeypatch.setenv(key, value)
            spec = importlib.util.spec_from_file_location(f"{name}_handler", LAMBDA / name / "handler.py")
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, spec.name, module)
            spec.loader.exec_module(module)
            names = [n for n in ("dynamodb", "sns", "sqs", "s3", "cloudwatch") if hasattr(module, n)]
            stubs = {n: stack.enter_context(Stubber(getattr(module, n))) for n in names}
            return Loaded(module, stubs)

        yield loader
