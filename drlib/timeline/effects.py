"""What followed a fault, put together for the judgement: who noticed, what moved, and whether it stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drlib.faults.hypothesis import OperatorAct, Sightings
from drlib.payments.ledger import Attempt
from drlib.timeline.observations import Watch
from drlib.timeline.poller import Sentry
from drlib.timeline.prediction import Prediction

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.payments.probing import Prober
    from drlib.target.base import Target

IN_A_ROW, TOO_MANY = 10, 5  # of ten payments in a row, half: by that share an operator decides as well
REST_SECONDS = 60.0  # within it, a primary that is well again would have its good checks, and the name


@dataclass(frozen=True)
class Rest:
    """What the public name led to after the restore, and from when on."""

    answers: tuple[tuple[float, str], ...]

    def __str__(self) -> str:
        led = [region for _, region in self.answers]
        return f"The public name stays with {led[0]}" if len(led) == 1 else f"The public name led to {led}"

    def __repr__(self) -> str:
        return str(self)


def rest(here: Target, deployment: Deployment, prober: Prober, *, seconds: float = REST_SECONDS) -> Rest:
    """Look on for a while after the restore: does the traffic stay where it is?"""
    sentry = Sentry(here, deployment, since=here.clock.now(), ask_route53=False).start()
    try:
        until = here.clock.now() + seconds
        while here.clock.now() < until or not sentry.answers:
            prober.require_running()
            here.clock.sleep(here.observe_interval_seconds)
    finally:
        sentry.stop()
    return Rest(sentry.changes())


def sighted(here: Target, watch: Watch, rest: Rest, part: OperatorAct, prediction: Prediction) -> Sightings:
    """Return what was seen from the fault to the end of the look, as the judgement needs it.

    Args:
        here: the target.
        watch: what was watched while the fault was in force.
        rest: what was seen after the restore.
        part: what the operator did.
        prediction: what was predicted.
    """
    moved = watch.streak is not None
    sampled = from_samples(watch)
    return Sightings(
        primary=sampled["primary"],
        answers=tuple((at - watch.zero, region) for at, region in (*watch.answers, *rest.answers)),
        moved_seconds=sampled["moved_seconds"],
        moved_by="" if not moved else "operator" if part.acted_at else "route53",
        detected={**sampled["detected"], "operator": _since(watch, part.noticed_at)},
        both_served=sampled["both_served"],
        cold_seconds=_cold_seconds(here, watch),
        refused=part.refused,
        latest_seconds=None if prediction.stays else prediction.latest_seconds,
    )


def from_samples(watch: Watch) -> dict[str, Any]:
    """Return what of the sightings follows from what was observed, and from nothing that anybody stated."""
    return {
        "primary": watch.primary_region,
        "moved_seconds": watch.seconds,
        "detected": {
            "health-checks": _since(watch, watch.events.get("unhealthy")),
            "clients": _since(watch, _noticed(watch.attempts, since=watch.zero)),
            "alarm": _since(watch, watch.alarm_at),
        },
        "both_served": _both_served(watch),
    }


def _since(watch: Watch, at: float | None) -> float | None:
    return None if at is None else round(at - watch.zero, 3)


def _noticed(attempts: Sequence[Attempt], *, since: float) -> float | None:
    """Return when clients notice: of ten payments in a row, of whatever cohort, the fifth not served.

    One that fails now and then is noise, on any day.
    """
    rows = [row for row in attempts if row.finished_at >= since]
    for first in range(len(rows)):
        bad = [row.finished_at for row in rows[first : first + IN_A_ROW] if row.outcome != "ok"]
        if len(bad) >= TOO_MANY:
            return sorted(bad)[TOO_MANY - 1]
    return None


def _both_served(watch: Watch) -> int:
    """Count the payments that the primary took after the standby had taken its first."""
    good = [row for row in watch.attempts if row.outcome == "ok" and row.finished_at >= watch.zero]
    first = min((row.finished_at for row in good if row.region == watch.standby_region), default=None)
    return sum(
        row.region == watch.primary_region and row.started_at > (first or row.started_at) for row in good
    )


def _cold_seconds(here: Target, watch: Watch) -> float | None:
    """Return how long the first payment to the standby took, where the sandbox saw that it met no process."""
    if here.origin != "simulated":
        return None
    found = [
        float(event["detail"]["seconds"])
        for event in here.events()
        if event["kind"] == "cold_start"
        and event["at"] >= watch.zero
        and event["detail"]["region"] == watch.standby_region
    ]
    return found[0] if found else None
