"""What a watch of the public name saw: events, attempts, results of checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drlib.core.terms import STAGES
from drlib.payments.ledger import Attempt, Outcome
from drlib.show.charts import health
from drlib.show.charts import payments as charts_payments
from drlib.show.charts.chart import Chart, Mark
from drlib.show.charts.health import Observation
from drlib.show.output import Table
from drlib.show.shown import Shown
from drlib.timeline.prediction import STREAK

SHOWN_BEFORE_SECONDS = 30.0


@dataclass(frozen=True)
class Watch(Shown):
    """A watched move. Instants are modelled seconds since the epoch.

    Attributes:
        zero: when it began: the fault, or the release of the latch.
        streak: the first and the last of the ten successes in a row that end it; None if there were none.
        events: the instants at which the stages end.
        misses: how many polls failed.
        pending: numbers of the attempts that had not ended when the watch ended.
        answers: each region that the public name led to, with the instant of its first answer.
        alarm_at: since when the scenario's alarm rings; None if it does not.
    """

    zero: float
    ended_at: float
    to_region: str
    primary_region: str
    standby_region: str
    threshold: int
    scenario: str
    origin: str
    streak: tuple[Attempt, Attempt] | None
    events: Mapping[str, float | None] = field(default_factory=dict)
    attempts: Sequence[Attempt] = ()
    observations: Sequence[Observation] = ()
    misses: int = 0
    pending: Sequence[int] = ()
    answers: Sequence[tuple[float, str]] = ()
    alarm_at: float | None = None

    @property
    def seconds(self) -> float | None:
        """Seconds from the beginning to the first of the ten successes."""
        return None if self.streak is None else max(0.0, self.streak[0].finished_at - self.zero)

    def count(self, outcome: Outcome) -> int:
        """Count the attempts with an outcome, of all cohorts, since the beginning."""
        return sum(row.outcome == outcome and row.finished_at >= self.zero for row in self.attempts)

    def marks(self) -> list[Mark]:
        """Return the events to mark in a figure."""
        begun = "fault" if self.scenario else "begun"
        marks = [Mark(self.zero, begun)]
        marks += [Mark(at, STAGES[name].mark) for name, at in self.events.items() if at is not None]
        if self.streak:
            marks.append(
                Mark(self.streak[0].finished_at, STAGES["client_switch"].mark if self.scenario else "moved")
            )
        return marks

    def payments(self, *, restored_at: float | None = None) -> Chart:
        """Return the figure of payments by region; `restored_at` adds one more mark."""
        return charts_payments.payments(self.view(restored_at=restored_at))

    def health(self) -> Chart:
        """Return the figure of the primary's checkers."""
        return health.health(
            self.observations,
            threshold=self.threshold,
            start=self.zero - SHOWN_BEFORE_SECONDS,
            end=self.ended_at,
            zero=self.zero,
            origin=self.origin,
            marks=self.marks(),
        )

    def view(self, *, restored_at: float | None = None) -> charts_payments.View:
        """Return what the figure of payments shows."""
        more = [] if restored_at is None else [Mark(restored_at, "restored")]
        return charts_payments.View(
            attempts=self.attempts,
            start=self.zero - SHOWN_BEFORE_SECONDS,
            end=max(self.ended_at, restored_at or 0.0),
            zero=self.zero,
            primary_region=self.primary_region,
            standby_region=self.standby_region,
            origin=self.origin,
            marks=[*self.marks(), *more],
            since="the fault" if self.scenario else "it began",
        )

    def __str__(self) -> str:
        if self.streak is None:
            return f"payments were served by {self.primary_region} all the time"
        return f"{STREAK} payments in a row were served by {self.to_region}"

    def html(self) -> str:
        rows = [
            (one.words, self._after(self.events.get(name)))
            for name, one in STAGES.items()
            if self.events.get(name) is not None
        ]
        rows += [("the alarm rang", self._after(self.alarm_at))] if self.alarm_at else []
        rows.append((f"served by {self.to_region}", self._after(self.streak and self.streak[0].finished_at)))
        rows += [("payments failed", f"{self.count('fail')}")]
        rows += [("payments unclear", f"{self.count('indeterminate')}")]
        table = Table(("seen", "seconds after it began"), rows, title=str(self))
        return table.html()

    def _after(self, at: float | None) -> str:
        return "-" if at is None else f"{at - self.zero:.1f}"
