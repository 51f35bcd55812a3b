"""The results of each Route 53 checker for the primary, over time.

AWS, "Determining whether a health check is healthy": each checker counts results in a row; the check is
healthy while more than 18 % of the checkers report healthy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from drlib.show.charts import chart
from drlib.show.charts.chart import GREY, INK, ORANGE, PALE, RED, SKY, Chart, Mark
from drlib.show.output import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"good": SKY, "failing": ORANGE, "unhealthy": RED}
LABELS = {"good": "check passed", "failing": "check failed", "unhealthy": "unhealthy by this checker"}


class Observation(NamedTuple):
    """One result of one checker: the instant of the check, and the number of failures in a row."""

    checker: str
    at: float
    failures: int


def health(
    observations: Sequence[Observation],
    *,
    threshold: int,
    start: float,
    end: float,
    zero: float,
    origin: str,
    marks: Sequence[Mark] = (),
) -> Chart:
    """Return the figure of all checkers, and a table of the most failures in a row of each."""
    figure, (axis,) = chart.new_figure(height_inches=3.4)
    draw(axis, observations, threshold=threshold, start=start, end=end, zero=zero, marks=marks)
    chart.time_label(axis, origin)
    chart.legend(axis, columns=4)
    chart.title(axis, "The primary's health check, by checker", origin=origin)
    rows = []
    for name in _checkers(observations):
        own = [seen for seen in observations if seen.checker == name]
        rows.append((name, max(seen.failures for seen in own), len(own)))
    columns = ("checker", "most failures in a row", "checks seen")
    table = Table(columns, rows, varying=columns[1:])
    return Chart("figure: the primary's health check, by checker", figure, table)


def draw(
    axis: Axes,
    observations: Sequence[Observation],
    *,
    threshold: int,
    start: float,
    end: float,
    zero: float,
    marks: Sequence[Mark] = (),
) -> None:
    """Draw one line for each checker: each result lasts until the next one."""
    names = _checkers(observations)
    drawn: set[str] = set()
    for row, name in enumerate(names):
        own = sorted(seen for seen in observations if seen.checker == name)
        ends = [seen.at for seen in own[1:]] + [end]
        first = own[0].at if own else end
        spans: dict[str, list[tuple[float, float]]] = {"none": [(start - zero, first - start)]}
        for seen, until in zip(own, ends, strict=True):
            begin = max(seen.at, start)
            spans.setdefault(_state(seen.failures, threshold), []).append(
                (begin - zero, max(0.0, until - begin))
            )
        for state, parts in spans.items():
            label = LABELS.get(state, "not seen") if state not in drawn else None
            colour = COLOURS.get(state, PALE)
            if state != "none" or any(length > 0 for _, length in parts):
                drawn.add(state)
                axis.broken_barh(
                    parts, (row - 0.4, 0.8), facecolors=colour, edgecolor="white", linewidth=0.4, label=label
                )
    axis.set_yticks(range(len(names)), names, fontsize=7.5)
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(start - zero, max(end, start + 1) - zero)
    for event in marks:
        if start <= event.at <= end:
            axis.axvline(event.at - zero, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    axis.spines["left"].set_visible(False)
    axis.spines["bottom"].set_color(GREY)


def _checkers(observations: Sequence[Observation]) -> list[str]:
    return sorted({seen.checker for seen in observations})


def _state(failures: int, threshold: int) -> str:
    if failures == 0:
        return "good"
    return "unhealthy" if failures >= threshold else "failing"
