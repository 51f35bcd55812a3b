"""What stands ready for a failover and shows on no good day: the questions on the deployed configuration.

All of them only read. What each looks at is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from drlib.checks import alarms, announcements, api_routes, data, failover_records, network, parity, rights
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
    ("every-route-may-invoke-its-function", "every route may invoke its function", api_routes.invoking),
    ("the-functions-reach-their-services", "the functions reach their services", network.reaching),
    ("the-work-queue-is-fed", "the work queue is fed", announcements.fed),
    ("what-cannot-be-settled-is-put-aside", "what cannot be settled is put aside", announcements.put_aside),
    ("the-table-can-be-restored", "the table can be restored", data.restorable),
    ("receipts-are-replicated", "receipts are replicated", data.replicating),
    ("receipts-are-closed-to-the-public", "receipts are closed to the public", data.closed),
)


def questions(here: Target, deployment: Deployment) -> list[Probe]:
    """Return the questions; those of one region end with its role."""
    roles = {"primary": deployment.primary_region, "standby": deployment.standby_region}
    found = [Probe(id, name, partial(ask, here, deployment)) for id, name, ask in ONCE]
    for role, region in roles.items():
        asks = partial(failover_records.endpoint_check, here, deployment, region, f"{role}_endpoint")
        found.append(Probe("the-health-check-asks-the-api", "the health check asks the API", asks).of(role))
    for id, name, look in EACH_REGION:
        for role, region in roles.items():
            found.append(Probe(id, name, partial(look, here, deployment, region)).of(role))
    told = {role: (region, list(deployment.regions[region].alarms)) for role, region in roles.items()}
    told["Route 53"] = (GLOBAL_REGION, list(deployment.dns_alarms))
    for role, (region, names) in told.items():
        acts = partial(alarms.alarms_act, here, deployment, region, names)
        found.append(Probe("alarms-tell-somebody", "alarms tell somebody", acts).of(role))
    return found


def standby(here: Target, deployment: Deployment) -> list[Probe]:
    """Return the questions on the standby's functions: the same as the primary's, and free to take over."""
    names = sorted(deployment.regions[deployment.standby_region].functions)
    found = [
        Probe(
            f"same-function-{slug(name)}",
            f"the standby's {name} function is the same",
            partial(parity.same, here, deployment, name),
            entry="same-function",
        )
        for name in names
    ]
    return found + [
        Probe(
            f"may-take-over-{slug(name)}",
            f"the standby's {name} function may take over",
            partial(rights.allowed, here, deployment, name),
            entry="may-take-over",
        )
        for name in names
    ]
