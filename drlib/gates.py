"""The gates before a failback: what must be so before traffic may return to the primary."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drlib import checklist, holdings, latch, planes, probes, repair
from drlib.checklist import Checks, Failed, Probe, Skip
from drlib.errors import StepFailed
from drlib.holdings import Payment

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.target import Target

DRAIN_TIMEOUT_SECONDS = 180.0
RETRY_SECONDS = 5.0
ANNOUNCE = "Announce it again with repair.announce, as 40-failback does, and ask again."
HINT = "90-troubleshoot: failback gates."


def gates(here: Target, deployment: Deployment) -> Checks:
    """Ask everything that must be so before traffic may return to the primary. Takes up to three minutes,
    modelled, while queues drain."""
    primary, standby = deployment.primary_region, deployment.standby_region
    regions = {"primary": primary, "standby": standby}
    questions = [
        Probe("the latch is set", lambda: _is_set(here, deployment), "There is nothing to fail back from."),
        Probe("no fault is in force", lambda: _no_fault(here), "Run `drlib restore`."),
        Probe(
            "the primary is healthy",
            lambda: _in_time(here, lambda: probes.deep_health(here, deployment, primary)),
            HINT,
        ),
        Probe(
            "its health check passes",
            lambda: _in_time(
                here, lambda: probes.check_is_healthy(here, deployment.checks["primary_endpoint"])
            ),
            "Wait until every checker has passed, and ask again.",
        ),
        Probe(
            "writes reach the standby", lambda: probes.replicates(here, deployment, primary, standby), HINT
        ),
        Probe(
            "writes reach the primary", lambda: probes.replicates(here, deployment, standby, primary), HINT
        ),
        Probe("no replication backlog", lambda: _no_backlog(here, deployment), HINT),
    ]
    for role, region in regions.items():
        queues = deployment.regions[region].queues
        questions += [
            Probe(
                f"work queue drained ({role})",
                lambda url=queues["work"]["url"], region=region: _drained(here, url, region),  # type: ignore[misc]
                HINT,
            ),
            Probe(
                f"dead-letter queue empty ({role})",
                lambda url=queues["dead_letter"]["url"], region=region: probes.queue_is_empty(  # type: ignore[misc]
                    here, url, region
                ),
                "Look at the messages: each is a payment that no worker could settle.",
            ),
        ]
    questions.append(Probe("no payment waits", lambda: _all_settled(here, deployment), ANNOUNCE))
    with planes.purpose("failback"):
        return checklist.make("Failback gates", questions)


def _in_time(here: Target, ask: Callable[[], str]) -> str:
    """Ask again until the answer is good: a region that has just come back needs a moment."""
    give_up_at = here.clock.now() + here.clock.patient(DRAIN_TIMEOUT_SECONDS)
    while True:
        try:
            return ask()
        except (Failed, StepFailed):
            if here.clock.now() >= give_up_at:
                raise
        here.clock.sleep(RETRY_SECONDS)


def _is_set(here: Target, deployment: Deployment) -> str:
    now = latch.read(here, deployment)
    if not now.is_set:
        raise Failed("it is released: the primary is the active region")
    return now.reason or "set"


def _no_fault(here: Target) -> str:
    faults = here.faults()
    if faults:
        raise Failed(f"{', '.join(sorted(faults))} is still broken")
    return "none"


def _no_backlog(here: Target, deployment: Deployment) -> str:
    if here.origin == "live":
        raise Skip("AWS does not tell how many writes wait; see ReplicationLatency, and the markers above")

    def waiting() -> int:
        return sum(
            int(count) for by_region in here.replication_backlog().values() for count in by_region.values()
        )

    # A write is in flight for about the replication lag, so that a busy table is rarely at zero for long.
    if not here.clock.wait_until(lambda: waiting() == 0, timeout=DRAIN_TIMEOUT_SECONDS, poll=1.0):
        raise Failed(f"{waiting()} writes wait")
    return "nothing waits"


def _drained(here: Target, url: str, region: str) -> str:
    """Wait until nothing is ready to be received. What is under way is seen by "no payment waits"."""

    def waiting() -> int:
        return probes.queue_depth(here, url, region)[0]

    if not here.clock.wait_until(lambda: waiting() == 0, timeout=DRAIN_TIMEOUT_SECONDS, poll=2.0):
        raise Failed(f"{waiting()} messages wait", region=region)
    return "nothing waits"


def _all_settled(here: Target, deployment: Deployment) -> str:
    """Wait until every payment that is old enough now is settled, in the eyes of both regions.

    Those that grow old meanwhile do not count: traffic goes on, and there would be no end. The age is twice
    that at which `repair.announce` takes care of one, so that what it left alone is not held against it.
    """
    before = here.clock.now() - 2 * repair.SETTLE_WITHIN_SECONDS
    regions = (deployment.primary_region, deployment.standby_region)
    left: list[Payment] = []

    def settled() -> bool:
        tables = [holdings.scan(here, deployment.table, region) for region in regions]
        left[:] = repair.waiting(*tables, before=before)
        return not left

    if not here.clock.wait_until(settled, timeout=DRAIN_TIMEOUT_SECONDS, poll=RETRY_SECONDS):
        raise Failed(
            f"{len(left)} payments are not settled; {left[0].payment_id} was accepted by {left[0].region}"
        )
    return f"every payment older than {2 * repair.SETTLE_WITHIN_SECONDS:g} s is settled in both tables"
