"""Checks of the deployed configuration that only a failover uses. All of them only read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from drlib.checks import (
    alarms,
    announcements,
    api_routes,
    data,
    failover_records,
    network,
    parity,
    permissions,
)
from drlib.core.aws_calls import GLOBAL_REGION
from drlib.core.errors import slug
from drlib.show.checklist import Probe

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

ONCE: tuple[tuple[str, str, Callable[[Target, Deployment], str]], ...] = (
    ("the-failover-pair-is-whole", "the failover pair is whole", failover_records.failover_pair),
    (
        "the-primarys-health-counts-endpoint-and-latch",
        "the primary's health counts endpoint and latch",
        failover_records.primary_health,
    ),
    ("the-latchs-alarm-watches-its-metric", "the latch's alarm watches its metric", alarms.latch_alarm),
    ("the-latch-is-published-every-minute", "the latch is published every minute", alarms.latch_published),
)
EACH_REGION: tuple[tuple[str, str, Callable[[Target, Deployment, str], str]], ...] = (
    ("every-route-may-invoke-its-function", "every route may invoke its function", api_routes.routes_invoke),
    ("the-functions-reach-their-services", "the functions reach their services", network.services_reachable),
    ("the-work-queue-is-fed", "the work queue is fed", announcements.topics_subscribed),
    (
        "what-cannot-be-settled-is-put-aside",
        "what cannot be settled is put aside",
        announcements.has_dead_letter_queue,
    ),
    ("the-table-can-be-restored", "the table can be restored", data.has_point_in_time_recovery),
    ("receipts-are-replicated", "receipts are replicated", data.bucket_replicates),
    ("receipts-are-closed-to-the-public", "receipts are closed to the public", data.public_access_blocked),
)


def questions(here: Target, deployment: Deployment) -> list[Probe]:
    """Return the checks; the id and name of a regional check end with its role."""
    roles = {role: deployment.region(role) for role in ("primary", "standby")}
    found = [Probe(id, name, partial(ask, here, deployment)) for id, name, ask in ONCE]
    for role, region in roles.items():
        asks = partial(failover_records.endpoint_check, here, deployment, region, f"{role}_endpoint")
        found.append(Probe("the-health-check-asks-the-api", "the health check asks the API", asks).of(role))
    for id, name, look in EACH_REGION:
        for role, region in roles.items():
            found.append(Probe(id, name, partial(look, here, deployment, region)).of(role))
    watched = {role: (region, list(deployment.regions[region].alarms)) for role, region in roles.items()}
    watched["Route 53"] = (GLOBAL_REGION, list(deployment.dns_alarms))
    for role, (region, names) in watched.items():
        acts = partial(alarms.alarms_act, here, deployment, region, names)
        found.append(Probe("alarms-tell-somebody", "alarms tell somebody", acts).of(role))
    return found


def standby(here: Target, deployment: Deployment) -> list[Probe]:
    """Return the checks of the standby's functions: equal to the primary's, with all permissions."""
    names = sorted(deployment.regions[deployment.standby_region].functions)
    found = [
        Probe(
            f"same-function-{slug(name)}",
            f"the standby's {name} function is the same",
            partial(parity.same_function, here, deployment, name),
            entry="same-function",
        )
        for name in names
    ]
    return found + [
        Probe(
            f"may-take-over-{slug(name)}",
            f"the standby's {name} function may take over",
            partial(permissions.takeover_allowed, here, deployment, name),
            entry="may-take-over",
        )
        for name in names
    ]
