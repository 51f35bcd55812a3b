"""Writes every sample of a watch into the run's folder, and computes the watch again from them.

stored.keep(seen, poller, folder, runbook=...)     at the end of a watch
stored.recall(samples.read(file), attempts)        later, for the audit or a repeated cell
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drlib.core import samples
from drlib.core.samples import Stamp
from drlib.deployed.probes import CheckerReport
from drlib.payments.ledger import OBEYS_TTL, Attempt
from drlib.timeline.observations import SHOWN_BEFORE_SECONDS, Watch
from drlib.timeline.poller import ANSWER, CHECKER, EndpointHealth, Poller, changed
from drlib.timeline.recovery import first_error, streak

COLUMNS: dict[str, type] = {
    "kind": str,  # checker, answer; missed-checker and missed-answer for a failed poll
    "look": int,  # number of the poll; a poll asks for the last result of every checker
    "at": float,  # instant of the check or of the answer
    "source": str,  # the checker's name, or the public name
    "ok": bool,
    "text": str,  # the checker's status, the region that the name leads to, or the error
    "address": str,
}
MISSED = "missed-"
FACTS = (
    "zero", "ended_at", "to_region", "primary_region", "standby_region", "threshold", "scenario", "alarm_at",
)  # fmt: skip


def file_of(folder: Path, runbook: str) -> Path:
    """Return the path of the samples of a runbook's watch."""
    return folder / samples.FOLDER / f"watch.{runbook}.parquet"


def keep(seen: Watch, poller: Poller, folder: Path, *, runbook: str, name: str, stamp: Stamp) -> Path:
    """Write a watch into the run's folder; a later watch of the same runbook replaces it.

    Args:
        seen: the watch, at its end.
        poller: the poller of the watch, stopped.
        folder: the run's folder.
        runbook: name of the runbook that watched.
        name: the public name.
        stamp: origin and clock of the samples.
    """
    rows: list[tuple[Any, ...]] = [
        (CHECKER, look, report.at, report.checker, report.ok, report.text, "")
        for look, report in poller.health.reports
    ]
    rows += [
        (ANSWER, look, at, name, bool(region), region, address)
        for look, (at, region, address) in enumerate(poller.answers, start=1)
    ]
    rows += [(f"{MISSED}{what}", 0, at, "", False, error, "") for at, what, error in poller.missed]
    columns = {key: [row[place] for row in rows] for place, key in enumerate(COLUMNS)}
    about = {key: getattr(seen, key) for key in FACTS}
    about |= {"last_seq": max((row.seq for row in seen.attempts), default=0), "pending": list(seen.pending)}
    return samples.write(file_of(folder, runbook), columns, COLUMNS, stamp=stamp, about=about)


def recall(kept: samples.Table, attempts: Sequence[Attempt]) -> Watch:
    """Compute a watch again from its samples and the run's ledger.

    Attempts that had not ended when the watch ended are left out, as they were in the watch.
    """
    facts = {key: kept.about[key] for key in FACTS}
    zero, to_region = facts["zero"], facts["to_region"]
    pending, last = set(kept.about["pending"]), kept.about["last_seq"]
    seen = [
        row
        for row in attempts
        if row.seq <= last and row.seq not in pending and row.finished_at >= zero - SHOWN_BEFORE_SECONDS
    ]
    health = _health(kept, threshold=facts["threshold"], since=zero)
    obeying = [row for row in seen if row.cohort == OBEYS_TTL and row.finished_at >= zero]
    answers = kept.rows("kind", "at", "text")
    return Watch(
        **facts,
        origin=kept.stamp.origin,
        streak=streak(obeying, region=to_region),
        events={
            "client_error": first_error(seen, since=zero),
            "check_failing": health.first_failure_at,
            "unhealthy": health.unhealthy_at,
            "dns_answer": next((at for kind, at, to in answers if (kind, to) == (ANSWER, to_region)), None),
        },
        attempts=seen,
        observations=list(health.observations),
        misses=sum(kind.startswith(MISSED) for kind, _, _ in answers),
        pending=tuple(sorted(pending)),
        answers=changed((at, to) for kind, at, to in answers if kind == ANSWER),
    )


def _health(kept: samples.Table, *, threshold: int, since: float) -> EndpointHealth:
    """Compute the endpoint's health again, poll by poll."""
    health = EndpointHealth(threshold=threshold, since=since)
    looks: dict[int, list[CheckerReport]] = {}
    for kind, look, at, checker, ok, text in kept.rows("kind", "look", "at", "source", "ok", "text"):
        if kind == CHECKER:
            looks.setdefault(look, []).append(CheckerReport(checker, ok, text, at))
    for _, reports in sorted(looks.items()):
        health.take(reports)
    return health
