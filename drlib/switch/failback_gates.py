"""The gates before a failback: what must be so before traffic may return to the primary.

A red gate stops it. A person who knows better may give a reason (`force_reason`): it goes into the evidence,
and the run says that it was forced.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from drlib.core import aws_calls
from drlib.core.errors import StepFailed, VerdictRed
from drlib.deployed import fence, latch, probes
from drlib.payments import announce, reconcile
from drlib.payments.ledger import FILE, Ledger
from drlib.payments.losses import LossCounts
from drlib.payments.tables import BETWEEN_SCANS_SECONDS, Payment, scan
from drlib.show import checklist
from drlib.show.checklist import Check, Checks, Failed, Probe
from drlib.show.output import Line
from drlib.switch import past_move

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.runs.run import Run
    from drlib.target.base import Target

DRAIN_TIMEOUT_SECONDS = 180.0
RETRY_SECONDS = 5.0
ANNOUNCE = "Announce it again with announce.announce, as 40-failback does, and ask again."
TITLE = "Failback gates"
NOTHING_MOVED = "the primary is active: nothing is to be brought back"
MOST_PEEKED = 10  # ReceiveMessage gives no more at once
RECEIPTS_LOOKED_AT = 50  # the newest: a bucket may hold millions


@dataclass(frozen=True)
class Gates(Checks):
    """The answers at the gates, and the counts of payments that one of them made (None if it made none)."""

    losses: LossCounts | None = None


def moved(here: Target, deployment: Deployment) -> bool:
    """Tell whether the standby is the active region: the latch is set, or the public name leads there."""
    if latch.read(here, deployment).is_set:
        return True
    return probes.public_answer(here, deployment) == deployment.standby_region


def gates(here: Target, deployment: Deployment, run: Run) -> Gates:
    """Ask everything that must be so before traffic may return to the primary.

    Takes up to three minutes, modelled, while queues drain. Where nothing has moved, there is nothing to ask.
    The answers and the counts of payments are saved with the run before anybody judges them (`passed`).
    """
    counted: list[LossCounts] = []
    with aws_calls.purpose("verify"):  # they look; what moves the traffic back is `release`
        if not moved(here, deployment):
            made = Checks(TITLE, (Check("nothing-moved", NOTHING_MOVED, "passed", "the latch is released"),))
        else:
            made = checklist.make(TITLE, _questions(here, deployment, run, counted))
    found = Gates(made.title, made.rows, counted[-1] if counted else None)
    run.save(f"gates.{run.runbook}", {"rows": found.as_dicts()})
    if found.losses is not None:
        found.losses.keep(run)
    return found


def passed(here: Target, run: Run, gates: Checks) -> Line:
    """Return one line if every gate is green, or if the parameter `force_reason` says why that is no matter.

    Raises:
        VerdictRed: payments are lost, late, invented or settled twice. The run keeps the counts.
        PreflightFailed: another gate is red; the message names each of them.
    """
    reason = here.settings.force_reason
    run.save(f"gates.{run.runbook}", {"rows": gates.as_dicts()})
    if gates.failed and reason:
        return forced(run, gates, reason)
    losses = gates.losses if isinstance(gates, Gates) else None
    if losses is not None and losses.reasons:
        raise VerdictRed(
            f"{' '.join(losses.reasons)} The traffic stays in the standby.",
            remedy="The run keeps the ids of these payments. Look at each of them before anything else. "
            "To fail back all the same, give the reason in force_reason.",
            entry="every-payment-is-accounted-for",
        )
    return gates.require()


def forced(run: Run, gates: Checks, reason: str) -> Line:
    """Write down that red checks were passed on purpose, and why; the verdict of the run will say so."""
    names = [row.name for row in gates.failed]
    run.save(f"forced.{run.runbook}", {"gates": names, "reason": reason})
    run.note("forced", detail={"gates": names, "reason": reason})
    return Line(f"{gates.line}, forced", detail=f"past {', '.join(names)}, because {reason}")


def _questions(here: Target, deployment: Deployment, run: Run, counted: list[LossCounts]) -> list[Probe]:
    """Return the questions; the reconciliation puts its counts into `counted`."""
    primary, standby = deployment.primary_region, deployment.standby_region
    regions = {"primary": primary, "standby": standby}
    questions = [
        Probe("no-fault-in-force", "no fault is in force", lambda: _no_fault(here), "Run `drlib restore`."),
        Probe(
            "the-primary-is-healthy",
            "the primary is healthy",
            lambda: _in_time(here, lambda: probes.deep_health(here, deployment, primary)),
        ),
        Probe(
            "every-checker-passes",
            "its health check passes",
            lambda: _in_time(
                here, lambda: probes.check_is_healthy(here, deployment.checks["primary_endpoint"])
            ),
            "Wait until every checker has passed, and ask again.",
        ),
        Probe(
            "replication-to-standby",
            "writes reach the standby",
            lambda: probes.replicates(here, deployment, primary, standby),
            entry="replication",
        ),
        Probe(
            "replication-to-primary",
            "writes reach the primary",
            lambda: probes.replicates(here, deployment, standby, primary),
            entry="replication",
        ),
        Probe(
            "both-tables-hold-the-same", "both tables hold the same", partial(_tables_agree, here, deployment)
        ),
        Probe(
            "receipts-are-in-both-buckets",
            "receipts are in both buckets",
            partial(_receipts_agree, here, deployment),
        ),
        Probe(
            "no-fence-in-force",
            "the primary is not fenced",
            partial(_not_fenced, here, deployment),
            entry="fence",
        ),
    ]
    for role, region in regions.items():
        queues = deployment.regions[region].queues
        questions += [
            Probe(
                "work-queue-drained",
                "work queue drained",
                lambda url=queues["work"]["url"], region=region: _drained(here, url, region),  # type: ignore[misc]
            ).of(role),
            Probe(
                "nothing-unaccounted-for-was-put-aside",
                "nothing unaccounted for was put aside",
                partial(_accounted_for, here, deployment, queues["dead_letter"]["url"], region),
                "Look at the messages: each is a payment that no worker could settle.",
            ).of(role),
        ]
    questions.append(
        Probe("no-payment-waits", "no payment waits", lambda: _all_settled(here, deployment), ANNOUNCE)
    )
    accepted = partial(_reconciled, here, deployment, run, counted)
    questions.append(Probe("every-payment-is-accounted-for", "every payment is accounted for", accepted))
    return questions


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


def _no_fault(here: Target) -> str:
    faults = here.faults()
    if faults:
        raise Failed(f"{', '.join(sorted(faults))} is still broken")
    return "none"


def _tables_agree(here: Target, deployment: Deployment) -> str:
    """Wait until the tables agree on every payment that is old enough now: traffic goes on meanwhile."""
    before = here.clock.now() - announce.SETTLE_WITHIN_SECONDS
    regions = (deployment.primary_region, deployment.standby_region)
    differing: list[str] = []

    def agree() -> bool:
        tables = [scan(here, deployment.table, region) for region in regions]
        young = {name for held in tables for name, row in held.payments.items() if row.accepted_at >= before}
        differing[:] = [name for name in reconcile.differing(*tables) if name not in young]
        return not differing

    if not here.clock.wait_until(agree, timeout=DRAIN_TIMEOUT_SECONDS, poll=BETWEEN_SCANS_SECONDS):
        raise Failed(f"{len(differing)} payments differ, such as {differing[0]}")
    return "payments and settlements"


def _receipts_agree(here: Target, deployment: Deployment) -> str:
    """Wait until the newest receipts are in both buckets: objects follow by a replication of their own."""
    primary, standby = deployment.primary_region, deployment.standby_region
    held = scan(here, deployment.table, standby)
    latest = {name: max(one.settled_at for one in group) for name, group in held.settlements.items()}
    newest = sorted(latest, key=lambda name: latest[name])[-RECEIPTS_LOOKED_AT:]
    missing: list[tuple[str, str]] = []

    def there() -> bool:
        missing[:] = [
            (name, region)
            for region in (primary, standby)
            for name in newest
            if not _has_receipt(here, deployment, region, name)
        ]
        return not missing

    if not here.clock.wait_until(there, timeout=DRAIN_TIMEOUT_SECONDS, poll=RETRY_SECONDS):
        raise Failed(f"{len(missing)} receipts are missing, such as {missing[0][0]}", region=missing[0][1])
    return f"the newest {len(newest)}"


def _has_receipt(here: Target, deployment: Deployment, region: str, payment_id: str) -> bool:
    found = here.client("s3", region).list_objects_v2(
        Bucket=deployment.regions[region].bucket, Prefix=f"receipts/{payment_id}.json", MaxKeys=1
    )
    return bool(found["KeyCount"])


def _not_fenced(here: Target, deployment: Deployment) -> str:
    """Wait for a fence that ends soon: behind it, nobody would be served after the return."""

    def gone() -> bool:
        return not fence.read(here, deployment, deployment.primary_region).in_force

    if not here.clock.wait_until(gone, timeout=DRAIN_TIMEOUT_SECONDS, poll=RETRY_SECONDS):
        raise Failed(fence.read(here, deployment, deployment.primary_region).summary)
    return "none"


def _accounted_for(here: Target, deployment: Deployment, url: str, region: str) -> str:
    """Require that a dead-letter queue is empty, or holds only what is settled by now. It keeps what it has.

    AWS: SQS API Reference, ReceiveMessage; a visibility timeout of 0 leaves the message where it is.
    """
    waiting, under_way = probes.queue_depth(here, url, region)
    if not waiting and not under_way:
        return "empty"
    settled = scan(here, deployment.table, region).settlements
    got = here.client("sqs", region).receive_message(
        QueueUrl=url, MaxNumberOfMessages=MOST_PEEKED, VisibilityTimeout=0
    )
    names = {message["MessageId"]: _payment_named(message["Body"]) for message in got.get("Messages", [])}
    open_ones = sorted(name or f"message {key}" for key, name in names.items() if name not in settled)
    if open_ones or waiting + under_way > len(names):
        such = f", such as {open_ones[0]}" if open_ones else ""
        raise Failed(f"{waiting + under_way} messages are there{such}", region=region)
    return f"{waiting + under_way} messages, all of them settled by now"


def _payment_named(body: str) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("payment_id", "")) if isinstance(found, dict) else ""


def _reconciled(here: Target, deployment: Deployment, run: Run, counted: list[LossCounts]) -> str:
    """Require that what this run's clients were told is in the tables: stop them before you ask."""
    if not (run.folder / FILE).exists():
        return "no payments in this run"
    ledger = Ledger.load(run.folder)
    told = past_move.recall(here, deployment, run)
    losses = reconcile.count(here, deployment, ledger, told.takeover, told.fault)
    counted.append(losses)
    if losses.reasons:
        raise Failed(" ".join(filter(None, (*losses.reasons, told.gap))))
    return f"{len(losses.acknowledged)} acknowledged"


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
    that at which `announce.announce` takes care of one, so that what it left alone is not held against it.
    """
    before = here.clock.now() - 2 * announce.SETTLE_WITHIN_SECONDS
    regions = (deployment.primary_region, deployment.standby_region)
    left: list[Payment] = []

    def settled() -> bool:
        tables = [scan(here, deployment.table, region) for region in regions]
        left[:] = announce.waiting(*tables, before=before)
        return not left

    if not here.clock.wait_until(settled, timeout=DRAIN_TIMEOUT_SECONDS, poll=BETWEEN_SCANS_SECONDS):
        raise Failed(
            f"{len(left)} payments are not settled; {left[0].payment_id} was accepted by {left[0].region}"
        )
    return f"every payment older than {2 * announce.SETTLE_WITHIN_SECONDS:g} s is settled in both tables"
