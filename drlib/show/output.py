"""The outputs of a cell: table, line, verdict, progress bar, live output.

The plain text of an output is the same on every run, so that a notebook's stored outputs can be compared.
Values that vary (seconds, rates, pictures) are in the html or the picture. A live output is one display
handle with a constant plain text. Outside a notebook a progress bar writes lines to stderr.
"""

from __future__ import annotations

import html
import io
import os
import re
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from drlib.core.clock import Clock
from drlib.core.errors import HANDBOOK
from drlib.core.redaction import mask
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 80  # keeps a stored figure near 50 kB
BETWEEN_UPDATES_SECONDS = 0.2  # in a notebook
BETWEEN_LINES_SECONDS = 10.0  # in a terminal or a log
WALL = Clock()
RUNBOOKS_VARIABLE = "DRLIB_RUNBOOKS"


def linked(text: str, *, place: str | None = None) -> str:
    """Return a text as html in which each reference to an entry of 90-troubleshoot is a link.

    Args:
        text: plain text.
        place: relative path to the folder of the runbooks; by default that of the environment variable
            `DRLIB_RUNBOOKS`, which a headless run sets, or else the same folder.
    """
    place = os.environ.get(RUNBOOKS_VARIABLE, "") if place is None else place
    to = rf'<a href="{place}{HANDBOOK}.ipynb#\1">\g<0></a>'
    return re.sub(rf"{HANDBOOK}#([a-z0-9-]+)", to, html.escape(text))


def in_notebook() -> bool:
    """Return whether this process is a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


def say(line: str) -> None:
    """Write one line to the cell or the terminal."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def png(figure: Figure, *, dpi: int = DPI) -> bytes:
    """Return a figure as PNG bytes without the version of matplotlib."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


class Live:
    """One output of a cell, updated in place.

    Args:
        text: its constant plain text. The result must be a separate output.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._handle: Any = None
        self._data: dict[str, Any] = {"text/plain": text}

    def show(self, *, png: bytes | None = None, html: str | None = None) -> None:
        """Display the content, or update it. Content that a later call omits does not change.

        Raises:
            ValueError: a later call has a kind of content that the first call did not have. A stored output
                has the kinds of the first call, so show an empty picture first.
        """
        given = {"image/png": png, "text/html": html}
        data = {kind: content for kind, content in given.items() if content is not None}
        if self._handle is not None and not data.keys() <= self._data.keys():
            raise ValueError(f"the first show of {self._text!r} had {', '.join(sorted(self._data))} only")
        self._data |= data
        if not in_notebook():
            return
        if self._handle is None:
            from IPython.display import display

            self._handle = display(self._data, raw=True, display_id=True)
        else:
            self._handle.update(self._data, raw=True)

    def figure(self, figure: Figure, *, html: str | None = None) -> None:
        """Display a matplotlib figure, or replace the earlier one."""
        self.show(png=png(figure), html=html)


def figure(figure: Figure, text: str, *, live: Live | None = None) -> Live:
    """Display a figure, or replace that of `live`; `text` is its constant plain text."""
    handle = live or Live(text)
    handle.figure(figure)
    return handle


class Progress:
    """A progress bar; use it as a context manager.

    Args:
        title: name of the running operation; the plain text contains only this.
        total: number of steps, 0 if unknown.
        clock: the clock of `elapsed_seconds`; by default the wall clock.
    """

    def __init__(self, title: str, *, total: int = 0, clock: Clock = WALL) -> None:
        self.title, self.total, self.count, self.phase = title, total, 0, ""
        self._clock, self._start = clock, clock.now()
        self._live = Live(f"{title}: progress")
        self._shown_at = float("-inf")

    def __enter__(self) -> Self:
        self._show(force=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.phase = "done" if kind is None else "stopped"
        self._show(force=True)

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the start, on the bar's clock."""
        return self._clock.now() - self._start

    def update(self, *, count: int | None = None, total: int | None = None, phase: str | None = None) -> None:
        """Set the count, the total or the phase. A notebook shows at most five updates a second."""
        self.count = self.count if count is None else count
        self.total = self.total if total is None else total
        self.phase = self.phase if phase is None else phase
        self._show()

    def line(self) -> str:
        """Return the current state as one line."""
        counted = f"{self.count} of {self.total}" if self.total else f"{self.count}"
        return ", ".join(part for part in (counted, self.phase, f"{self.elapsed_seconds:.0f} s") if part)

    def _show(self, *, force: bool = False) -> None:
        notebook = in_notebook()
        pause = BETWEEN_UPDATES_SECONDS if notebook else BETWEEN_LINES_SECONDS
        if not force and WALL.now() - self._shown_at < pause:
            return
        self._shown_at = WALL.now()
        if notebook:
            known = f' max="{self.total}" value="{min(self.count, self.total)}"' if self.total else ""
            line = html.escape(f"{self.title}: {self.line()}")
            self._live.show(html=f'<progress{known} style="width:20em"></progress> {line}')
        else:
            sys.stderr.write(mask(f"{self.title}: {self.line()}\n"))


class Table(Shown):
    """A small table: aligned plain text beside html.

    Args:
        columns: headings.
        rows: rows of values, each as long as `columns`.
        title: a line above the table.
        varying: headings of columns whose values vary between runs; only the html contains these columns.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        title: str = "",
        varying: Iterable[str] = (),
    ) -> None:
        self.columns = list(columns)
        self.rows = [[_cell(value) for value in row] for row in rows]
        self.title = title
        self.varying = set(varying)
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row needs {len(self.columns)} values")
        if not self.varying <= set(self.columns):
            raise ValueError(f"no such column: {', '.join(sorted(self.varying - set(self.columns)))}")

    def __str__(self) -> str:
        kept = [at for at, name in enumerate(self.columns) if name not in self.varying]
        lines = [[row[at] for at in kept] for row in [self.columns, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([self.title, *texts] if self.title else texts)

    def whole(self) -> Table:
        """Return the table with all columns in its plain text, for a terminal."""
        return Table(self.columns, self.rows, title=self.title)

    def html(self) -> str:
        """Return the table with all columns as html."""
        left = ' style="text-align:left"'
        head = "".join(f"<th{left}>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td{left}>{html.escape(value)}</td>" for value in row) + "</tr>"
            for row in self.rows
        )
        caption = f"<caption{left}>{html.escape(self.title)}</caption>" if self.title else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Line(Shown):
    """A single line: `text` is the same on every run, and only the html contains `detail`."""

    def __init__(self, text: str, *, detail: str = "") -> None:
        self.text, self.detail = text, detail

    def __str__(self) -> str:
        return self.text

    def html(self) -> str:
        return html.escape(", ".join(filter(None, (self.text, self.detail))))


class Verdict(Shown):
    """One line with the result of a judgement.

    Args:
        subject: what is judged, such as "RTO".
        passed: the result.
        says: the reason, in words that are the same on every run, such as "within target".
        detail: the figures, which vary; only the html contains them.
    """

    def __init__(self, subject: str, passed: bool, *, says: str = "", detail: str = "") -> None:
        self.subject, self.passed, self.says, self.detail = subject, passed, says, detail

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        word = "passed" if self.passed else "failed"
        return f"{self.subject}: {self.says} ({word})" if self.says else f"{self.subject}: {word}"

    def html(self) -> str:
        colour = "#1a7f37" if self.passed else "#b42318"
        line = html.escape(f"{self}" + (f", {self.detail}" if self.detail else ""))
        return f'<b style="color:{colour}">{line}</b>'


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
