"""The failback gates: checks that must be green before traffic returns to the primary.

A red gate stops the failback. A person can override it with a reason in the parameter `force_reason`. The
evidence then contains the reason, and says that the failback was forced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from drlib.checks import waiting
from drlib.checks.waiting import wait_until_none
from drlib.core import aws_calls
from drlib.core.errors import StepFailed, VerdictRed
from drlib.deployed import fence, latch, probes
from drlib.payments import announce, reconcile
from drlib.payments.ledger import FILE, Ledger
from drlib.payments.losses import LossCounts
from drlib.payments.tables import BETWEEN_SCANS_SECONDS, Holdings, Payment, scan
from drlib.show import checklist
from drlib.show.checklist import Check, Checks, Failed, Probe
from drlib.show.output import Line
from drlib.switch import past_move

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.runs.run import Run
    from drlib.target.base import Target

RETRY_SECONDS = 5.0
ANNOUNCE = "Announce it again with announce.announce, as 40-failback does, then repeat the check."
TITLE = "Failback gates"
NOTHING_MOVED = "the primary is active: nothing is to be brought back"
MOST_PEEKED = 10  # the most that one ReceiveMessage call returns
RECEIPTS_CHECKED = 50  # the newest ones: a bucket can contain millions


@dataclass(frozen=True)
class Gates(Checks):
    """The results of the gates, and the counts of payments (None if no gate counted them)."""

    losses: LossCounts | None = None


def moved(here: Target, deployment: Deployment) -> bool:
    """Return whether the standby is active: the latch is set, or the public name leads to it."""
    if latch.read(here, deployment).is_set:
        return True
    return probes.public_answer(here, deployment) == deployment.standby_region


def gates(here: Target, deployment: Deployment, run: Run) -> Gates:
    """Run every check that must be green before traffic returns to the primary.

    This takes up to three modelled minutes, while queues drain. If the primary is active, no check is needed.
    The run keeps the results and the counts of payments before `passed` judges them.
    """
    counted: list[LossCounts] = []
    with aws_calls.purpose("verify"):  # the gates only read; `release` moves the traffic
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
    """Return one line if every gate is green, or if the parameter `force_reason` overrides a red one.

    Raises:
        VerdictRed: payments are lost, late, unexpected or settled twice. The run keeps the counts.
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
            remedy="The run keeps the ids of these payments. Examine each of them first. "
            "To fail back nevertheless, set force_reason to your reason.",
            entry="every-payment-is-accounted-for",
        )
    return gates.require()


def forced(run: Run, gates: Checks, reason: str) -> Line:
    """Record that a person overrode red checks, and the reason. The verdict of the run reports both."""
    names = [row.name for row in gates.failed]
    run.save(f"forced.{run.runbook}", {"gates": names, "reason": reason})
    run.note("forced", detail={"gates": names, "reason": reason})
    return Line(f"{gates.line}, forced", detail=f"past {', '.join(names)}, because {reason}")


def _questions(here: Target, deployment: Deployment, run: Run, counted: list[LossCounts]) -> list[Probe]:
    """Return the checks; the reconciliation appends its counts to `counted`."""
    primary, standby = deployment.primary_region, deployment.standby_region
    check_id = deployment.checks["primary_endpoint"]
    healthy = partial(_retried, here, partial(probes.deep_health, here, deployment, primary))
    passing = partial(_retried, here, partial(probes.check_is_healthy, here, check_id))
    to_standby = partial(probes.replicates, here, deployment, primary, standby)
    to_primary = partial(probes.replicates, here, deployment, standby, primary)
    equal, receipts = partial(_tables_agree, here, deployment), partial(_receipts_agree, here, deployment)
    unfenced, settled = partial(_not_fenced, here, deployment), partial(_all_settled, here, deployment)
    accounted = partial(_reconciled, here, deployment, run, counted)
    wait = "Wait until every checker has passed, then repeat the check."
    return [
        Probe("no-fault-in-force", "no fault is in force", lambda: _no_fault(here), "Run `drlib restore`."),
        Probe("the-primary-is-healthy", "the primary is healthy", healthy),
        Probe("every-checker-passes", "its health check passes", passing, wait),
        Probe("replication-to-standby", "writes reach the standby", to_standby, entry="replication"),
        Probe("replication-to-primary", "writes reach the primary", to_primary, entry="replication"),
        Probe("both-tables-hold-the-same", "both tables hold the same", equal),
        Probe("receipts-are-in-both-buckets", "receipts are in both buckets", receipts),
        Probe("no-fence-in-force", "the primary is not fenced", unfenced, entry="fence"),
        *(probe for role in ("primary", "standby") for probe in _queue_questions(here, deployment, role)),
        Probe("no-payment-waits", "no payment waits", settled, ANNOUNCE),
        Probe("every-payment-is-accounted-for", "every payment is accounted for", accounted),
    ]


def _queue_questions(here: Target, deployment: Deployment, role: str) -> list[Probe]:
    region = deployment.region(role)
    queues = deployment.regions[region].queues
    drained = partial(_drained, here, queues["work"]["url"], region)
    settled = partial(_dead_letters_settled, here, deployment, queues["dead_letter"]["url"], region)
    return [
        Probe("work-queue-drained", "work queue drained", drained).of(role),
        Probe(
            "nothing-unaccounted-for-was-put-aside",
            "nothing unaccounted for was put aside",
            settled,
            "Read the messages: each contains a payment that no worker could settle.",
        ).of(role),
    ]


def _retried(here: Target, ask: Callable[[], str]) -> str:
    """Repeat a check until it is green or the time is over: a region needs a moment after it recovers."""
    give_up_at = here.clock.now() + here.clock.patient(waiting.CATCH_UP_SECONDS)
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


