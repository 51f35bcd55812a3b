"""The steady state: what is true of a stack that is well, and must be true before a drill."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drlib.checks import standby
from drlib.checks.failover_records import HEALTH_PATH, led_to, renewable
from drlib.checks.hops import Trial, taken
from drlib.checks.preflight import no_fault
from drlib.core import aws_calls
from drlib.core.aws_calls import GLOBAL_REGION
from drlib.deployed import fence, latch, probes
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe
from drlib.timeline.prediction import predict

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

QUEUES = ("dead_letter", "undelivered")
THREADS = 12

Ask = Callable[["Target", "Deployment"], str]


ALARM_CLEARS_SECONDS = 300.0  # modelled; alarms look at a few minutes
ALARM_POLL_SECONDS = 5.0


def steady_state(here: Target, deployment: Deployment) -> Checks:
    """Follow one payment through every hop, and look at everything that a failover would need.

    Writes one payment, under a key that begins with `verify-`, and two marker items that it takes away again.
    """
    trial = Trial(here, deployment)
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
        Probe("no-fault-in-force", "no fault is in force", lambda: no_fault(here), "Run `drlib restore`."),
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
    """Check, in an incident, that the standby can take over. Asks no primary, and no control plane."""
    standby = deployment.standby_region
    questions = [
        _probe("the-api-reads-its-table", "the API reads its table", _deep(standby), here, deployment),
        _probe("certificate-and-mapping", "certificate and mapping", named(standby), here, deployment),
        _probe("takes-a-payment", "it takes a payment", _takes(standby), here, deployment),
        _probe("no-fence-in-force", "it is not fenced", _open(standby), here, deployment, entry="fence"),
    ]
    with aws_calls.purpose("observe"):
        return checklist.make("The standby can take over", questions, threads=THREADS)


def _probe(
    id: str,  # noqa: A002 - as in Probe
    name: str,
    ask: Ask,
    here: Target,
    deployment: Deployment,
    *,
    entry: str = "",
) -> Probe:
    return Probe(id, name, lambda: ask(here, deployment), entry=entry)


def _roles(deployment: Deployment) -> dict[str, str]:
    return {"primary": deployment.primary_region, "standby": deployment.standby_region}


def _way_in(here: Target, deployment: Deployment) -> list[Probe]:
    return [
        _probe("public-name", "the public name leads to the primary", _leads_to_primary, here, deployment),
        *(
            _probe(
                "certificate-and-mapping", "certificate and mapping", _certified(region), here, deployment
            ).of(role)
            for role, region in _roles(deployment).items()
        ),
        _probe(
            "the-latch-is-released-and-armed",
            "the latch is released, and armed",
            _latch_armed,
            here,
            deployment,
        ),
        *(
            _probe(
                "no-fence-in-force", "no fence is in force", _open(region), here, deployment, entry="fence"
            ).of(role)
            for role, region in _roles(deployment).items()
        ),
    ]


def _health(here: Target, deployment: Deployment) -> list[Probe]:
    found = []
    for role, region in _roles(deployment).items():
        checkers = _checkers(f"{role}_endpoint")
        for probe in (
            _probe("the-api-reads-its-table", "the API reads its table", _deep(region), here, deployment),
            _probe("every-checker-passes", "every checker passes", checkers, here, deployment),
        ):
            found.append(probe.of(role))
    return found


def _replication(here: Target, deployment: Deployment) -> list[Probe]:
    primary, standby = deployment.primary_region, deployment.standby_region
    return [
        _probe(
            f"replication-to-{role}",
            f"writes reach the {role}",
            _replicates(source, destination),
            here,
            deployment,
            entry="replication",
        )
        for role, source, destination in (("standby", primary, standby), ("primary", standby, primary))
    ]


def _standby(here: Target, deployment: Deployment) -> list[Probe]:
    found = standby.standby(here, deployment)
    found += [
        _probe("the-worker-is-on", "the worker is on", _worker(region), here, deployment).of(role)
        for role, region in _roles(deployment).items()
    ]
    return found


def _queues(here: Target, deployment: Deployment) -> list[Probe]:
    return [
        _probe(
            f"the-{queue.replace('_', '-')}-queue-is-empty",
            f"the {queue.replace('_', '-')} queue is empty",
            _empty(queue, region),
            here,
            deployment,
        ).of(role)
        for queue in QUEUES
        for role, region in _roles(deployment).items()
        if queue in deployment.regions[region].queues
    ]


def _quiet(here: Target, deployment: Deployment) -> list[Probe]:
    asks = {role: _alarms(region) for role, region in _roles(deployment).items()} | {"Route 53": _dns_alarms}
    return [
        _probe("no-alarm-rings", "no alarm rings", ask, here, deployment).of(role)
        for role, ask in asks.items()
    ]


def _leads_to_primary(here: Target, deployment: Deployment) -> str:
    region = led_to(here, deployment)
    if region != deployment.primary_region:
        raise Failed(f"it leads to {region or 'neither region'}")
    return region


def named(region: str) -> Ask:
    """Return a question that asks a region's edge under the public name.

    TLS checks the certificate, and the answer shows the mapping.
    """

    def ask(here: Target, deployment: Deployment) -> str:
        address = probes.address_of(here, deployment.regions[region].api_host)
        if here.origin == "live":  # the regional name of the domain has addresses of its own there
            address = here.resolve(deployment.public_name).address
        reply = probes.request(here, deployment.public_name, "GET", HEALTH_PATH, address=address)
        if reply.status != 200:
            raise Failed(f"it answered {reply.status}", region=region)
        return "200"

    return ask


def _certified(region: str) -> Ask:
    """Return a question that wants a region's certificate not only there, but renewable."""

    def ask(here: Target, deployment: Deployment) -> str:
        answer = named(region)(here, deployment)
        renewable(here, deployment, region)
        return answer

    return ask


