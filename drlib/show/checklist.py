"""Checks: questions with a verdict, and the hint that mends each.

A check has an `id` for code and a `name` for people. The id is a slug, unique in its list, and stays when the
name is worded anew: results are compared, selected and stored by id.

A check that could not be asked is `skipped`, never `passed`. The plain text of a table shows names and
verdicts only, which do not vary between two good runs; what was seen stands in the html beside it.
"""

from __future__ import annotations

import contextvars
import html
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

from drlib.core.errors import DrError, OnlyPlanned, PreflightFailed, VerdictRed, see, slug
from drlib.show.output import Line, linked
from drlib.show.shown import Shown

Status = Literal["passed", "failed", "skipped"]
SIGN = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}
COLOUR = {"passed": "#0072b2", "failed": "#d55e00", "skipped": "#777777"}


@dataclass(frozen=True)
class Check:
    """One question and its answer: what was seen is in `detail`, what mends a red one in `hint`."""

    id: str
    name: str
    status: Status
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Probe:
    """A check that is still to be made.

    `ask` returns what it saw, and raises a DrError when that is not good; the error's remedy, or else this
    probe's `hint`, tells what to do. It may raise `Skip` when the question cannot be asked here.
    `entry` is the heading of 90-troubleshoot that explains it, where that is not the id.
    """

    id: str
    name: str
    ask: Callable[[], str]
    hint: str = ""
    entry: str = ""

    def told(self, remedy: str = "") -> str:
        """What to do about a red answer, and where more is written on it."""
        return f"{remedy or self.hint} See {see(self.entry or self.id)}.".strip()

    def of(self, role: str) -> Probe:
        """Return the same question put to one role, such as `primary`: the role ends its id and its name."""
        return Probe(
            f"{self.id}-{slug(role)}", f"{self.name} ({role})", self.ask, self.hint, self.entry or self.id
        )


class Skip(Exception):  # noqa: N818 - not an error: the question does not arise here
    """Raised by a probe whose question cannot be asked here; the text says why."""


class Failed(DrError):
    """Raised by a probe that saw something which is not good; the text says what."""


@dataclass(frozen=True)
class Checks(Shown):
    """The answers to a list of questions, in the order in which they were put."""

    title: str
    rows: tuple[Check, ...]

    def __iter__(self) -> Iterator[Check]:
        return iter(self.rows)

    def __getitem__(self, id: str) -> Check:  # noqa: A002 - the word of the row
        """Return the answer with an id. Raises KeyError where the list has no such check."""
        for row in self.rows:
            if row.id == id:
                return row
        raise KeyError(id)

    @property
    def failed(self) -> list[Check]:
        return [row for row in self.rows if row.status == "failed"]

    @property
    def skipped(self) -> list[Check]:
        return [row for row in self.rows if row.status == "skipped"]

    @property
    def status(self) -> Status:
        """`failed` if one failed, else `skipped` if one was skipped, else `passed`."""
        if self.failed:
            return "failed"
        return "skipped" if self.skipped else "passed"

    @property
    def line(self) -> str:
        """How many passed, in one line."""
        good = sum(row.status == "passed" for row in self.rows)
        return f"{self.title}: {good} of {len(self.rows)} passed"

    def require(self) -> Line:
        """Return one line that says how many passed. Raises PreflightFailed, which names what failed."""
        return self._or_raise(PreflightFailed)

    def judge(self) -> Line:
        """Return one line that says how many passed. Raises VerdictRed, which names what failed.

        For checks that look back at what was done: keep the evidence before.
        """
        return self._or_raise(VerdictRed)

    def _or_raise(self, error: type[DrError]) -> Line:
        if not self.failed:
            return Line(self.line)
        what = "; ".join(f"{row.name}: {row.detail}" if row.detail else row.name for row in self.failed)
        hints = list(dict.fromkeys(row.hint for row in self.failed if row.hint))
        raise error(
            f"{self.title}: {len(self.failed)} of {len(self.rows)} checks failed. {what}.",
            remedy=" ".join(hints),
        )

    def as_dicts(self) -> list[dict[str, str]]:
        """Rows for the evidence."""
        return [vars(row).copy() for row in self.rows]

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [f"{row.name:<{width}}  {SIGN[row.status]}" for row in self.rows]
        return "\n".join([self.line, *lines])

    def __repr__(self) -> str:
        return str(self)

    def html(self) -> str:
        cells = []
        for row in self.rows:
            seen = html.escape(row.detail)
            if row.hint and row.status != "passed":
                seen += f"<br><b>next:</b> {linked(row.hint)}"
            cells.append(
                f"<tr><td style='text-align:left'>{html.escape(row.name)}</td>"
                f"<td style='color:{COLOUR[row.status]}'><b>{SIGN[row.status]}</b></td>"
                f"<td style='text-align:left'>{seen}</td></tr>"
            )
        head = "<tr><th style='text-align:left'>check</th><th></th><th style='text-align:left'>seen</th></tr>"
        return f"<b>{html.escape(self.title)}</b><table>{head}{''.join(cells)}</table>"


def make(title: str, probes: Sequence[Probe], *, threads: int = 8) -> Checks:
    """Put all questions at once, and return the answers in the order of the list.

    An error of drlib, of AWS or of the network is an answer. Anything else is a mistake, and is raised.
    What the calling thread said of its calls' purpose holds for all of them.
    """
    contexts = [contextvars.copy_context() for _ in probes]
    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(probes)))) as pool:
        answers = pool.map(lambda context, probe: context.run(_answer, probe), contexts, probes)
        return Checks(title, tuple(answers))


def _answer(probe: Probe) -> Check:
    def answer(status: Status, detail: str, remedy: str = "") -> Check:
        return Check(probe.id, probe.name, status, detail, probe.told(remedy))

    try:
        return answer("passed", probe.ask())
    except Skip as reason:
        return answer("skipped", str(reason))
    except OnlyPlanned as error:
        return answer("skipped", error.message, error.remedy)
    except DrError as error:
        return answer("failed", error.message, error.remedy)
    except ClientError as error:
        return answer("failed", f"{error.operation_name}: {_code(error)}")
    except (BotoCoreError, OSError) as error:
        return answer("failed", f"{type(error).__name__}: {error}")


def _code(error: ClientError) -> str:
    """The code alone: the message of AWS may name an account."""
    return str(error.response.get("Error", {}).get("Code", "unknown error"))
