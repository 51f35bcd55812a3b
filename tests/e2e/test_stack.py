"""The real engine on the real sandbox: deploy, pay, drift, interrupt, fail, destroy, and leave nothing.

The tests of this file run in order, on stacks that the first of them brings up: a deployment takes seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drlib import parameters, target
from drlib.core.errors import StepFailed
from drlib.deployed.deployment import Deployment
from drlib.runs.approval import Approval, approve
from drlib.stack import engine, stack
from drlib.stack.plan import Plan
from drlib.target.base import Target
from drlib.target.https import Connection
from tests.conftest import PACE

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).resolve().parents[2]
RESOURCES = 183
PAYMENT = {"amount_minor": 1250, "currency": "EUR", "reference": "order 7"}


def open_target(suffix: str, **changes: Any) -> Target:
    return target.open(parameters.make(values_of(suffix, **changes)))


def values_of(suffix: str, **changes: Any) -> dict[str, Any]:
    names = {"suffix": suffix, "domain_name": f"{suffix}.test", "approval": f"{suffix}@sandbox"}
    return {**names, **PACE, **changes}


def approval(here: Target) -> Approval:
    return approve(here.settings, "test")


@pytest.fixture(scope="module")
def here(sandbox: Any) -> Target:
    return open_target("whole")


@pytest.fixture(scope="module")
def planned(here: Target) -> Plan:
    return stack.plan(here)


@pytest.fixture(scope="module")
def deployment(here: Target, planned: Plan) -> Iterator[Deployment]:
    yield stack.up(here, approval(here), plan=planned)
    stack.destroy(here, approval(here))


def connect(here: Target, name: str, region: str) -> closing[Connection]:
    """Connect to a region's edge under a name of ours, whatever DNS says; use it as a context manager."""
    host, port = here.status.edges[region].rsplit(":", 1)  # type: ignore[attr-defined]
    to = (host, int(port))
    made = Connection(name, to=to, context=here.ssl_context(), clock=here.clock, timeout_seconds=600)
    return closing(made)


def pay(connection: Connection, key: str, **changes: Any) -> Any:
    body = {**PAYMENT, **changes}
    return connection.call("POST", "/payments", body=body, headers={"Idempotency-Key": key})


def settled(here: Target, connection: Connection, payment_id: str) -> list[str]:
    """Wait until a payment is settled; return the regions that settled it."""
    found: list[str] = []

    def ask() -> bool:
        reply = connection.call("GET", f"/payments/{payment_id}")
        found[:] = [one["region"] for one in reply.body["settlements"]]
        return bool(reply.body["status"] == "settled")

    assert here.clock.wait_until(ask, timeout=1200, poll=5)
    return found


def latch(here: Target, deployment: Deployment) -> dict[str, Any]:
    key = {name: {"S": value} for name, value in deployment.latch["table_key"].items()}
    client = here.client("dynamodb", deployment.standby_region)
    item: dict[str, Any] = client.get_item(TableName=deployment.table, Key=key).get("Item", {})
    return item


def test_before_anything_the_plan_is_to_create_it_all(here: Target, planned: Plan) -> None:
    assert (planned.creates, len(planned.changes)) == (RESOURCES, RESOURCES)
    queue = next(found for found in planned.resources if found.name == "messaging-us-east-2-work")
    assert queue.inputs["visibilityTimeoutSeconds"] == 60
    assert queue.region == "us-east-2"
    with pytest.raises(StepFailed, match="Nothing is deployed"):
        stack.current(here)
    with pytest.raises(StepFailed, match="Nothing is deployed"):
        stack.drift(here)
    assert stack.plan(here).as_plan() == planned.as_plan(), "an approval of it is good for it, shown again"
    assert stack.leftovers(here) == []


def test_a_deployment_says_what_is_there(here: Target, deployment: Deployment) -> None:
    assert deployment.resource_count == RESOURCES
    assert deployment.public_name == "api.whole.test"
    assert [deployment.regions[region].role for region in ("us-east-2", "us-west-2")] == [
        "primary",
        "standby",
    ]
    assert len(set(deployment.checks.values())) == 4
    assert stack.current(here) == deployment


def test_a_second_look_finds_nothing_to_do(here: Target, deployment: Deployment) -> None:
    assert len(stack.plan(here).of("same")) == RESOURCES
    assert len(stack.drift(here).require_same().of("same")) == RESOURCES
    assert stack.up(here, approval(here)) == deployment


def test_a_payment_is_taken_once_and_settled_once(here: Target, deployment: Deployment) -> None:
    primary = deployment.primary_region
    with connect(here, deployment.public_name, primary) as connection:
        first = pay(connection, "key-1")
        assert (first.status, first.body["region"]) == (201, primary)
        again = pay(connection, "key-1")
        assert (again.status, again.body) == (200, first.body)
        assert pay(connection, "key-1", amount_minor=1).status == 422
        refused = pay(connection, "key-2", currency="euro")
        assert (refused.status, refused.body["field"]) == (400, "currency")
        assert settled(here, connection, first.body["payment_id"]) == [primary]
        assert connection.call("GET", "/healthz/deep").body["role"] == "primary"
        assert connection.call("GET", "/payments").status == 404


