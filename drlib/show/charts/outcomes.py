"""The outcomes of the attempts of each cohort."""

from __future__ import annotations

from collections.abc import Mapping

from drlib.show.charts import chart
from drlib.show.charts.chart import BLUE, GREY, INK, PURPLE, RED, Chart
from drlib.show.output import Table

GROUPS = (
    ("ok", "acknowledged", BLUE),
    ("fail", "failed", RED),
    ("indeterminate", "unclear", PURPLE),
    ("rejected", "rejected", GREY),
)
ROOM_FOR_A_NUMBER = 0.04  # of the width


def outcomes(counts: Mapping[str, Mapping[str, int]], *, origin: str) -> Chart:
    """Return the bars and the table of `counts`: cohort -> outcome -> number of attempts."""
    figure, (axis,) = chart.new_figure(height_inches=1.5 + 0.5 * max(1, len(counts)))
    widest = max((sum(row.values()) for row in counts.values()), default=0) or 1
    for number, row in enumerate(counts.values()):
        left = 0
        for outcome, label, colour in GROUPS:
            size = row.get(outcome, 0)
            axis.barh(number, size, 0.6, left=left, color=colour, label=label if number == 0 else None)
            if size / widest > ROOM_FOR_A_NUMBER:
                axis.text(
                    left + size / 2, number, str(size), ha="center", va="center", color="white", fontsize=9
                )
            left += size
        axis.text(left + widest * 0.01, number, f"{left} attempts", va="center", fontsize=8, color=INK)
    axis.set_yticks(range(len(counts)), list(counts), fontsize=8.5)
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(counts) - 0.4, -0.6)
    axis.set_xlim(0, widest * 1.17)
    axis.set_xlabel("attempts to pay, each tried once", fontsize=8)
    chart.legend(axis, columns=4, below=0.3)
    chart.title(axis, "What the clients were told", origin=origin)
    columns = ["cohort", *(label for _, label, _ in GROUPS)]
    rows = [[name, *(row.get(outcome, 0) for outcome, _, _ in GROUPS)] for name, row in counts.items()]
    return Chart("figure: what the clients were told", figure, Table(columns, rows, varying=columns[1:]))
