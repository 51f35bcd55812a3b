"""A creation that was cut off is taken up by its URN: nothing is made twice, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from drlib.sandbox.provider.clients import Clients

from .engine import PRIMARY, Engine
from .examples import EXAMPLES

QUEUE = "aws:sqs/queue:Queue"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
URN = "urn:pulumi:cut::payments-dr::{}"


def group(name: str) -> dict[str, Any]:
    return {"region": PRIMARY, "name": f"/aws/lambda/{name}", "retentionInDays": 14}


@pytest.mark.fidelity(
    service="Pulumi",
    behaviour="if the engine is killed while it creates a resource, its state does not contain the resource",
    level="approximated",
    source="Pulumi documentation, Troubleshooting: interrupted updates and pending operations",
    note=(
        "the next deployment adopts the resource; the AWS provider fails, and the user imports or deletes it"
    ),
)
def test_what_was_made_and_not_recorded_is_taken_up(engine: Engine, clients: Clients) -> None:
    urn = URN.format(GROUP)
    id, state = engine.create(GROUP, group("cut"), urn=urn)
    clients.get("logs", PRIMARY).delete_retention_policy(logGroupName=id)  # it was cut off before that
    again, whole = engine.create(GROUP, group("cut"), urn=urn)
    engine.made.pop()
    assert (again, whole) == (id, state)
    found = clients.get("logs", PRIMARY).describe_log_groups(logGroupNamePrefix=id)["logGroups"]
    assert [one["retentionInDays"] for one in found] == [14]


@pytest.mark.parametrize("type_name", EXAMPLES)
def test_every_type_can_be_taken_up(type_name: str, engine: Engine) -> None:
    inputs, urn = EXAMPLES[type_name].inputs(engine), URN.format(type_name)
    id, state = engine.create(type_name, inputs, urn=urn)
    again, taken_up = engine.create(type_name, inputs, urn=urn)
    engine.made.pop()
    assert again == id
    assert {name: taken_up[name] for name in inputs} == {name: state[name] for name in inputs}
    assert taken_up.keys() == state.keys()


def named(engine: Engine, id: str, state: Any, urn: str) -> None:
    assert engine.read(GROUP, id, state, group("known"), urn=urn) is not None


def changed(engine: Engine, id: str, state: Any, urn: str) -> None:
    """Nothing: the next creation is of other inputs."""


@pytest.mark.parametrize(("act", "days"), [(named, 14), (changed, 30)])
def test_what_the_engine_knows_or_means_otherwise_is_refused_as_on_aws(
    engine: Engine, act: Callable[..., None], days: int
) -> None:
    urn = URN.format(act.__name__)
    id, state = engine.create(GROUP, group("known"), urn=urn)
    act(engine, id, state, urn)
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(GROUP, {**group("known"), "retentionInDays": days}, urn=urn)
    assert caught.value.details().startswith("ResourceAlreadyExistsException: ")


def test_what_is_gone_meanwhile_is_made_anew(engine: Engine, clients: Clients) -> None:
    urn = URN.format(QUEUE)
    inputs = {"region": PRIMARY, "name": "cut-queue"}
    first, _ = engine.create(QUEUE, inputs, urn=urn)
    clients.get("sqs", PRIMARY).delete_queue(QueueUrl=first)
    engine.made.pop()
    second, _ = engine.create(QUEUE, inputs, urn=urn)
    assert clients.get("sqs", PRIMARY).get_queue_url(QueueName="cut-queue")["QueueUrl"] == second
