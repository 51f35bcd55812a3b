"""The steady state: what is true of a healthy stack, and must be true before a drill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from drlib.checks import alarms, standby
from drlib.checks.failover_records import HEALTH_PATH, renewable, settled_region
from drlib.checks.hops import TestPayment, require_accepted
from drlib.checks.preflight import no_fault
from drlib.core import aws_calls
from drlib.deployed import fence, latch, probes
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe
from drlib.timeline.prediction import predict

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

QUEUES = ("dead_letter", "undelivered")
THREADS = 12

ROLES = ("primary", "standby")
FAULT = "Run `drlib restore`."

Ask = Callable[["Target", "Deployment"], str]


def steady_state(here: Target, deployment: Deployment) -> Checks:
    """Follow one payment through every hop, and check everything that a failover needs.

    This writes one payment, with a key that begins with `verify-`, and two marker items, which it deletes.
    """
    trial = TestPayment(here, deployment)
    questions = [
        *_way_in(here, deployment),
        *trial.questions(),
        *_health(here, deployment),
        *_replication(here, deployment),
        *_standby(here, deployment),
        *_queues(here, deployment),
        *standby.questions(here, deployment),
        *_quiet(here, deployment),
    ]
    with aws_calls.purpose("verify"):
        return checklist.make("Steady state", questions, threads=THREADS)


def drill_ready(here: Target, deployment: Deployment) -> Checks:
    """Check, in a few seconds, what must be true just before a fault is injected."""
    questions = [
        Probe("no-fault-in-force", "no fault is in force", lambda: no_fault(here), FAULT),
        *_way_in(here, deployment),
        *_health(here, deployment),
        *_replication(here, deployment),
        *_standby(here, deployment),
        *_queues(here, deployment),
        Probe("predicted-rto", "predicted RTO within target", lambda: _predicted(here, deployment)),
    ]
    with aws_calls.purpose("verify"):
        return checklist.make("Ready for the drill", questions, threads=THREADS)


def standby_ready(here: Target, deployment: Deployment) -> Checks:
    """Check, in an incident, that the standby can take over. It calls no primary and no control plane."""
    region = deployment.standby_region
    asks = (
        ("the-api-reads-its-table", "the API reads its table", _deep(region), ""),
        ("certificate-and-mapping", "certificate and mapping", named(region), ""),
        ("takes-a-payment", "it takes a payment", _takes(region), ""),
        ("no-fence-in-force", "it is not fenced", _open(region), "fence"),
    )
    questions = [
        Probe(id, name, partial(ask, here, deployment), entry=entry) for id, name, ask, entry in asks
    ]
    with aws_calls.purpose("observe"):
        return checklist.make("The standby can take over", questions, threads=THREADS)


def _by_role(
    here: Target,
    deployment: Deployment,
    id: str,  # noqa: A002 - as in Probe
    name: str,
    ask_of: Callable[[str], Ask],
    *,
    entry: str = "",
) -> list[Probe]:
    """Return one check for the primary and one for the standby; `ask_of` gets the region."""
    asks = {role: partial(ask_of(deployment.region(role)), here, deployment) for role in ROLES}
    return [Probe(id, name, ask, entry=entry).of(role) for role, ask in asks.items()]


def _way_in(here: Target, deployment: Deployment) -> list[Probe]:
    by_role = partial(_by_role, here, deployment)
    leads, armed = partial(_leads_to_primary, here, deployment), partial(_latch_armed, here, deployment)
    return [
        Probe("public-name", "the public name leads to the primary", leads),
        *by_role("certificate-and-mapping", "certificate and mapping", _certified),
        Probe("the-latch-is-released-and-armed", "the latch is released, and armed", armed),
        *by_role("no-fence-in-force", "no fence is in force", _open, entry="fence"),
    ]


def _health(here: Target, deployment: Deployment) -> Iterator[Probe]:
    for role in ROLES:
        deep = partial(probes.deep_health, here, deployment, deployment.region(role))
        healthy = partial(probes.check_is_healthy, here, deployment.checks[f"{role}_endpoint"])
        yield Probe("the-api-reads-its-table", "the API reads its table", deep).of(role)
        yield Probe("every-checker-passes", "every checker passes", healthy).of(role)


def _replication(here: Target, deployment: Deployment) -> list[Probe]:
    primary, standby = deployment.primary_region, deployment.standby_region
    forth = partial(probes.replicates, here, deployment, primary, standby)
    back = partial(probes.replicates, here, deployment, standby, primary)
    return [
        Probe("replication-to-standby", "writes reach the standby", forth, entry="replication"),
        Probe("replication-to-primary", "writes reach the primary", back, entry="replication"),
    ]


def _standby(here: Target, deployment: Deployment) -> list[Probe]:
    workers = _by_role(here, deployment, "the-worker-is-on", "the worker is on", _worker)
    return standby.standby(here, deployment) + workers


def _queues(here: Target, deployment: Deployment) -> Iterator[Probe]:
    for queue in QUEUES:
        name = queue.replace("_", "-")
        for role in ROLES:
            region = deployment.region(role)
            if found := deployment.regions[region].queues.get(queue):
                empty = partial(probes.queue_is_empty, here, found["url"], region)
                yield Probe(f"the-{name}-queue-is-empty", f"the {name} queue is empty", empty).of(role)


def _quiet(here: Target, deployment: Deployment) -> Iterator[Probe]:
    for role in ROLES:
        region = deployment.region(role)
        quiet = partial(alarms.none_rings, here, region, list(deployment.regions[region].alarms))
        yield Probe("no-alarm-rings", "no alarm rings", quiet).of(role)
    quiet = partial(alarms.none_rings, here, aws_calls.GLOBAL_REGION, list(deployment.dns_alarms))
    yield Probe("no-alarm-rings", "no alarm rings", quiet).of("Route 53")


def _leads_to_primary(here: Target, deployment: Deployment) -> str:
    region = settled_region(here, deployment)
    if region != deployment.primary_region:
        raise Failed(f"it leads to {region or 'neither region'}")
    return region


def named(region: str) -> Ask:
    """Return a check that sends a request with the public name to a region's edge.

    TLS verifies the certificate, and the answer shows the mapping.
    """

    def ask(here: Target, deployment: Deployment) -> str:
        address = probes.address_of(here, deployment.regions[region].api_host)
        if here.origin == "live":  # on AWS the custom domain has other addresses than the API
            address = here.resolve(deployment.public_name).address
        reply = probes.request(here, deployment.public_name, "GET", HEALTH_PATH, address=address)
        if reply.status != 200:
            raise Failed(f"it answered {reply.status}", region=region)
        return "200"

    return ask


def _certified(region: str) -> Ask:
    """Return a check that a region has its certificate, and that ACM can renew it."""

    def ask(here: Target, deployment: Deployment) -> str:
        answer = named(region)(here, deployment)
        renewable(here, deployment, region)
        return answer

    return ask


def _takes(region: str) -> Ask:
    return lambda here, deployment: require_accepted(here, deployment, region)


def _open(region: str) -> Ask:
    """Return a check that no fence is in force in a region."""

    def ask(here: Target, deployment: Deployment) -> str:
        found = fence.read(here, deployment, region)
        if found.in_force:
            raise Failed(found.summary, region=region)
        return "open"

    return ask


def _latch_armed(here: Target, deployment: Deployment) -> str:
    now = latch.read(here, deployment)
    if now.is_set:
        raise Failed(f"it is set: {now.reason or 'no reason given'}", remedy="Run 40-failback first.")
    held = (now.hold_until or 0.0) - here.clock.now()
    if held > 0:
        raise Failed(
            f"a failback holds it open for another {held:.0f} s: a failover would not set it",
            remedy="Wait until then, or end the hold with failback.arm, as 40-failback does.",
        )
    return "released, and armed"


def _deep(region: str) -> Ask:
    return lambda here, deployment: probes.deep_health(here, deployment, region)


def _worker(region: str) -> Ask:
    """Return a check that the worker, and no other function, reads the work queue of a region."""

    def ask(here: Target, deployment: Deployment) -> str:
        queue = deployment.regions[region].queues["work"]["arn"]
        found = here.client("lambda", region).list_event_source_mappings(EventSourceArn=queue)
        states = {
            mapping["FunctionArn"].rpartition(":")[2]: mapping["State"]
            for mapping in found["EventSourceMappings"]
        }
        own: str = states.pop(deployment.regions[region].functions["settlement"], "missing")
        if own != "Enabled":
            raise Failed(f"its event source mapping is {own}", region=region)
        if states:
            raise Failed(f"{', '.join(sorted(states))} reads its queue as well", region=region)
        return own

    return ask


def _predicted(here: Target, deployment: Deployment) -> str:
    prediction = predict(here.settings, deployment).require()
    return f"{prediction.predicted_seconds:.0f} s, target {prediction.target_seconds:g} s"
