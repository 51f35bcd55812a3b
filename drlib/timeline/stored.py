"""A watch as it is kept with the run: every result that was seen, and the watch made again from them.

record.keep(seen, sentry, folder, runbook=...)     # by whoever watched, however it ended
record.recall(file, attempts)                      # by somebody who was not there
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
from drlib.timeline.poller import ANSWER, CHECKER, Judgement, Sentry, changed
from drlib.timeline.recovery import first_error, streak

COLUMNS: dict[str, type] = {
    "kind": str,  # checker, answer, or missed-checker and missed-answer for a look that failed
    "look": int,  # which look brought it; a look asks for the last result of every checker
    "at": float,  # of the check or the answer itself
    "source": str,  # the checker's name, or the public name
    "ok": bool,
    "text": str,  # what the checker says, the region that the name leads to, or the error
    "address": str,
}
MISSED = "missed-"
FACTS = (
    "zero", "ended_at", "to_region", "primary_region", "standby_region", "threshold", "scenario", "alarm_at",
)  # fmt: skip


def file_of(folder: Path, runbook: str) -> Path:
    """Return where the samples of a runbook's watch are."""
    return folder / samples.FOLDER / f"watch.{runbook}.parquet"


def keep(seen: Watch, sentry: Sentry, folder: Path, *, runbook: str, name: str, stamp: Stamp) -> Path:
    """Write what a watch saw into a run's folder; a later watch of the same runbook replaces it.

    Args:
        seen: the watch, at its end.
        sentry: who looked.
        folder: the run's.
        runbook: which one watched.
        name: the public name.
        stamp: where, and by which clock.
    """
    rows: list[tuple[Any, ...]] = [
        (CHECKER, look, report.at, report.checker, report.ok, report.text, "")
        for look, report in sentry.health.reports
    ]
    rows += [
        (ANSWER, look, at, name, bool(region), region, address)
        for look, (at, region, address) in enumerate(sentry.answers, start=1)
    ]
    rows += [(f"{MISSED}{what}", 0, at, "", False, error, "") for at, what, error in sentry.missed]
    columns = {key: [row[place] for row in rows] for place, key in enumerate(COLUMNS)}
    about = {key: getattr(seen, key) for key in FACTS}
    about |= {"last_seq": max((row.seq for row in seen.attempts), default=0), "pending": list(seen.pending)}
    return samples.write(file_of(folder, runbook), columns, COLUMNS, stamp=stamp, about=about)


def recall(kept: samples.Table, attempts: Sequence[Attempt]) -> Watch:
    """Make a watch again from its samples and the run's ledger.

    Attempts whose end was not known when the watch ended are left out, as they were then.
    """
    facts = {key: kept.about[key] for key in FACTS}
    zero, to_region = facts["zero"], facts["to_region"]
    pending, last = set(kept.about["pending"]), kept.about["last_seq"]
    seen = [
        row
        for row in attempts
        if row.seq <= last and row.seq not in pending and row.finished_at >= zero - SHOWN_BEFORE_SECONDS
    ]
    health = _judged(kept, threshold=facts["threshold"], since=zero)
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


def _judged(kept: samples.Table, *, threshold: int, since: float) -> Judgement:
    """Judge the checkers' results again, look by look."""
    health = Judgement(threshold=threshold, since=since)
    looks: dict[int, list[CheckerReport]] = {}
    for kind, look, at, checker, ok, text in kept.rows("kind", "look", "at", "source", "ok", "text"):
        if kind == CHECKER:
            looks.setdefault(look, []).append(CheckerReport(checker, ok, text, at))
    for _, reports in sorted(looks.items()):
        health.take(reports)
    return health
