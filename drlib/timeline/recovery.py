"""The measured RTO of a watched failover: stages that add up to it, and the recovery of each cohort."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from drlib.core.errors import StepFailed
from drlib.payments.ledger import OBEYS_TTL, Attempt, in_order
from drlib.show.charts import waterfall
from drlib.show.charts.chart import Chart
from drlib.show.output import Line, Table, Verdict
from drlib.show.shown import Shown
from drlib.timeline.client_switch import Foreseen, percentile
from drlib.timeline.prediction import STREAK, Prediction, in_stages

if TYPE_CHECKING:
    from drlib.timeline.observations import Watch

NEVER = "not recovered until the region came back"
STILL_AWAY = "not all recovered while they were watched"


@dataclass(frozen=True)
class Cohort:
    """How long the clients of a cohort took to recover, in modelled seconds; None if none recovered.

    `note` explains why clients did not recover.
    """

    clients: int
    recovered: int
    p50_seconds: float | None
    p95_seconds: float | None
    max_seconds: float | None
    note: str = ""


@dataclass(frozen=True)
class RecoveryTime(Shown):
    """The measured RTO beside the predicted one. All durations in modelled seconds since the fault."""

    scenario: str
    origin: str
    measured_seconds: float
    predicted_seconds: float
    target_seconds: float
    stable_seconds: float
    stages: Mapping[str, float]
    predicted_stages: Mapping[str, float]
    cohorts: Mapping[str, Cohort]
    predicted_cohorts: Mapping[str, Foreseen | None]
    failed: int
    indeterminate: int

    @property
    def within_target(self) -> bool:
        return self.measured_seconds <= self.target_seconds

    @property
    def error_seconds(self) -> float:
        """Measured minus predicted RTO; negative if the recovery was faster than predicted."""
        return self.measured_seconds - self.predicted_seconds

    @property
    def error_share(self) -> float:
        """`error_seconds` as a share of the prediction."""
        return self.error_seconds / self.predicted_seconds if self.predicted_seconds else 0.0

    def waterfall(self) -> Chart:
        """Return the figure of the measured stages beside the predicted ones."""
        return waterfall.waterfall(
            self.stages, self.predicted_stages, target_seconds=self.target_seconds, origin=self.origin
        )

    def figures(self) -> dict[str, Chart]:
        """Return the figures for the report, by name."""
        return {"waterfall": self.waterfall()}

    def table(self) -> Table:
        """Return the table of the cohorts: measured durations and the predicted range of the longest."""
        rows = [
            (
                name,
                one.clients,
                one.recovered,
                *map(_tenths, (one.p50_seconds, one.p95_seconds, one.max_seconds)),
                _range(self.predicted_cohorts.get(name)),
                one.note,
            )
            for name, one in self.cohorts.items()
        ]
        columns = ("cohort", "clients", "recovered", "p50 s", "p95 s", "max s", "predicted max s", "")
        # The measured columns can differ between two good runs: a client that pins an address can have
        # resolved the name before or after the change.
        return Table(columns, rows, varying=columns[2:])

    def verdict(self) -> Verdict:
        detail = (
            f"{self.measured_seconds:.1f} s measured, {self.predicted_seconds:.1f} s predicted "
            f"({self.error_share:+.0%}), target {self.target_seconds:g} s, {self.origin}"
        )
        words = "within target" if self.within_target else "beyond target"
        return Verdict("RTO", self.within_target, says=words, detail=detail)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-like data for the evidence."""
        return asdict(self) | {"error_seconds": round(self.error_seconds, 3)}

    def __str__(self) -> str:
        return f"{self.verdict()}\n{self.table()}"

    def html(self) -> str:
        verdict = self.verdict().html()
        return f"{verdict}{self.table().html()}"


