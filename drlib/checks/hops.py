"""One test payment, followed through every hop: the checks of the steady state on it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from drlib.checks.failover_records import settled_region
from drlib.deployed import probes
from drlib.payments.payment import authorization
from drlib.show.checklist import Failed, Probe
from drlib.target.https import Reply

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

ARRIVE_TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 2.0
BODY = {"amount_minor": 1250, "currency": "EUR", "reference": "steady state"}


def attempt(here: Target, deployment: Deployment, region: str) -> Reply:
    """Send a payment to the host name of a region's API. This does not set the latch."""
    headers = {"Idempotency-Key": f"probe-{uuid.uuid4()}", **authorization()}
    name = deployment.regions[region].api_host
    return probes.request(here, name, "POST", "/payments", body=BODY, headers=headers)


def require_accepted(here: Target, deployment: Deployment, region: str) -> str:
    """Require that a region takes a payment: it can write to its table and announce the payment."""
    reply = attempt(here, deployment, region)
    if reply.status != 201:
        raise Failed(f"POST /payments answered {reply.status}", region=region)
    return "201"


class TestPayment:
    """A payment with a new key. The first check that needs it sends it; the other checks wait for it."""

    def __init__(self, here: Target, deployment: Deployment) -> None:
        self.here = here
        self.deployment = deployment
        self.key = f"verify-{uuid.uuid4()}"
        self._lock = threading.Lock()
        self._accepted: Reply | None = None

    def questions(self) -> list[Probe]:
        """Return the checks, in the order of the payment's hops."""
        found = [
            Probe(
                "a-payment-is-accepted-by-the-primary", "a payment is accepted by the primary", self.accepted
            ),
            Probe("the-same-key-gives-the-same-answer", "the same key gives the same answer", self.replayed),
            Probe(
                "the-same-key-with-another-body-is-refused",
                "the same key with another body is refused",
                self.conflicting,
            ),
            Probe(
                "a-bad-body-is-refused-and-the-field-named",
                "a bad body is refused, and the field named",
                self.refused,
            ),
            Probe("it-is-settled-once-by-the-primary", "it is settled once, by the primary", self.settled),
        ]
        for role in ("primary", "standby"):
            region = self.deployment.region(role)
            recorded, receipted = partial(self.recorded, region), partial(self.receipted, region)
            found += [
                Probe("its-records-are-in-the-table", "its records are in the table", recorded).of(role),
                Probe("its-receipt-is-in-the-bucket", "its receipt is in the bucket", receipted).of(role),
                Probe("work-queue-drained", "the work queue is drained", partial(self.drained, region)).of(
                    role
                ),
            ]
        return found

    def payment_id(self) -> str:
        """Send the payment if it is not sent yet, and return its id."""
        with self._lock:
            if self._accepted is None:
                settled_region(self.here, self.deployment)  # if the standby served it, the latch would be set
                self._accepted = self.post(BODY)
            reply = self._accepted
        if reply.status != 201 or "payment_id" not in reply.body:
            raise Failed(f"POST /payments answered {reply.status}")
        return str(reply.body["payment_id"])

    def post(self, body: dict[str, Any]) -> Reply:
        """Send the payment to the public name."""
        answer = self.here.resolve(self.deployment.public_name)
        headers = {"Idempotency-Key": self.key, **authorization()}
        return self._ask("POST", "/payments", address=answer.address, body=body, headers=headers)

    def accepted(self) -> str:
        self.payment_id()
        assert self._accepted is not None
        region = self._accepted.body.get("region")
        if region != self.deployment.primary_region:
            raise Failed(f"it was accepted by {region}")
        return f"201, {region}"

    def replayed(self) -> str:
        payment_id = self.payment_id()
        again = self.post(BODY)
        if again.status != 200 or again.body.get("payment_id") != payment_id:
            raise Failed(f"the second time it answered {again.status}, and not 200 with the same id")
        return "200, the same id"

    def conflicting(self) -> str:
        self.payment_id()
        reply = self.post(BODY | {"amount_minor": 1})
        if reply.status != 422:
            raise Failed(f"it answered {reply.status}, and not 422")
        return "422"

    def refused(self) -> str:
        reply = self.post(BODY | {"currency": "euro"})
        if reply.status != 400 or "currency" not in str(reply.body):
            raise Failed(f"it answered {reply.status}, and not 400 with the name of the field")
        return "400, currency"

    def settled(self) -> str:
        payment_id = self.payment_id()
        last: list[Any] = [[]]

        def is_settled() -> bool:
            reply = self._ask("GET", f"/payments/{payment_id}", headers=authorization())
            last[0] = reply.body.get("settlements", [])
            return bool(last[0])

        self._wait(is_settled, "it is accepted, but not settled")
        by = [one.get("region") for one in last[0]]
        if by != [self.deployment.primary_region]:
            raise Failed(f"it was settled by {', '.join(map(str, by))}")
        return "once"

    def recorded(self, region: str) -> str:
        key = {":pk": {"S": f"PAYMENT#{self.payment_id()}"}}
        client = self.here.client("dynamodb", region)
        wanted = {"PAYMENT", f"SETTLED#{self.deployment.primary_region}"}

        def is_there() -> bool:
            items = client.query(
                TableName=self.deployment.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=key,
                ConsistentRead=True,
            )["Items"]
            return {item["sk"]["S"] for item in items} == wanted

        self._wait(is_there, f"its records are not in {region}")
        return "the payment and one settlement"

    def receipted(self, region: str) -> str:
        payment_id = self.payment_id()
        client = self.here.client("s3", region)
        bucket = self.deployment.regions[region].bucket

        def is_there() -> bool:
            found = client.list_objects_v2(Bucket=bucket, Prefix=f"receipts/{payment_id}.json", MaxKeys=1)
            return bool(found.get("KeyCount"))

        self._wait(is_there, f"its receipt is not in {region}")
        return "there"

    def drained(self, region: str) -> str:
        self.payment_id()
        url = self.deployment.regions[region].queues["work"]["url"]
        self._wait(
            lambda: sum(probes.queue_depth(self.here, url, region)) == 0, f"messages remain in {region}"
        )
        return "empty"

    def _ask(
        self,
        method: str,
        path: str,
        *,
        address: str = "",
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        name = self.deployment.public_name
        where = address or self.here.resolve(name).address
        return probes.request(self.here, name, method, path, address=where, body=body, headers=headers)

    def _wait(self, done: Callable[[], bool], otherwise: str) -> None:
        if not self.here.clock.wait_until(done, timeout=ARRIVE_TIMEOUT_SECONDS, poll=POLL_SECONDS):
            raise Failed(f"{otherwise} after {ARRIVE_TIMEOUT_SECONDS:g} s")
