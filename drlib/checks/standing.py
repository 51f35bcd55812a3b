"""What stands ready for a failover and shows on no good day: the questions on the deployed configuration.

All of them only read. What each looks at is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from drlib import probes
from drlib.checklist import Probe
from drlib.checks import announcements, data, network, parity, rights, routes, routing, watch

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.target import Target

ONCE: tuple[tuple[str, Callable[[Target, Deployment], str], str], ...] = (
    ("the failover pair is whole", routing.failover_pair, "dns"),
    ("the primary's health counts endpoint and latch", routing.primary_health, "health"),
    ("the latch's alarm watches its metric", watch.latch_alarm, "latch"),
    ("the latch is published every minute", watch.latch_published, "latch"),
)
EACH_REGION: tuple[tuple[str, Callable[[Target, Deployment, str], str], str], ...] = (
    ("every route may invoke its function", routes.invoking, "routes"),
    ("the functions reach their services", network.reaching, "network"),
    ("the work queue is fed", announcements.fed, "announcements"),
    ("what cannot be settled is put aside", announcements.put_aside, "announcements"),
    ("the table can be restored", data.restorable, "protection"),
    ("receipts are replicated", data.replicating, "replication"),
    ("receipts are closed to the public", data.closed, "protection"),
)


def questions(here: Target, deployment: Deployment) -> list[Probe]:
    """Return the questions, those of one region with its role behind the name."""
    roles = {"primary": deployment.primary_region, "standby": deployment.standby_region}
    found = [Probe(name, partial(ask, here, deployment), _hint(topic)) for name, ask, topic in ONCE]
    for role, region in roles.items():
        asks = partial(routing.endpoint_check, here, deployment, region, f"{role}_endpoint")
        found.append(Probe(f"the health check asks the API ({role})", asks, _hint("health")))
    for name, look, topic in EACH_REGION:
        for role, region in roles.items():
            found.append(Probe(f"{name} ({role})", partial(look, here, deployment, region), _hint(topic)))
    told = {role: (region, list(deployment.regions[region].alarms)) for role, region in roles.items()}
    told["Route 53"] = (probes.ROUTE53_REGION, list(deployment.dns_alarms))
    for role, (region, names) in told.items():
        acts = partial(watch.alarms_act, here, deployment, region, names)
        found.append(Probe(f"alarms tell somebody ({role})", acts, _hint("alarms")))
    return found


def standby(here: Target, deployment: Deployment) -> list[Probe]:
    """Return the questions on the standby's functions: the same as the primary's, and free to take over."""
    names = sorted(deployment.regions[deployment.standby_region].functions)
    found = [
        Probe(
            f"the standby's {name} function is the same",
            partial(parity.same, here, deployment, name),
            _hint("parity"),
        )
        for name in names
    ]
    return found + [
        Probe(
            f"the standby's {name} function may take over",
            partial(rights.allowed, here, deployment, name),
            _hint("rights"),
        )
        for name in names
    ]


def _hint(topic: str) -> str:
    return f"90-troubleshoot: {topic}."
