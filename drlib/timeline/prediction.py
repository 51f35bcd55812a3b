"""The RTO that the deployed configuration leads to, worked out before the drill.

Three things take time, one after the other.

*Detection.* Each of n checkers looks once an interval, at phases that are evenly spread, and changes its mind
after `threshold` failures in a row. The check turns when so many have changed theirs that 18 % or less still
find the endpoint healthy: that is k of them. The fault comes at any point between two checks, so that the
k-th checker's first failure comes (k - 1/2) steps of interval/n after it, give or take half a step::

    detection = (threshold - 1) * interval + (k - 1/2) * interval / n + time for a check to fail

*The answer.* Records and checks exist already: the name servers answer with the standby at once.

Where no checker can see what is wrong, the operator turns the name: ten payments that failed are enough to
decide by, and the latch's datapoint makes its alarm ring.

*Clients.* A client that obeys the TTL goes on asking the primary until its answer ends. With N clients whose
answers end evenly spread over the TTL, the last of them turns after TTL * (1 - 1 / 2N) on average. The RTO
ends with the first of ten successes in a row: with up to ten clients, it is the attempt that follows the last
client's last failure, one attempt interval before its turn; with more, ten successes fit between two failures
of one client. So this part is not a formula: the attempts of the cohort are gone through (`turning`), for
faults at every point of its cycle, and the mean is taken. The other cohorts' recovery is found the same way,
and stands beside.

Sources: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy" (18 %,
interval, threshold, 4 s to connect) and "Choosing between alias and non-alias records" (an alias record has
its target's TTL).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from drlib.core import terms
from drlib.core.errors import BadParameters
from drlib.deployed.probes import HEALTHY_SHARE
from drlib.faults import scenario
from drlib.payments.cohorts import beats_of
from drlib.payments.ledger import BEHIND_RESOLVER, COHORTS, KEEPS_CONNECTION, OBEYS_TTL
from drlib.payments.pace import Beat
from drlib.show.output import Table, Verdict
from drlib.show.shown import Shown
from drlib.target.https import patience
from drlib.timeline import client_switch, impact
from drlib.timeline.client_switch import Foreseen, Outage
from drlib.timeline.impact import Shock
from drlib.timeline.tuning import advice

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.parameters import Settings

STREAK = 10
"""So many successes in a row, by clients that obey the TTL, end the RTO."""
STAGES = tuple(terms.STAGES)
CHECKERS = 8  # all regions that Route 53 has checkers in
TTL_SECONDS = 60.0  # of an alias record: it has its target's
DECIDING_ATTEMPTS = 10  # payments that failed are enough to decide by
DECIDE_WALL_SECONDS = {"sandbox": 0.2, "aws": 5.0}  # to look at the standby, beside that
ALARM_SECONDS = {"sandbox": 2.0, "aws": 30.0}  # from the latch to the change of the name
BY_HAND_GIVE_SECONDS = {"sandbox": 10.0, "aws": 40.0}
ATTEMPT_LIMIT_SECONDS = 5.0
LOOK_SECONDS = {"sandbox": 1.0, "aws": 5.0}  # how often the watch asks DNS
ANSWER_WALL_SECONDS = {"sandbox": 0.03, "aws": 0.2}  # a payment, with its TLS handshake


@dataclass(frozen=True)
class Prediction(Shown):
    """The predicted RTO in modelled seconds: mean, range, stages, and how it came about.

    `cohorts` holds what each cohort's clients should take; None for one that does not follow the name.
    `advice` says which knob would meet the target, and is empty when it is met. Where the scenario `stays`,
    no recovery is to come, and the figures are those of an outage of the region.
    """

    predicted_seconds: float
    earliest_seconds: float
    latest_seconds: float
    target_seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)
    derivation: tuple[tuple[str, float], ...] = ()
    cohorts: Mapping[str, Foreseen | None] = field(default_factory=dict)
    advice: str = ""
    stays: bool = False

    @property
    def within_target(self) -> bool:
        return self.predicted_seconds <= self.target_seconds

    def require(self) -> Prediction:
        """Return it. Raises BadParameters when the configuration cannot meet the target."""
        if not self.within_target:
            raise BadParameters(
                f"The configuration leads to an RTO of {self.predicted_seconds:.0f} s, and the target is "
                f"{self.target_seconds:g} s.",
                remedy=self.advice,
            )
        return self

    def as_dict(self) -> dict[str, Any]:
        return {
            "predicted_seconds": None if self.stays else round(self.predicted_seconds, 3),
            "earliest_seconds": round(self.earliest_seconds, 3),
            "latest_seconds": round(self.latest_seconds, 3),
            "target_seconds": self.target_seconds,
            "stages": {name: round(seconds, 3) for name, seconds in self.stages.items()},
            "derivation": [[words, round(seconds, 3)] for words, seconds in self.derivation],
            "cohorts": {name: one.as_dict() if one else None for name, one in self.cohorts.items()},
        }

    def table(self) -> Table:
        rows = [(words, f"{seconds:.1f}") for words, seconds in self.derivation]
        rows.append(("predicted RTO", f"{self.predicted_seconds:.1f}"))
        rows.append(("its range", f"{self.earliest_seconds:.0f} to {self.latest_seconds:.0f}"))
        about = "RTO of an outage" if self.stays else "predicted RTO"
        return Table((f"{about}, modelled", "seconds"), rows)

    def __str__(self) -> str:
        return f"{self.table()}\n{self._verdict()}"

    def _verdict(self) -> Verdict:
        if self.stays:
            return Verdict("predicted", True, says="traffic stays, and no recovery is to come")
        words = "within target" if self.within_target else "beyond target"
        return Verdict("predicted RTO", self.within_target, says=words)

    def html(self) -> str:
        verdict = self._verdict().html()
        return f"{self.table().html()}{verdict}"


def predict(settings: Settings, deployment: Deployment | None = None) -> Prediction:
    """Work out the RTO of an outage of the primary, from the configuration that is deployed (or to be)."""
    prediction = foretell(settings, deployment)
    if prediction.within_target:
        return prediction
    told = advice(settings, deployment, predicted_seconds=lambda other: foretell(other).predicted_seconds)
    return replace(prediction, advice=told)


def foretell(settings: Settings, deployment: Deployment | None = None) -> Prediction:
    """Work out the prediction alone, without what to do about one that misses its target."""
    planned = scenario.load(settings.scenario)
    met = impact.of(planned, settings)
    interval, threshold = float(settings.check_interval_seconds), settings.check_failure_threshold
    ttl = TTL_SECONDS
    if deployment is not None:
        interval, threshold = float(deployment.check_interval_seconds), deployment.check_failure_threshold
        ttl = float(deployment.ttl_seconds)
    step = interval / CHECKERS
    steps, give = _by_hand(settings) if met.by_operator else _by_checkers(interval, threshold, met)
    outage = _outage(settings, met, changed_seconds=sum(seconds for _, seconds in steps), give=give, ttl=ttl)
    obeying = beats_of(OBEYS_TTL, settings, ttl_seconds=outage.ttl_seconds)
    ends = list(client_switch.first_of_streak(obeying, outage, length=STREAK))
    end = sum(ends) / len(ends)
    changed, total = outage.changed_seconds, end + outage.answer_seconds
    between = settings.attempt_interval_seconds / settings.ttl_clients
    events: dict[str, float | None] = {
        "client_error": between / 2 + outage.failing_seconds if met.errors else None,
        "check_failing": None if met.by_operator else step / 2 + met.check_seconds,
        "unhealthy": None if met.by_operator else changed,
        "dns_answer": changed + LOOK_SECONDS[settings.target] / 2,
    }
    return Prediction(
        predicted_seconds=total,
        earliest_seconds=total - between / 2 - give - (end - min(ends)),
        latest_seconds=total + between / 2 + give + (max(ends) - end),
        target_seconds=float(settings.rto_target_seconds),
        stages=in_stages(events, end=total),
        derivation=(
            *steps,
            (f"clients turn ({settings.ttl_clients} of them, TTL {ttl:g} s)", end - changed),
            ("the standby answers", outage.answer_seconds),
        ),
        cohorts=_cohorts(settings, outage, breaks=met.breaks),
        stays=not planned.moves,
    )


def _by_checkers(interval: float, threshold: int, met: Shock) -> tuple[list[tuple[str, float]], float]:
    """Return the steps until the checkers turn the name, and how far their sum may be off."""
    step = interval / CHECKERS
    needed = failures_needed(CHECKERS)
    return [
        (f"{threshold} failures in a row, {interval:g} s apart", (threshold - 1) * interval),
        (f"until {needed} of {CHECKERS} checkers have them", (needed - 0.5) * step),
        (f"a check takes to fail ({met.told})", met.check_seconds),
    ], step / 2


def _by_hand(settings: Settings) -> tuple[list[tuple[str, float]], float]:
    """Return the steps until the operator has turned the name, and how far their sum may be off."""
    scale = settings.time_scale if settings.target == "sandbox" else 1.0
    seen = DECIDING_ATTEMPTS * settings.attempt_interval_seconds / settings.ttl_clients
    return [
        (f"{DECIDING_ATTEMPTS} payments fail", seen),
        ("the operator decides", DECIDE_WALL_SECONDS[settings.target] * scale),
        ("the latch's alarm rings", ALARM_SECONDS[settings.target]),
    ], BY_HAND_GIVE_SECONDS[settings.target]


def _outage(settings: Settings, met: Shock, *, changed_seconds: float, give: float, ttl: float) -> Outage:
    scale = settings.time_scale if settings.target == "sandbox" else 1.0
    answer = ANSWER_WALL_SECONDS[settings.target] * scale
    quick = met.late_seconds + answer if not met.errors else answer / 2
    return Outage(
        changed_seconds=changed_seconds,
        give_seconds=give,
        ttl_seconds=wire_ttl(ttl, scale),
        failing_seconds=patience_seconds(scale) if met.silent else quick,
        answer_seconds=answer,
        silent=met.silent,
    )


def _cohorts(settings: Settings, outage: Outage, *, breaks: bool) -> dict[str, Foreseen | None]:
    """Return what the clients of each cohort that there is should take; None where they do not move."""
    kept = max(settings.resolver_floor_seconds, outage.ttl_seconds)
    plays: dict[str, Callable[[list[Beat], Outage], Iterator[list[float]]]] = {
        OBEYS_TTL: client_switch.obeying,
        KEEPS_CONNECTION: client_switch.keeping,
        BEHIND_RESOLVER: partial(client_switch.behind, kept_seconds=kept),
    }
    if not breaks:
        del plays[KEEPS_CONNECTION]
    found: dict[str, Foreseen | None] = {}
    for name in COHORTS:
        if cohort := beats_of(name, settings, ttl_seconds=outage.ttl_seconds):
            play = plays.get(name)
            found[name] = (
                client_switch.foresee(play(cohort, outage), give_seconds=outage.give_seconds)
                if play
                else None
            )
    return found


def failures_needed(checkers: int) -> int:
    """Return how many checkers must find an endpoint unhealthy for Route 53 to do so."""
    return next(failed for failed in range(checkers + 1) if (checkers - failed) / checkers <= HEALTHY_SHARE)


def wire_ttl(ttl_seconds: float, scale: float) -> float:
    """Return the TTL as clients of the sandbox get it: DNS carries whole wall seconds, one at least."""
    return max(1, round(ttl_seconds / scale)) * scale


def patience_seconds(scale: float) -> float:
    """Return for how long a client waits for an answer that does not come, in modelled seconds."""
    from drlib.core.clock import Clock

    return patience(Clock(scale=scale), ATTEMPT_LIMIT_SECONDS)


def in_stages(events: Mapping[str, float | None], *, end: float) -> dict[str, float]:
    """Turn instants after the fault into the stages of the RTO, which ends at `end`.

    Each stage is measured from the latest event before it, and none goes beyond the end: they are never
    negative, and they add up to `end`. An event that was not seen takes no time. Counted in whole
    milliseconds, so that the sum is exact.
    """
    last = round(end * 1000)
    latest = 0
    stages: dict[str, float] = {}
    for name in STAGES[:-1]:
        seen = events.get(name)
        now = latest if seen is None else min(max(latest, round(seen * 1000)), last)
        stages[name] = (now - latest) / 1000
        latest = now
    stages[STAGES[-1]] = (last - latest) / 1000
    return stages
