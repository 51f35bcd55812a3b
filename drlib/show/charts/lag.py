"""Replication lag and backlog over time. A gap means that there is no data.

A lag metric without data can mean that replication has stopped. The picture therefore leaves such minutes
blank, and the table counts them. Each recorded write is a dot: the instant of its arrival, and its lag.
Writes that an outage delayed are visible as dots; a datapoint for each minute would hide them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from drlib.show.charts import chart
from drlib.show.charts.chart import BLUE, GREEN, ORANGE, PURPLE, Chart, Mark
from drlib.show.output import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
LINE: dict[str, Any] = {"marker": "o", "markersize": 3, "linewidth": 1.3}


def lag(
    lag_seconds: pd.DataFrame,
    backlog: pd.DataFrame,
    *,
    zero: float,
    origin: str,
    marks: Sequence[Mark] = (),
    arrivals: pd.DataFrame | None = None,
) -> Chart:
    """Return the picture of two data frames with one column for each series, indexed by modelled instants.

    `lag_seconds` contains seconds, `backlog` numbers of waiting items; NaN means no data. `arrivals` has a
    row for each recorded write: `route` (a column of `lag_seconds`), `at`, `lag_seconds`.
    """
    figure, axes = chart.new_figure(height_inches=4.0, rows=2)
    for axis, frame, label in zip(
        axes, (lag_seconds, backlog), ("replication lag, s", "waiting items"), strict=True
    ):
        for colour, name in zip(COLOURS, frame.columns, strict=False):
            axis.plot(frame.index - zero, frame[name], color=colour, label=name, **LINE)
        if axis is axes[0] and arrivals is not None:
            _dots(axis, arrivals, list(frame.columns), zero=zero)
        axis.set_ylabel(label, fontsize=8)
        axis.set_ylim(bottom=0)
        axis.margins(y=0.1)
        if len(frame.columns):
            axis.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    low, high = _span(lag_seconds, backlog)
    margin = 0.02 * (high - low)  # shows a point at the edge completely
    axes[0].set_xlim(low - zero - margin, high - zero + margin)
    chart.mark(axes[0], marks, zero=zero, rows=2)
    chart.time_label(axes[1], origin, since="the fault; a gap means no data")
    chart.title(axes[0], "Replication lag and backlog", origin=origin)
    rows = [
        (name, frame[name].max(), int(frame[name].isna().sum()))
        for frame in (lag_seconds, backlog)
        for name in frame.columns
    ]
    columns = ("series", "highest", "minutes without data")
    return Chart("figure: replication lag and backlog", figure, Table(columns, rows, varying=columns[1:]))


def _dots(axis: Axes, arrivals: pd.DataFrame, routes: Sequence[str], *, zero: float) -> None:
    """Draw a dot for each write in the colour of its route."""
    for colour, route in zip(COLOURS, routes, strict=False):
        some = arrivals[arrivals["route"] == route]
        axis.scatter(some["at"] - zero, some["lag_seconds"], s=4, color=colour, alpha=0.35, linewidths=0)


def _span(*frames: pd.DataFrame) -> tuple[float, float]:
    instants = [float(at) for frame in frames for at in frame.index]
    if not instants:
        return 0.0, 1.0
    return min(instants), max(max(instants), min(instants) + 1.0)
