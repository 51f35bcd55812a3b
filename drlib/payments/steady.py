"""The steady state: every cohort has only successes, for a minimum time."""

from __future__ import annotations

from drlib.core.errors import StepFailed
from drlib.payments.probing import Prober
from drlib.show.charts import payments
from drlib.show.charts.chart import LiveFigure

LOOKS_IN_AN_INTERVAL = 6


def settle(prober: Prober, *, seconds: float = 30.0, timeout_seconds: float | None = None) -> None:
    """Wait until every cohort has had only `ok` for the last `seconds` modelled seconds.

    Raises StepFailed, with the last error that a client saw, when this takes longer than `timeout_seconds`
    (by default three times as long).
    """
    clock = prober.clock
    since = clock.now()
    give_up_at = since + (clock.patient(3 * seconds) if timeout_seconds is None else timeout_seconds)
    live = LiveFigure("payments, live", clock, lambda: payments.payments(view(prober)).figure)
    while True:
        prober.require_running()
        live.update()
        now = clock.now()
        streaks = {cohort: streak_seconds(prober, cohort, since=since, now=now) for cohort in prober.cohorts}
        if min(streaks.values()) >= seconds:
            live.finish()
            return
        if now >= give_up_at:
            live.finish()
            raise _unsettled(prober, streaks, seconds=seconds, since=since)
        clock.sleep(prober.here.settings.attempt_interval_seconds / LOOKS_IN_AN_INTERVAL)


def streak_seconds(prober: Prober, cohort: str, *, since: float, now: float) -> float:
    """Return how long, between `since` and `now`, the cohort has had only `ok`; 0 without a success since
    its last failure.
    """
    rows = prober.ledger.attempts(cohort, since=since)
    last_bad = max((row.finished_at for row in rows if row.outcome != "ok"), default=since)
    return now - last_bad if any(row.finished_at > last_bad for row in rows) else 0.0


def view(prober: Prober) -> payments.View:
    """Return what a figure of the prober shows: its attempts since it was started."""
    return payments.View(
        attempts=prober.ledger.attempts(since=prober.started_at),
        start=prober.started_at,
        end=prober.clock.now(),
        zero=prober.started_at,
        primary_region=prober.deployment.primary_region,
        standby_region=prober.deployment.standby_region,
        origin=prober.here.origin,
        since="the start",
    )


def _unsettled(prober: Prober, streaks: dict[str, float], *, seconds: float, since: float) -> StepFailed:
    cohort = min(streaks, key=lambda name: streaks[name])
    bad = [row for row in prober.ledger.attempts(cohort, since=since) if row.outcome != "ok"]
    what = f"the last error was: {bad[-1].error} ({bad[-1].outcome})" if bad else "no attempt ended"
    return StepFailed(
        f"The clients of {cohort} did not reach {seconds:g} seconds of success without a break; {what}.",
        remedy="Run 20-verify: it names the hop that fails.",
        resource=prober.deployment.public_name,
    )
