"""The predicted RTO of the deployed configuration, computed before the drill.

Three parts follow one another.

*Detection.* Each of n checkers sends one request per interval, at evenly spread phases, and changes its
status after `threshold` equal results in a row. Route 53 changes the health check when at most 18 % of the
checkers still find the endpoint healthy, so k checkers must have failed. The fault can come at any time
between two requests, so the first failure of the k-th checker comes (k - 1/2) steps of interval/n after it,
plus or minus half a step::

    detection = (threshold - 1) * interval + (k - 1/2) * interval / n + time for a check to fail

*The answer.* The records and checks exist already, so the name servers answer with the standby at once. If no
checker can detect the fault, the operator sets the latch: ten failed payments are enough to decide, and the
latch's datapoint triggers its alarm.

*Clients.* A client that obeys the TTL uses the primary until its cached answer expires. With N clients whose
answers expire evenly over the TTL, the last one switches after TTL * (1 - 1 / 2N) on average. The RTO ends
with the first of ten successes in a row. With up to ten clients that is the attempt after the last failure of
the last client, one attempt interval before this client switches; with more, ten successes fit between two
failures of one client. No formula covers both, so `client_switch` simulates the attempts of the cohort for
faults at every point of its cycle, and the prediction is the mean. The other cohorts are simulated too.

Sources: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy" (18 %,
interval, threshold, 4 s to connect) and "Choosing between alias and non-alias records" (an alias record has
its target's TTL).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from drlib.timeline.impact import Impact
from drlib.timeline.tuning import advice

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.parameters import Settings

STREAK = 10
"""The RTO ends with the first of this many successes in a row, by clients that obey the TTL."""
STAGES = tuple(terms.STAGES)
CHECKERS = 8  # one in each region that has Route 53 checkers
TTL_SECONDS = 60.0  # of an alias record, which has its target's TTL
DECIDING_ATTEMPTS = 10  # failed payments, which are enough for a decision
DECIDE_WALL_SECONDS = {"sandbox": 0.2, "aws": 5.0}  # to check the standby as well
ALARM_SECONDS = {"sandbox": 2.0, "aws": 30.0}  # from the latch to the change of the name
BY_HAND_GIVE_SECONDS = {"sandbox": 10.0, "aws": 40.0}
ATTEMPT_LIMIT_SECONDS = 5.0
LOOK_SECONDS = {"sandbox": 1.0, "aws": 5.0}  # interval of the watch's DNS requests
ANSWER_WALL_SECONDS = {"sandbox": 0.03, "aws": 0.2}  # of a payment with its TLS handshake


@dataclass(frozen=True)
class Prediction(Shown):
    """The predicted RTO in modelled seconds: mean, range, stages and derivation.

    `cohorts` contains the prediction for each cohort; None for one that does not follow the name. `advice`
    names the setting that would meet the target; it is empty if the target is effect. If the traffic `stays`,
    no recovery is expected, and the figures are those of an outage of the region.
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
                f"The predicted RTO is {self.predicted_seconds:.0f} s, but the target is "
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
    """Predict the RTO of an outage of the primary, for the deployed configuration or the settings."""
    prediction = _predict(settings, deployment)
    if prediction.within_target:
        return prediction
    change = advice(settings, deployment, predicted_seconds=lambda other: _predict(other).predicted_seconds)
    return replace(prediction, advice=change)


def _predict(settings: Settings, deployment: Deployment | None = None) -> Prediction:
    """Return the prediction without advice."""
    planned = scenario.load(settings.scenario)
    effect = impact.impact_of(planned, settings)
    interval, threshold = float(settings.check_interval_seconds), settings.check_failure_threshold
    ttl = TTL_SECONDS
    if deployment is not None:
        interval, threshold = float(deployment.check_interval_seconds), deployment.check_failure_threshold
        ttl = float(deployment.ttl_seconds)
    step = interval / CHECKERS
    steps, give = _by_hand(settings) if effect.by_operator else _by_checkers(interval, threshold, effect)
    outage = _outage(
        settings, effect, changed_seconds=sum(seconds for _, seconds in steps), give=give, ttl=ttl
    )
    obeying = beats_of(OBEYS_TTL, settings, ttl_seconds=outage.ttl_seconds)
    ends = list(client_switch.first_of_streak(obeying, outage, length=STREAK))
    end = sum(ends) / len(ends)
    changed, total = outage.changed_seconds, end + outage.answer_seconds
    between = settings.attempt_interval_seconds / settings.ttl_clients
    events: dict[str, float | None] = {
        "client_error": between / 2 + outage.failing_seconds if effect.errors else None,
        "check_failing": None if effect.by_operator else step / 2 + effect.check_seconds,
        "unhealthy": None if effect.by_operator else changed,
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
        cohorts=_cohorts(settings, outage, breaks=effect.breaks),
        stays=not planned.moves,
    )


