"""The measured and the predicted stages of the RTO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.core.terms import stage_words
from drlib.show.charts import chart
from drlib.show.charts.chart import BLUE, GREY, INK, RED, Chart
from drlib.show.output import Table

NUMBER: dict[str, Any] = {"xytext": (3, 0), "textcoords": "offset points", "va": "center", "fontsize": 7.5}


def waterfall(
    measured: Mapping[str, float], predicted: Mapping[str, float], *, target_seconds: float, origin: str
) -> Chart:
    """Return the picture and the table of the stages; both mappings are stage -> modelled seconds."""
    figure, (axis,) = chart.new_figure(height_inches=3.4)
    names = [*measured, "RTO"]
    for stages, colour, shift, label in (
        (measured, BLUE, -0.19, "measured"),
        (predicted, GREY, 0.19, "predicted"),
    ):
        begin = 0.0
        lines = [(name, stages.get(name, 0.0)) for name in measured] + [("RTO", sum(stages.values()))]
        for row, (name, seconds) in enumerate(lines):
            left = 0.0 if name == "RTO" else begin
            axis.barh(row + shift, seconds, 0.34, left=left, color=colour, label=label if row == 0 else None)
            axis.annotate(f"{seconds:.1f}", (left + seconds, row + shift), color=INK, **NUMBER)
            begin += seconds
    longest = max(sum(measured.values()), sum(predicted.values()), 1.0)
    axis.set_xlim(0, max(longest, target_seconds) * 1.08)
    axis.axvline(
        target_seconds, color=RED, linewidth=1.2, linestyle=(0, (4, 2)), label=f"target {target_seconds:g} s"
    )
    axis.set_yticks(range(len(names)), [stage_words(name) for name in names], fontsize=8.5)
    axis.set_ylim(len(names) - 0.45, -0.55)
    axis.tick_params(axis="y", length=0)
    chart.time_label(axis, origin)
    chart.legend(axis, columns=3)
    chart.title(axis, "Where the recovery time went", origin=origin)
    rows = [
        (stage_words(name), round(measured[name], 1), round(predicted.get(name, 0.0), 1)) for name in measured
    ]
    rows.append(("RTO", round(sum(measured.values()), 1), round(sum(predicted.values()), 1)))
    table = Table(("stage", "measured s", "predicted s"), rows, varying=("measured s", "predicted s"))
    return Chart("figure: where the recovery time went", figure, table)