def _takes(region: str) -> Ask:
    return lambda here, deployment: taken(here, deployment, region)


def _open(region: str) -> Ask:
    """Return a question that wants no fence in force around a region."""

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
            f"a failback holds it for another {held:.0f} s: a failover would not latch",
            remedy="Wait for that, or end it with failback.arm, as 40-failback does.",
        )
    return "released, and armed"


def _deep(region: str) -> Ask:
    return lambda here, deployment: probes.deep_health(here, deployment, region)


def _checkers(check: str) -> Ask:
    return lambda here, deployment: probes.check_is_healthy(here, deployment.checks[check])


def _replicates(source: str, destination: str) -> Ask:
    return lambda here, deployment: probes.replicates(here, deployment, source, destination)


def _worker(region: str) -> Ask:
    """Require that the worker reads its queue, and nothing else: each message goes to one reader."""

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


def _empty(queue: str, region: str) -> Ask:
    return lambda here, deployment: probes.queue_is_empty(
        here, deployment.regions[region].queues[queue]["url"], region
    )


def _alarms(region: str) -> Ask:
    return lambda here, deployment: _ringing(here, region, list(deployment.regions[region].alarms))


def _dns_alarms(here: Target, deployment: Deployment) -> str:
    return _ringing(here, GLOBAL_REGION, list(deployment.dns_alarms))


def _ringing(here: Target, region: str, names: list[str]) -> str:
    """Require that none of the alarms is in ALARM, or stays in it. One without data yet is not ringing.

    The first minute of a deployment may ring: a check fails until what it looks at is there. Such an alarm
    clears with the next minutes, and is waited for.
    """
    pages = here.client("cloudwatch", region).get_paginator("describe_alarms")

    def states() -> dict[str, str]:
        found = pages.paginate(AlarmNames=names)
        return {alarm["AlarmName"]: alarm["StateValue"] for page in found for alarm in page["MetricAlarms"]}

    def ringing() -> list[str]:
        return sorted(name for name, state in states().items() if state == "ALARM")

    missing = sorted(set(names) - states().keys())
    if missing:
        raise Failed(f"{missing[0]} does not exist", region=region)
    if not here.clock.wait_until(
        lambda: not ringing(), timeout=ALARM_CLEARS_SECONDS, poll=ALARM_POLL_SECONDS
    ):
        raise Failed(f"{', '.join(ringing())}", region=region)
    return f"{len(names)} alarms"


def _predicted(here: Target, deployment: Deployment) -> str:
    prediction = predict(here.settings, deployment).require()
    return f"{prediction.predicted_seconds:.0f} s, target {prediction.target_seconds:g} s"
