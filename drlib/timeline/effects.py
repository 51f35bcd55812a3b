"""What followed a fault: who detected it, whether the traffic moved and stays there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drlib.faults.hypothesis import OperatorAct, Sightings
from drlib.payments.ledger import Attempt
from drlib.timeline.observations import Watch
from drlib.timeline.poller import Poller
from drlib.timeline.prediction import Prediction

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.payments.probing import Prober
    from drlib.runs.run import Run
    from drlib.target.base import Target

IN_A_ROW, TOO_MANY = 10, 5  # five of ten payments in a row: the share at which an operator decides, too
REST_SECONDS = 60.0  # long enough for a recovered primary to pass its checks and get the traffic back


@dataclass(frozen=True)
class Rest:
    """Each region that the public name led to after the restore, with the instant of its first answer."""

    answers: tuple[tuple[float, str], ...]

    def __str__(self) -> str:
        led = [region for _, region in self.answers]
        return f"The public name stays with {led[0]}" if len(led) == 1 else f"The public name led to {led}"

    def __repr__(self) -> str:
        return str(self)


def rest(here: Target, deployment: Deployment, prober: Prober, *, seconds: float = REST_SECONDS) -> Rest:
    """Watch the public name for `seconds` (modelled) after the restore: the traffic must stay where it is."""
    poller = Poller(here, deployment, since=here.clock.now(), ask_route53=False).start()
    try:
        until = here.clock.now() + seconds
        while here.clock.now() < until or not poller.answers:
            prober.require_running()
            here.clock.sleep(here.observe_interval_seconds)
    finally:
        poller.stop()
    return Rest(poller.changes())


def sighted(
    here: Target,
    watch: Watch,
    rest: Rest,
    part: OperatorAct,
    prediction: Prediction,
    *,
    run: Run | None = None,
) -> Sightings:
    """Return what was seen from the fault to the end of `rest`, as input for the judgement.

    Args:
        here: where the runbook acts.
        watch: the watch while the fault was in force.
        rest: the answers after the restore.
        part: the operator's actions.
        prediction: the predicted RTO.
        run: the run to save it with, if any; the verdict judges it.
    """
    moved = watch.streak is not None
    sampled = from_samples(watch)
    seen = Sightings(
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
    if run is not None:
        run.save("sightings", seen)
    return seen


def from_samples(watch: Watch) -> dict[str, Any]:
    """Return the part of the sightings that is computed from samples alone, without the operator's word."""
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
    """Return when clients notice the fault: at the fifth failure among ten payments in a row, of any cohort.

    A single failure now and then is normal.
    """
    rows = [row for row in attempts if row.finished_at >= since]
    for first in range(len(rows)):
        bad = [row.finished_at for row in rows[first : first + IN_A_ROW] if row.outcome != "ok"]
        if len(bad) >= TOO_MANY:
            return sorted(bad)[TOO_MANY - 1]
    return None


def _both_served(watch: Watch) -> int:
    """Count the payments that the primary accepted after the first one of the standby."""
    good = [row for row in watch.attempts if row.outcome == "ok" and row.finished_at >= watch.zero]
    first = min((row.finished_at for row in good if row.region == watch.standby_region), default=None)
    return sum(
        row.region == watch.primary_region and row.started_at > (first or row.started_at) for row in good
    )


def _cold_seconds(here: Target, watch: Watch) -> float | None:
    """Return the seconds of the standby's first cold start, which only the sandbox records; else None."""
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
