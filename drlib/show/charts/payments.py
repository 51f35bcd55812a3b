"""Attempts to pay over time, by outcome and region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drlib.show.charts import chart
from drlib.show.charts.chart import BLUE, GREY, ORANGE, PURPLE, RED, Chart, Mark
from drlib.show.output import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from drlib.payments.ledger import Attempt

MOST_BARS = 60


@dataclass(frozen=True)
class View:
    """The attempts from `start` to `end`; `zero` is 0 on the time axis (all in modelled seconds).

    `since` names the event at `zero`.
    """

    attempts: Sequence[Attempt]
    start: float
    end: float
    zero: float
    primary_region: str
    standby_region: str
    origin: str
    marks: Sequence[Mark] = field(default=())
    since: str = "the fault"

    def groups(self) -> list[tuple[str, str, list[Attempt]]]:
        """Return label, colour and attempts of each group, from the bottom up."""
        rows = [row for row in self.attempts if self.start <= row.finished_at <= self.end]
        good = [row for row in rows if row.outcome == "ok"]
        return [
            ("by the primary", BLUE, [row for row in good if row.region == self.primary_region]),
            ("by the standby", ORANGE, [row for row in good if row.region == self.standby_region]),
            ("refused", GREY, [row for row in rows if row.outcome == "rejected"]),
            ("failed", RED, [row for row in rows if row.outcome == "fail"]),
            ("unclear", PURPLE, [row for row in rows if row.outcome == "indeterminate"]),
        ]


def payments(view: View) -> Chart:
    """Return the picture of `view`, and a table of the number of attempts in each group."""
    figure, (axis,) = chart.new_figure(height_inches=3.4)
    draw(axis, view)
    chart.time_label(axis, view.origin, since=view.since)
    chart.legend(axis, columns=5)
    chart.title(axis, "Payments by the region that served them", origin=view.origin)
    rows = [(label, len(group)) for label, _, group in view.groups()]
    table = Table(("payments", "number"), rows, varying=("number",))
    return Chart("figure: payments by the region that served them", figure, table)


def draw(axis: Axes, view: View) -> None:
    """Draw the view's attempts as stacked bars, with its marks."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    span = max(view.end - view.start, 1.0)
    width = next(
        size for size in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600, 1e9) if span / size <= MOST_BARS
    )
    first = math.floor((view.start - view.zero) / width) * width
    edges = np.arange(first, view.end - view.zero + width, width)
    tops = np.zeros(max(len(edges) - 1, 0))
    for label, colour, group in view.groups():
        counts, _ = np.histogram([row.finished_at - view.zero for row in group], bins=edges)
        axis.stairs(tops + counts, edges, baseline=tops, fill=True, color=colour, label=label, linewidth=0)
        tops = tops + counts
    axis.set_xlim(view.start - view.zero, view.start - view.zero + span)
    axis.set_ylim(0, max(1.0, tops.max(initial=0.0)) * 1.05)
    axis.set_ylabel(f"payments in {width:g} s" if width > 1 else "payments a second", fontsize=8)
    if view.marks:
        chart.mark(axis, view.marks, zero=view.zero)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
