"""One payment of the prober: its request, and the outcome of its answer."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import Any

from drlib.payments.cohorts import Client
from drlib.payments.ledger import Outcome
from drlib.target.https import Reply

TOKEN_VARIABLE = "DRLIB_PAYMENTS_TOKEN"  # noqa: S105 - the name of a variable, not a token


@dataclass
class PaymentRequest:
    """A payment in flight: its client, number, start (modelled) and address."""

    seq: int
    client: Client
    key: str
    amount_minor: int
    started_at: float
    address: str = ""

    @property
    def body(self) -> dict[str, Any]:
        return {"amount_minor": self.amount_minor, "currency": "EUR", "reference": f"drill {self.key}"}

    @property
    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.key, **authorization()}


def judge(reply: Reply) -> tuple[Outcome, str]:
    """Return the outcome of an answer, and the reason if it is not `ok`."""
    if reply.status in (200, 201):
        if reply.body.get("payment_id") and reply.body.get("region"):
            return "ok", ""
        return "indeterminate", f"{reply.status} without a payment id and a region"
    if reply.status == 503 and reply.body.get("fenced"):
        return "rejected", "503 fenced"  # the API's promise: nothing was stored
    if 400 <= reply.status < 500:
        words = reply.body.get("message") or reply.body.get("error") or ""
        return "rejected", f"{reply.status} {words}".strip()
    return "indeterminate", f"{reply.status}"


def amount_minor(seed: int, seq: int) -> int:
    """Return the amount of a payment, 1.00 to 999.99: the same for the same seed and number."""
    return 100 + zlib.crc32(f"{seed}/{seq}".encode()) % 99_900


def authorization() -> dict[str, str]:
    """Return the header with the bearer token from the environment; empty if there is none."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    return {"Authorization": f"Bearer {token}"} if token else {}