def _scans(here: Target, deployment: Deployment) -> tuple[Holdings, Holdings]:
    """Scan the tables of the primary and of the standby."""
    primary, standby = deployment.primary_region, deployment.standby_region
    return scan(here, deployment.table, primary), scan(here, deployment.table, standby)


def _tables_agree(here: Target, deployment: Deployment) -> str:
    """Wait until the tables agree on every payment that is old enough now. New ones continue to arrive."""
    before = here.clock.now() - announce.SETTLE_WITHIN_SECONDS

    def differing() -> list[str]:
        tables = _scans(here, deployment)
        young = {name for held in tables for name, row in held.payments.items() if row.accepted_at >= before}
        return [name for name in reconcile.differing(*tables) if name not in young]

    if found := wait_until_none(here, differing, poll=BETWEEN_SCANS_SECONDS):
        raise Failed(f"{len(found)} payments differ, such as {found[0]}")
    return "payments and settlements"


def _receipts_agree(here: Target, deployment: Deployment) -> str:
    """Wait until the newest receipts are in both buckets: S3 replicates more slowly than DynamoDB."""
    held = scan(here, deployment.table, deployment.standby_region)
    latest = {name: max(one.settled_at for one in group) for name, group in held.settlements.items()}
    newest = sorted(latest, key=lambda name: latest[name])[-RECEIPTS_CHECKED:]

    def missing() -> list[tuple[str, str]]:
        places = [
            (name, region)
            for region in (deployment.primary_region, deployment.standby_region)
            for name in newest
        ]
        return [(name, region) for name, region in places if not _has_receipt(here, deployment, region, name)]

    if found := wait_until_none(here, missing, poll=RETRY_SECONDS):
        raise Failed(f"{len(found)} receipts are missing, such as {found[0][0]}", region=found[0][1])
    return f"the newest {len(newest)}"


def _has_receipt(here: Target, deployment: Deployment, region: str, payment_id: str) -> bool:
    found = here.client("s3", region).list_objects_v2(
        Bucket=deployment.regions[region].bucket, Prefix=f"receipts/{payment_id}.json", MaxKeys=1
    )
    return bool(found["KeyCount"])


def _not_fenced(here: Target, deployment: Deployment) -> str:
    """Wait for a fence that ends soon: a fenced primary would refuse all payments after the failback."""

    def in_force() -> Sequence[fence.Fence]:
        found = fence.read(here, deployment, deployment.primary_region)
        return [found] if found.in_force else []

    if found := wait_until_none(here, in_force, poll=RETRY_SECONDS):
        raise Failed(found[0].summary)
    return "none"


def _dead_letters_settled(here: Target, deployment: Deployment, url: str, region: str) -> str:
    """Require that a dead-letter queue is empty, or contains only payments that are settled by now.

    The messages stay in the queue. AWS: SQS API Reference, ReceiveMessage, a visibility timeout of 0.
    """
    count = sum(probes.queue_depth(here, url, region))
    if not count:
        return "empty"
    settled = scan(here, deployment.table, region).settlements
    got = here.client("sqs", region).receive_message(
        QueueUrl=url, MaxNumberOfMessages=MOST_PEEKED, VisibilityTimeout=0
    )
    names = {message["MessageId"]: _payment_named(message["Body"]) for message in got.get("Messages", [])}
    unsettled = sorted(name or f"message {key}" for key, name in names.items() if name not in settled)
    if unsettled or count > len(names):
        such = f", such as {unsettled[0]}" if unsettled else ""
        raise Failed(f"{count} messages are there{such}", region=region)
    return f"{count} messages, all of them settled by now"


def _payment_named(body: str) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("payment_id", "")) if isinstance(found, dict) else ""


def _reconciled(here: Target, deployment: Deployment, run: Run, counted: list[LossCounts]) -> str:
    """Require that the tables agree with the answers that this run's clients got. Stop the clients before."""
    if not (run.folder / FILE).exists():
        return "no payments in this run"
    ledger = Ledger.load(run.folder)
    past = past_move.recall(here, deployment, run)
    losses = reconcile.count(here, deployment, ledger, past.takeover, past.fault)
    counted.append(losses)
    if losses.reasons:
        raise Failed(" ".join(filter(None, (*losses.reasons, past.gap))))
    return f"{len(losses.acknowledged)} acknowledged"


def _drained(here: Target, url: str, region: str) -> str:
    """Wait until no message is ready to be received. The check `no-payment-waits` covers those in flight."""
    depth = partial(probes.queue_depth, here, url, region)
    if not here.clock.wait_until(lambda: depth()[0] == 0, timeout=waiting.CATCH_UP_SECONDS, poll=2.0):
        raise Failed(f"{depth()[0]} messages wait", region=region)
    return "nothing waits"


def _all_settled(here: Target, deployment: Deployment) -> str:
    """Wait until every payment that is old enough now is settled in both tables.

    Later payments do not count, because traffic continues. The age is twice the age at which
    `announce.announce` announces a payment again, so that this check never fails for a younger one.
    """
    age = 2 * announce.SETTLE_WITHIN_SECONDS
    before = here.clock.now() - age

    def unsettled() -> Sequence[Payment]:
        return announce.waiting(*_scans(here, deployment), before=before)

    if found := wait_until_none(here, unsettled, poll=BETWEEN_SCANS_SECONDS):
        first = found[0]
        raise Failed(
            f"{len(found)} payments are not settled; {first.payment_id} was accepted by {first.region}"
        )
    return f"every payment older than {age:g} s is settled in both tables"