def test_records_and_receipts_reach_the_other_region(here: Target, deployment: Deployment) -> None:
    with connect(here, deployment.public_name, deployment.primary_region) as connection:
        payment_id = pay(connection, "key-1").body["payment_id"]
    key = f"receipts/{payment_id}.json"
    for region, outputs in deployment.regions.items():
        receipts = here.client("s3", region)

        def is_there(receipts: Any = receipts, bucket: str = outputs.bucket) -> bool:
            found = receipts.list_objects_v2(Bucket=bucket, Prefix=key)
            return int(found["KeyCount"]) == 1

        assert here.clock.wait_until(is_there, timeout=1200, poll=5), region
    standby = deployment.regions[deployment.standby_region].api_host
    with connect(here, standby, deployment.standby_region) as connection:
        assert settled(here, connection, payment_id) == [deployment.primary_region]


def test_a_probe_of_the_standby_does_not_move_traffic(here: Target, deployment: Deployment) -> None:
    """What it took under its own name, the primary settles: the standby is not active."""
    region = deployment.standby_region
    with connect(here, deployment.regions[region].api_host, region) as connection:
        reply = pay(connection, "key-probe")
        assert (reply.status, reply.body["region"]) == (201, region)
        assert settled(here, connection, reply.body["payment_id"]) == [deployment.primary_region]
    assert latch(here, deployment) == {}


def test_a_payment_by_the_public_name_makes_the_standby_stay(here: Target, deployment: Deployment) -> None:
    """Latch, metric, alarm, health check, DNS: each hop of the way, with the functions' own roles."""
    region = deployment.standby_region
    with connect(here, deployment.public_name, region) as connection:
        reply = pay(connection, "key-takeover")
        assert reply.status == 201
        assert latch(here, deployment)["is_set"] == {"BOOL": True}
        assert settled(here, connection, reply.body["payment_id"]) == [region]

    def answer() -> tuple[str, ...]:
        return here.resolve(deployment.public_name, timeout_seconds=30).addresses

    standby = here.resolve(deployment.regions[region].api_host, timeout_seconds=30).addresses
    assert here.clock.wait_until(lambda: answer() == standby, timeout=1200, poll=5)


def test_drift_is_seen_and_mended(here: Target, deployment: Deployment) -> None:
    primary = deployment.regions[deployment.primary_region]
    queues = here.client("sqs", deployment.primary_region)
    queues.set_queue_attributes(QueueUrl=primary.queues["work"]["url"], Attributes={"VisibilityTimeout": "5"})
    alarms = here.client("cloudwatch", deployment.primary_region)
    alarms.delete_alarms(AlarmNames=[primary.alarms[0]])
    found = stack.drift(here)
    assert {(one.op, one.name) for one in found.changes} == {
        ("update", "messaging-us-east-2-work"),
        ("create", "alarms-primary-api-5xx"),
    }
    with pytest.raises(StepFailed, match="messaging-us-east-2-work"):
        found.require_same()
    assert stack.up(here, approval(here)) == deployment
    assert len(stack.drift(here).require_same().of("same")) == RESOURCES


def test_destroyed_nothing_is_left(here: Target, deployment: Deployment) -> None:
    kinds = {left.kind for left in stack.leftovers(here)}
    assert {"table", "bucket", "VPC", "health check", "hosted zone", "custom domain", "role"} <= kinds
    assert len(kinds) >= 20
    stack.destroy(here, approval(here))
    assert stack.leftovers(here).require_none() == []
    with pytest.raises(StepFailed, match="Nothing is deployed"):
        stack.current(here)
    stack.destroy(here, approval(here))


UP = """
    import sys
    from drlib.runs import approval
    from drlib import parameters, target
    from drlib.stack import stack
    here = target.open(parameters.make({values}))
    stack.up(here, approval.approve(here.settings, "test"))
"""


def test_an_interrupted_deployment_ends_well_the_second_time(sandbox: Any) -> None:
    """Interrupt the process group in the middle, as Ctrl-C and a kernel's interrupt do."""
    values = values_of("cut", lambda_in_vpc=False)
    here = open_target("cut", lambda_in_vpc=False)
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(UP).format(values=values)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def half_made() -> bool:
        found = here.folder / "pulumi" / ".pulumi" / "stacks" / engine.PROJECT / "cut.json"
        return child.poll() is not None or (
            found.exists()
            and len(json.loads(found.read_text())["checkpoint"]["latest"].get("resources", [])) > 40
        )

    assert here.clock.wait_until(half_made, timeout=6000, poll=1)
    os.killpg(child.pid, signal.SIGINT)
    _, words = child.communicate(timeout=300)
    assert "KeyboardInterrupt" in words
    with pytest.raises(StepFailed, match="not whole"):
        stack.current(here)
    assert stack.up(here, approval(here)).resource_count < RESOURCES
    stack.destroy(here, approval(here))
    assert stack.leftovers(here).require_none() == []


def test_a_refused_resource_is_named_and_the_rest_follows(sandbox: Any) -> None:
    here = open_target("taken", lambda_in_vpc=False)
    roles = here.client("iam", "us-west-2")
    trust = {"Version": "2012-10-17", "Statement": []}
    name = "pay-settlement-taken-usw2"
    roles.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Path="/")
    with pytest.raises(StepFailed) as caught:
        stack.up(here, approval(here))
    assert caught.value.message.startswith("standby-settlement-role failed: EntityAlreadyExists")
    assert "choose another suffix" in caught.value.remedy.replace("\n", " ")
    roles.delete_role(RoleName=name)
    assert stack.up(here, approval(here)).public_name == "api.taken.test"
    stack.destroy(here, approval(here))
    assert stack.leftovers(here).require_none() == []