def _by_checkers(interval: float, threshold: int, effect: Impact) -> tuple[list[tuple[str, float]], float]:
    """Return the steps until Route 53 changes the name, and the possible error of their sum."""
    step = interval / CHECKERS
    needed = failures_needed(CHECKERS)
    return [
        (f"{threshold} failures in a row, {interval:g} s apart", (threshold - 1) * interval),
        (f"until {needed} of {CHECKERS} checkers have them", (needed - 0.5) * step),
        (f"a check takes to fail ({effect.summary})", effect.check_seconds),
    ], step / 2


def _by_hand(settings: Settings) -> tuple[list[tuple[str, float]], float]:
    """Return the steps until the operator's latch changes the name and the possible error of their sum."""
    scale = settings.time_scale if settings.target == "sandbox" else 1.0
    seen = DECIDING_ATTEMPTS * settings.attempt_interval_seconds / settings.ttl_clients
    return [
        (f"{DECIDING_ATTEMPTS} payments fail", seen),
        ("the operator decides", DECIDE_WALL_SECONDS[settings.target] * scale),
        ("the latch's alarm rings", ALARM_SECONDS[settings.target]),
    ], BY_HAND_GIVE_SECONDS[settings.target]


def _outage(settings: Settings, effect: Impact, *, changed_seconds: float, give: float, ttl: float) -> Outage:
    scale = settings.time_scale if settings.target == "sandbox" else 1.0
    answer = ANSWER_WALL_SECONDS[settings.target] * scale
    quick = effect.late_seconds + answer if not effect.errors else answer / 2
    return Outage(
        changed_seconds=changed_seconds,
        give_seconds=give,
        ttl_seconds=wire_ttl(ttl, scale),
        failing_seconds=patience_seconds(scale) if effect.silent else quick,
        answer_seconds=answer,
        silent=effect.silent,
    )


def _cohorts(settings: Settings, outage: Outage, *, breaks: bool) -> dict[str, Foreseen | None]:
    """Return the prediction for each cohort that has clients; None for one that does not move."""
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
    """Return how many checkers must find an endpoint unhealthy for Route 53 to find it unhealthy."""
    return next(failed for failed in range(checkers + 1) if (checkers - failed) / checkers <= HEALTHY_SHARE)


def wire_ttl(ttl_seconds: float, scale: float) -> float:
    """Return the TTL that clients of the sandbox get: DNS packets contain whole wall seconds, at least 1."""
    return max(1, round(ttl_seconds / scale)) * scale


def patience_seconds(scale: float) -> float:
    """Return how long a client waits for an answer before it gives up, in modelled seconds."""
    from drlib.core.clock import Clock

    return patience(Clock(scale=scale), ATTEMPT_LIMIT_SECONDS)


def in_stages(
    events: Mapping[str, float | None], *, end: float, names: Sequence[str] = STAGES
) -> dict[str, float]:
    """Split the time until `end` into the stages `names`; the last stage ends at `end`.

    `events` maps each other stage to the instant of its end, in seconds after the beginning. Each stage is
    measured from the latest event before it and ends at `end` at the latest, so no stage is negative and
    their sum is `end`. An event that was not seen takes no time. Counted in whole milliseconds.
    """
    last = round(end * 1000)
    latest = 0
    stages: dict[str, float] = {}
    for name in names[:-1]:
        seen = events.get(name)
        now = latest if seen is None else min(max(latest, round(seen * 1000)), last)
        stages[name] = (now - latest) / 1000
        latest = now
    return {**stages, names[-1]: (last - latest) / 1000}
