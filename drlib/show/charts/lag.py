"""Replication lag and backlog over time. A gap is drawn as a gap: no data is not zero.

A lag metric that falls silent can mean that replication stands still. So the picture leaves such minutes
blank, and the table counts them. Where single writes are on record, each is a dot: when it arrived, and how
long it had been on its way. What an outage held up stands out by it; a datapoint a minute would hide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drlib.show.charts import chart
from drlib.show.charts.chart import BLUE, GREEN, ORANGE, PURPLE, Chart, Mark
from drlib.show.output import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


def lag(
    lag_seconds: pd.DataFrame,
    backlog: pd.DataFrame,
    *,
    zero: float,
    origin: str,
    marks: Sequence[Mark] = (),
    arrivals: pd.DataFrame | None = None,
) -> Chart:
    """Return the picture of two data frames with one column a series, indexed by modelled instants.

    `lag_seconds` holds seconds, `backlog` numbers of waiting items; NaN means that there was no data.
    `arrivals` has a row for each write that is on record: `route`, a column of `lag_seconds`; `at`;
    `lag_seconds`.
    """
    figure, axes = chart.new_figure(height_inches=4.0, rows=2)
    for axis, frame, label in zip(
        axes, (lag_seconds, backlog), ("replication lag, s", "waiting items"), strict=True
    ):
        for colour, name in zip(COLOURS, frame.columns, strict=False):
            axis.plot(
                frame.index - zero,
                frame[name],
                color=colour,
                marker="o",
                markersize=3,
                linewidth=1.3,
                label=name,
            )
        if axis is axes[0] and arrivals is not None:
            _dots(axis, arrivals, list(frame.columns), zero=zero)
        axis.set_ylabel(label, fontsize=8)
        axis.set_ylim(bottom=0)
        axis.margins(y=0.1)
        if len(frame.columns):
            axis.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    low, high = _span(lag_seconds, backlog)
    margin = 0.02 * (high - low)  # a point at the edge is whole
    axes[0].set_xlim(low - zero - margin, high - zero + margin)
    chart.mark(axes[0], marks, zero=zero, rows=2)
    unit = "modelled seconds" if origin == "simulated" else "seconds"
    axes[1].set_xlabel(f"{unit} since the fault; a gap means no data", fontsize=8)
    chart.title(axes[0], "Replication lag and backlog", origin=origin)
    rows = [
        (name, frame[name].max(), int(frame[name].isna().sum()))
        for frame in (lag_seconds, backlog)
        for name in frame.columns
    ]
    columns = ("series", "highest", "minutes without data")
    return Chart("figure: replication lag and backlog", figure, Table(columns, rows, varying=columns[1:]))


def _dots(axis: Axes, arrivals: pd.DataFrame, routes: Sequence[str], *, zero: float) -> None:
    """Draw each write where it arrived, in its route's colour."""
    for colour, route in zip(COLOURS, routes, strict=False):
        some = arrivals[arrivals["route"] == route]
        axis.scatter(some["at"] - zero, some["lag_seconds"], s=4, color=colour, alpha=0.35, linewidths=0)


def _span(*frames: pd.DataFrame) -> tuple[float, float]:
    instants = [float(at) for frame in frames for at in frame.index]
    if not instants:
        return 0.0, 1.0
    return min(instants), max(max(instants), min(instants) + 1.0)
