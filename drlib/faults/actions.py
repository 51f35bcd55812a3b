"""The orders that inject each part of a scenario, and the orders that undo it.

An order is JSON-like, so that a file can store it and another process can perform it
(`drlib.faults.restore`):

| do | means |
|---|---|
| inject | take a region of the sandbox down |
| impair | impair something in the sandbox |
| heal | end one of these two, by name |
| call | one AWS call, as boto3 names it |
| withdraw | take marked messages out of queues |
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drlib.faults.scenario import (
    ApiTrouble,
    CheckersCutOff,
    ColdFunctions,
    ControlPlaneDown,
    FunctionOff,
    Part,
    Poison,
    RegionDown,
    ReplicationCut,
    Scenario,
)

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

Order = dict[str, Any]
OF_A_REGION: dict[type[Part], tuple[str, str]] = {
    CheckersCutOff: ("checkers", "no checker reaches it"),
    ControlPlaneDown: ("control-plane", "control planes refuse"),
    ColdFunctions: ("cold", "cold functions"),
}
"""The sandbox's kind of impairment, and what it means in words."""


@dataclass(frozen=True)
class Act:
    """One part of a fault: its summary, the orders that inject it, and the orders that undo it."""

    summary: str
    do: tuple[Order, ...]
    undo: tuple[Order, ...]


def acts(here: Target, deployment: Deployment, plan: Scenario, fault_id: str) -> list[Act]:
    """Return the acts in order. It reads the values to restore later, and changes nothing.

    Args:
        here, deployment: as everywhere.
        plan: the scenario.
        fault_id: prefix of the names of all impairments and messages.
    """
    return [
        act
        for number, part in enumerate(plan.faults)
        for act in _acts(part, here, deployment, f"{fault_id}-{number}")
    ]


def _region(deployment: Deployment, where: str) -> str:
    return deployment.region(where) if where in ("primary", "standby") else where


@functools.singledispatch
def _acts(part: Part, here: Target, deployment: Deployment, name: str) -> Iterator[Act]:
    raise TypeError(f"no orders break a {type(part).__name__}")


@_acts.register(RegionDown)
def _region_down(part: RegionDown, here: Target, deployment: Deployment, name: str) -> Iterator[Act]:
    region, mode = _region(deployment, part.where), here.settings.outage_mode
    if part.times == 1:
        yield Act(
            f"{region} ({mode})",
            ({"do": "inject", "region": region, "mode": mode},),
            ({"do": "heal", "name": region},),
        )
        return
    yield _impaired(
        f"{region} ({mode}, {part.times} times)",
        name,
        kind="flapping",
        region=region,
        mode=mode,
        times=part.times,
        down_seconds=part.down_seconds,
        up_seconds=part.up_seconds,
    )


@_acts.register(ApiTrouble)
def _api_trouble(part: ApiTrouble, here: Target, deployment: Deployment, name: str) -> Iterator[Act]:
    region = _region(deployment, part.where)
    what = (
        f"{part.share:.0%} of requests get {part.status}"
        if part.status
        else f"{part.latency_seconds:g} s late"
    )
    yield _impaired(
        f"{region} ({what})",
        name,
        kind="api",
        region=region,
        paths=part.paths,
        share=part.share,
        status=part.status,
        latency_seconds=part.latency_seconds,
    )


@_acts.register(ReplicationCut)
def _replication_cut(part: ReplicationCut, here: Target, deployment: Deployment, name: str) -> Iterator[Act]:
    ways = (
        (deployment.primary_region, deployment.standby_region),
        (deployment.standby_region, deployment.primary_region),
    )
    for number, (source, target) in enumerate(ways):
        yield _impaired(
            f"{source} to {target} ({', '.join(part.services)} cut)",
            f"{name}-{number}",
            kind="cut",
            source=source,
            target=target,
            services=part.services,
        )


@_acts.register(CheckersCutOff)
@_acts.register(ControlPlaneDown)
@_acts.register(ColdFunctions)
def _of_a_region(
    part: CheckersCutOff | ControlPlaneDown | ColdFunctions,
    here: Target,
    deployment: Deployment,
    name: str,
) -> Iterator[Act]:
    """Impair a part that needs only a region."""
    region, (kind, words) = _region(deployment, part.where), OF_A_REGION[type(part)]
    yield _impaired(f"{region} ({words})", name, kind=kind, region=region)


@_acts.register(FunctionOff)
def _function_off(part: FunctionOff, here: Target, deployment: Deployment, name: str) -> Iterator[Act]:
    """Set a reserved concurrency of 0, which "throttles" every invocation; restore the value from before.

    AWS: Lambda API Reference, PutFunctionConcurrency and DeleteFunctionConcurrency.
    """
    region = _region(deployment, part.where)
    function = {"FunctionName": deployment.regions[region].functions[part.function]}
    found = here.client("lambda", region).get_function_concurrency(**function)
    before = found.get("ReservedConcurrentExecutions")

    def call(operation: str, **more: int) -> Order:
        return {
            "do": "call",
            "service": "lambda",
            "region": region,
            "operation": operation,
            "parameters": {**function, **more},
        }

    put = "put_function_concurrency"
    yield Act(
        f"{region} ({part.function} function off)",
        (call(put, ReservedConcurrentExecutions=0),),
        (
            call("delete_function_concurrency")
            if before is None
            else call(put, ReservedConcurrentExecutions=before),
        ),
    )


@_acts.register(Poison)
def _poison(part: Poison, here: Target, deployment: Deployment, name: str) -> Iterator[Act]:
    """Send messages that name unknown payments; the undo deletes them from both queues."""
    region = _region(deployment, part.where)
    queues = deployment.regions[region].queues
    bodies = [
        json.dumps({"payment_id": f"{name}-{number}", "origin_region": region})
        for number in range(part.messages)
    ]
    sends = tuple(
        {
            "do": "call",
            "service": "sqs",
            "region": region,
            "operation": "send_message",
            "parameters": {"QueueUrl": queues["work"]["url"], "MessageBody": body},
        }
        for body in bodies
    )
    withdraw = {
        "do": "withdraw",
        "region": region,
        "queues": [queues["dead_letter"]["url"], queues["work"]["url"]],
        "mark": f"{name}-",
        "messages": part.messages,
    }
    yield Act(f"{region} ({part.messages} messages that cannot be settled)", sends, (withdraw,))


def _impaired(summary: str, name: str, **order: Any) -> Act:
    return Act(summary, ({"do": "impair", "name": name, "order": order},), ({"do": "heal", "name": name},))
