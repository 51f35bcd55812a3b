"""The result of a planned move: how long payments were refused, and which payments were lost, if any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drlib.core.errors import VerdictRed
from drlib.payments.ledger import Attempt, Ledger
from drlib.payments.reconcile import rpo_seconds
from drlib.show.charts import payments
from drlib.show.charts.chart import Chart, Mark
from drlib.show.output import Table, Verdict
from drlib.show.shown import Shown
from drlib.timeline.prediction import in_stages

if TYPE_CHECKING:
    from drlib.deployed.fence import Fence
    from drlib.runs.run import Run
    from drlib.show.checklist import Checks
    from drlib.switch.planned_move.acts import Flip, Opened
    from drlib.switch.planned_move.prepare import Move
    from drlib.timeline.observations import Watch

LOOK_BACK_SECONDS = 30.0  # the figure and the counts begin this long before the fence
STAGES = ("until the flip", "until the name turned", "until the clients turned")


@dataclass(frozen=True)
class Outcome(Shown):
    """The figures of a planned move. Durations in modelled seconds, counted from the fence.

    Attributes:
        window_seconds: until the first of ten payments in a row that the destination accepted.
        longest_seconds: the planned maximum of it.
        stages: the parts of the window; they add up to it.
        refused: attempts that the fence refused.
        outside: attempts that were refused, but not by the fence while it was in force.
        unclear: attempts that failed or got no answer; the reconciliation finds out what happened to them.
        missing: payments that the source had acknowledged and the destination did not have at the flip.
        rpo_seconds: from the oldest missing payment to the flip; 0 if none is missing.
    """

    source: str
    destination: str
    window_seconds: float
    longest_seconds: float
    stages: dict[str, float]
    refused: int
    outside: tuple[str, ...]
    unclear: int
    missing: tuple[str, ...]
    rpo_seconds: float
    view: payments.View

    @property
    def reasons(self) -> list[str]:
        """A sentence for each kind of payment that makes the verdict red; empty if there is none."""
        red = (
            (self.missing, "acknowledged payments were not in the destination at the flip"),
            (self.outside, "payments were refused outside the fence"),
        )
        return [f"{len(names)} {words}, such as {names[0]}." for names, words in red if names]

    def require(self) -> Verdict:
        """Return the verdict, one line. Raises VerdictRed when it is red."""
        if self.reasons:
            raise VerdictRed(
                " ".join(self.reasons), remedy="Read the records of these payments first.", entry="switchover"
            )
        return self.verdict()

    def verdict(self) -> Verdict:
        words = "nothing lost, and nothing refused outside the fence" if not self.reasons else "see above"
        detail = f"{self.window_seconds:.1f} s, {self.refused} payments refused, RPO {self.rpo_seconds:g} s"
        return Verdict("switchover", not self.reasons, says=words, detail=detail)

    def table(self) -> Table:
        rows: list[tuple[str, str]] = [(name, f"{seconds:.1f} s") for name, seconds in self.stages.items()]
        rows += [
            (
                "no payment was taken for",
                f"{self.window_seconds:.1f} s, planned {self.longest_seconds:.0f} s",
            ),
            ("refused by the fence", f"{self.refused}"),
            ("refused outside it", f"{len(self.outside)}"),
            ("failed, or without an answer", f"{self.unclear}"),
            ("missing at the flip", f"{len(self.missing)}"),
            ("RPO", f"{self.rpo_seconds:.1f} s"),
        ]
        return Table(("switchover", "measured"), rows, varying=("measured",))

    def chart(self) -> Chart:
        """Return the picture of the payments around the fence."""
        return payments.payments(self.view)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-like data for the evidence."""
        return {
            "kind": "switchover",
            "source": self.source,
            "destination": self.destination,
            "seconds": round(self.window_seconds, 3),
            "stages": self.stages,
            "refused": self.refused,
            "outside": list(self.outside),
            "unclear": self.unclear,
            "missing": list(self.missing),
            "rpo_seconds": round(self.rpo_seconds, 3),
        }

    def __str__(self) -> str:
        return str(self.table())

    def html(self) -> str:
        return self.table().html()


def outcome(
    move: Move,
    fence: Fence,
    flip: Flip,
    watch: Watch,
    opened: Opened,
    ledger: Ledger,
    *,
    run: Run | None = None,
) -> Outcome:
    """Return what a move cost, from the ledger of its clients; save it with `run`, if one is given."""
    found = _outcome(move, fence, flip, watch, opened, ledger)
    if run is not None:
        run.save(f"move.{run.runbook}", found)
    return found


def _outcome(move: Move, fence: Fence, flip: Flip, watch: Watch, opened: Opened, ledger: Ledger) -> Outcome:
    assert fence.at is not None and watch.seconds is not None
    attempts = ledger.attempts(since=fence.at - LOOK_BACK_SECONDS)
    missing = [
        row
        for row in ledger.attempts()
        if row.outcome == "ok"
        and row.region == move.source
        and row.finished_at <= flip.takeover.at
        and row.payment_id not in flip.takeover.payments
    ]
    refused = [row for row in attempts if _by_the_fence(row, fence.at, opened.at)]
    outside = [row for row in attempts if row.outcome == "rejected" and row not in refused]
    marks = [Mark(fence.at, "fence"), Mark(flip.at, "flip")]
    turned = watch.events.get("dns_answer")
    events = {STAGES[0]: flip.at - fence.at, STAGES[1]: None if turned is None else turned - fence.at}
    marks += [Mark(turned, "DNS changed")] if turned is not None else []
    marks += [Mark(fence.at + watch.seconds, "moved"), Mark(opened.at, "lifted")]
    view = replace(watch.view(), marks=sorted(marks), since="the fence", end=max(watch.ended_at, opened.at))
    return Outcome(
        source=move.source,
        destination=move.destination,
        window_seconds=watch.seconds,
        longest_seconds=move.longest_seconds,
        stages=in_stages(events, end=watch.seconds, names=STAGES),
        refused=len(refused),
        outside=tuple(sorted(row.name for row in outside)),
        unclear=sum(row.outcome in ("fail", "indeterminate") for row in attempts),
        missing=tuple(sorted(row.name for row in missing)),
        rpo_seconds=rpo_seconds(missing, fault_at=flip.at),
        view=view,
    )


def verdict(outcome: Outcome, proof: Checks) -> Verdict:
    """Return the verdict, one line. Call it after the evidence is saved, because it raises on a red result.

    Raises VerdictRed when a payment was lost or refused outside the fence, or when the move called more than
    data planes of the two regions.
    """
    proof.judge()
    return outcome.require()


def _by_the_fence(row: Attempt, fenced_at: float, opened_at: float) -> bool:
    """Whether the fence refused the attempt while it was in force."""
    within = row.finished_at >= fenced_at and row.started_at <= opened_at
    return row.outcome == "rejected" and row.status == 503 and within