@dataclass(frozen=True)
class NoRecovery(Shown):
    """The result of a scenario in which the traffic must stay: there is no recovery to measure."""

    watch: Watch

    def waterfall(self) -> Line:
        """Return a line in place of the figure, because there are no stages."""
        return Line("no stages: nothing was to recover")

    def figures(self) -> dict[str, Chart]:
        return {}

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-like data for the evidence: no time was measured."""
        return {"scenario": self.watch.scenario, "measured_seconds": None}

    def __str__(self) -> str:
        return f"no recovery: {self.watch}"

    def html(self) -> str:
        return html.escape(str(self))


def measure(watch: Watch, prediction: Prediction) -> RecoveryTime | NoRecovery:
    """Compute the RTO of a watched failover, or NoRecovery if the traffic had to stay.

    Raises StepFailed when the clients had not recovered.
    """
    if prediction.stays:
        return NoRecovery(watch)
    if watch.streak is None:
        raise StepFailed(
            "The clients did not recover while they were watched.",
            remedy="The timeline above shows which stage is missing.",
            entry="stages",
        )
    first, last = watch.streak
    measured = max(0.0, first.finished_at - watch.zero)
    return RecoveryTime(
        scenario=watch.scenario,
        origin=watch.origin,
        measured_seconds=round(measured * 1000) / 1000,
        predicted_seconds=prediction.predicted_seconds,
        target_seconds=prediction.target_seconds,
        stable_seconds=round(max(0.0, last.finished_at - first.finished_at), 3),
        stages=in_stages(
            {name: None if at is None else at - watch.zero for name, at in watch.events.items()},
            end=measured,
        ),
        predicted_stages=prediction.stages,
        cohorts=_noted(cohorts(watch.attempts, zero=watch.zero, region=watch.to_region), prediction.cohorts),
        predicted_cohorts=prediction.cohorts,
        failed=watch.count("fail"),
        indeterminate=watch.count("indeterminate"),
    )


def _noted(found: Mapping[str, Cohort], foreseen: Mapping[str, Foreseen | None]) -> dict[str, Cohort]:
    """Add a note to each cohort with clients that did not recover."""

    def note(name: str, one: Cohort) -> str:
        if one.recovered == one.clients:
            return ""
        if one.recovered == 0 and foreseen.get(name) is None:
            return NEVER
        return STILL_AWAY

    return {name: replace(one, note=note(name, one)) for name, one in found.items()}


def _range(foreseen: Foreseen | None) -> str:
    return f"{foreseen.earliest_seconds:.0f} to {foreseen.latest_seconds:.0f}" if foreseen else "never"


def _tenths(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"


def streak(
    attempts: Sequence[Attempt], *, region: str, length: int = STREAK
) -> tuple[Attempt, Attempt] | None:
    """Return the first and the last of the first `length` successes in a row that `region` served.

    `attempts` are those of one cohort, in start order.
    """
    row: list[Attempt] = []
    for attempt in attempts:
        row = [*row, attempt] if attempt.outcome == "ok" and attempt.region == region else []
        if len(row) == length:
            return row[0], row[-1]
    return None


def first_error(attempts: Sequence[Attempt], *, since: float) -> float | None:
    """Return when a client that obeys the TTL first got an answer other than a success, or no answer."""
    bad = [
        row.finished_at
        for row in attempts
        if row.cohort == OBEYS_TTL and row.outcome != "ok" and row.finished_at >= since
    ]
    return min(bad, default=None)


def cohorts(attempts: Sequence[Attempt], *, zero: float, region: str) -> dict[str, Cohort]:
    """Return, for each cohort, how long its clients took from `zero` until `region` kept serving them."""
    times: dict[str, dict[int, float | None]] = {}
    for attempt in sorted(attempts, key=lambda row: row.seq):
        if attempt.finished_at < zero:
            continue
        known = times.setdefault(attempt.cohort, {})
        served = attempt.outcome == "ok" and attempt.region == region
        if not served:
            known[attempt.client] = None
        elif known.get(attempt.client) is None:
            known[attempt.client] = round(attempt.finished_at - zero, 3)
    found = {name: _cohort(list(by_client.values())) for name, by_client in times.items()}
    return in_order(found)


def _cohort(times: list[float | None]) -> Cohort:
    found = [seconds for seconds in times if seconds is not None]
    p50, p95, longest = (percentile(found, share) for share in (0.5, 0.95, 1.0))
    return Cohort(len(times), len(found), p50, p95, longest)
