"""The common parts of all figures: size, colours, titles, legends, marks of events, display.

Figures are made without pyplot, which keeps all figures and draws them twice in a notebook. The colours are
the palette of Okabe and Ito, which is safe for all kinds of colour vision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from drlib.core.clock import Clock
from drlib.show import output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 7.0
BLUE, ORANGE, RED, PURPLE = "#0072B2", "#E69F00", "#D55E00", "#CC79A7"
GREEN, SKY, GREY, PALE = "#009E73", "#56B4E9", "#888888", "#E4E4E4"
INK = "#222222"
BETWEEN_FRAMES_WALL_SECONDS = 0.5
SHARE_FOR_DRAWING = 0.15  # of one processor, which the measured clients use too
LABEL_POINTS = 7.5


class Mark(NamedTuple):
    """A marked event: its instant in modelled seconds since the epoch, and a label of one or two words."""

    at: float
    label: str


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure and its table. A notebook shows the picture, and below it the table as a separate output.

    `text` is the constant plain text of the picture.
    """

    text: str
    figure: Figure
    table: output.Table

    def png(self) -> bytes:
        """Return the figure as a PNG image."""
        return output.png(self.figure)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        output.figure(self.figure, self.text)
        display(self.table)

    def __str__(self) -> str:
        return f"{self.text}\n{self.table}"


class LiveFigure:
    """A figure that is redrawn during an operation, at a rate that does not disturb it.

    Nothing is drawn outside a notebook.

    Args:
        text: constant plain text of the output.
        clock: the clock of the operation.
        draw: returns the current figure.
    """

    def __init__(self, text: str, clock: Clock, draw: Callable[[], Figure]) -> None:
        self._live = output.Live(text)
        self._clock = clock
        self._draw = draw
        self._next_at = 0.0

    def update(self, *, force: bool = False) -> None:
        """Draw a frame, unless the last one is too recent."""
        if not output.in_notebook():
            return
        start = self._clock.now()
        if start < self._next_at and not force:
            return
        self._live.figure(self._draw())
        cost = self._clock.now() - start
        pause = self._clock.scale * BETWEEN_FRAMES_WALL_SECONDS
        self._next_at = start + max(pause, cost / SHARE_FOR_DRAWING)

    def finish(self) -> None:
        """Draw the last frame."""
        self.update(force=True)


def new_figure(
    *, height_inches: float, rows: int = 1, ratios: Sequence[float] = ()
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure and its axes, one below the other, with a common time axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    grid = figure.subplots(
        rows, 1, sharex=rows > 1, squeeze=False, gridspec_kw={"height_ratios": list(ratios) or [1] * rows}
    )
    axes = [row[0] for row in grid]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def title(axis: Axes, words: str, *, origin: str) -> None:
    """Put a title above the axis; it marks simulated data."""
    marked = f"{words} (simulated)" if origin == "simulated" else words
    axis.set_title(marked, fontsize=10, loc="left", color=INK, pad=8)


def time_label(axis: Axes, origin: str, *, since: str = "the fault") -> None:
    """Label the time axis with its unit."""
    unit = "modelled seconds" if origin == "simulated" else "seconds"
    axis.set_xlabel(f"{unit} since {since}", fontsize=8)


def mark(axis: Axes, marks: Sequence[Mark], *, zero: float, rows: int = 3) -> None:
    """Draw a line at each event, with its label in the first of `rows` lines in which there is room."""
    low, high = axis.get_xlim()
    ends = [float("-inf")] * rows
    bottom, top = axis.get_ylim()
    step = (top - bottom) * 0.13
    axis.set_ylim(bottom, top + step * (rows + 0.4))
    for event in sorted(marks):
        at = event.at - zero
        if not low <= at <= high:
            continue
        length = (high - low) * (0.0125 * len(event.label) + 0.02)
        left = at + length > high  # the label does not fit to the right of the line
        begin, end = (at - length, at) if left else (at, at + length)
        row = next((number for number in range(rows) if ends[number] <= begin), rows - 1)
        ends[row] = end
        height = top + step * (rows - 1 - row)
        axis.plot([at, at], [bottom, height + step], color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
        axis.annotate(
            event.label,
            (at, height + step * 0.2),
            xytext=(-3 if left else 3, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=LABEL_POINTS,
            color=INK,
        )


def legend(axis: Axes, *, columns: int, below: float = 0.22) -> None:
    """Put the legend below the axis, where it covers no data; omit it if nothing was drawn."""
    if axis.get_legend_handles_labels()[0]:
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -below), "ncols": columns}
        axis.legend(**place, fontsize=8, frameon=False, handlelength=1.2, columnspacing=1.4)
