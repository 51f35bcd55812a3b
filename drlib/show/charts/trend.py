"""The stages of the RTO, and the RPO, of successive runs: one panel for each kind of drill.

A panel never mixes simulated and live runs, scenarios or time scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drlib.core.terms import stage_words
from drlib.show.charts import chart
from drlib.show.charts.chart import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY, Chart
from drlib.show.output import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, SKY, ORANGE, PURPLE, GREEN)
PANEL_INCHES, REST_INCHES = 1.6, 1.0
MOST_PANELS = 6
FEWEST_PLACES = 4


@dataclass(frozen=True)
class Bar:
    """One run: its stages in order, and its RPO; modelled seconds. `passed` is its verdict."""

    stages: Mapping[str, float]
    rpo_seconds: float | None
    passed: bool


@dataclass(frozen=True)
class Panel:
    """Runs of one kind, oldest first, and the target of the newest."""

    title: str
    origin: str
    target_seconds: float
    bars: Sequence[Bar] = field(default_factory=tuple)


def trend(panels: Sequence[Panel], table: Table) -> Chart:
    """Return the picture of the first panels, at most `MOST_PANELS`, with its table."""
    shown = panels[:MOST_PANELS]
    rows = max(1, len(shown))
    figure, axes = chart.new_figure(height_inches=REST_INCHES + rows * PANEL_INCHES, rows=rows)
    for axis, panel in zip(axes, shown, strict=False):
        _draw(axis, panel)
    if not shown:
        axes[0].set_title("no run has measured a recovery yet", fontsize=10, loc="left", color=INK)
    axes[-1].set_xlim(0.4, max([FEWEST_PLACES, *(len(panel.bars) for panel in shown)]) + 0.6)
    axes[-1].set_xlabel("runs, oldest first", fontsize=8)
    chart.legend(axes[-1], columns=4, below=0.35)
    return Chart("figure: RTO by stage and RPO, run by run", figure, table)


def _draw(axis: Axes, panel: Panel) -> None:
    places = range(1, len(panel.bars) + 1)
    bottoms = [0.0] * len(panel.bars)
    names = dict.fromkeys(name for bar in panel.bars for name in bar.stages)
    for name, colour in zip(names, COLOURS, strict=False):
        heights = [bar.stages.get(name, 0.0) for bar in panel.bars]
        axis.bar(places, heights, 0.7, bottom=bottoms, color=colour, label=stage_words(name))
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    for at, bar, top in zip(places, panel.bars, bottoms, strict=True):
        if not bar.passed:
            axis.annotate("not passed", (at, top), ha="center", va="bottom", fontsize=7, color=RED)
    known = {
        at: bar.rpo_seconds for at, bar in zip(places, panel.bars, strict=True) if bar.rpo_seconds is not None
    }
    axis.plot(list(known), list(known.values()), "D", color=INK, markersize=4, label="RPO")
    axis.axhline(panel.target_seconds, color=RED, linewidth=1.2, linestyle=(0, (4, 2)), label="RTO target")
    axis.set_ylim(0, max([panel.target_seconds, *bottoms]) * 1.12)
    axis.set_xticks([])
    axis.set_ylabel("modelled s" if panel.origin == "simulated" else "s", fontsize=8)
    chart.title(axis, panel.title, origin=panel.origin)
