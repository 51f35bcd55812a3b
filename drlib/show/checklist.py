"""Checks: each has a status, and a hint for a failure.

A check has an `id` for code and a `name` for people. The id is a slug, unique in its list, and stays if
the name changes: results are compared, selected and stored by id.

A check that could not run is `skipped`, never `passed`. The plain text contains only names and statuses,
which do not vary between two good runs; the html also contains the details.
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
    """The result of a check: `detail` says what was found, `hint` what to do about a failure."""

    id: str
    name: str
    status: Status
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Probe:
    """A check that has not run yet.

    `ask` returns what it found. It raises a DrError for a failure, whose remedy, or else `hint`, says what to
    do, and `Skip` if the check cannot run here. `entry` is the heading in 90-troubleshoot, if not the id.
    """

    id: str
    name: str
    ask: Callable[[], str]
    hint: str = ""
    entry: str = ""

    def advice(self, remedy: str = "") -> str:
        """Return what to do about a failure, and the reference to its entry in 90-troubleshoot."""
        return f"{remedy or self.hint} See {see(self.entry or self.id)}.".strip()

    def of(self, role: str) -> Probe:
        """Return the same check for one role, such as `primary`, which is added to its id and its name."""
        return Probe(
            f"{self.id}-{slug(role)}", f"{self.name} ({role})", self.ask, self.hint, self.entry or self.id
        )


class Skip(Exception):  # noqa: N818 - not an error
    """Raised by a probe that cannot run here; the text says why."""


class Failed(DrError):
    """Raised by a probe whose check fails; the text says why."""


@dataclass(frozen=True)
class Checks(Shown):
    """The results of a list of checks, in the order of the list."""

    title: str
    rows: tuple[Check, ...]

    def __iter__(self) -> Iterator[Check]:
        return iter(self.rows)

    def __getitem__(self, id: str) -> Check:  # noqa: A002 - the field's name
        """Return the check with an id. Raises KeyError if there is none."""
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
        """`failed` if a check failed, else `skipped` if a check was skipped, else `passed`."""
        if self.failed:
            return "failed"
        return "skipped" if self.skipped else "passed"

    @property
    def line(self) -> str:
        """The number of passed checks, in one line."""
        good = sum(row.status == "passed" for row in self.rows)
        return f"{self.title}: {good} of {len(self.rows)} passed"

    def require(self) -> Line:
        """Return the line with the number of passed checks. Raises PreflightFailed if a check failed."""
        return self._or_raise(PreflightFailed)

    def judge(self) -> Line:
        """Return the line with the number of passed checks. Raises VerdictRed if a check failed.

        For checks of a finished step. Save the evidence before this call.
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
        """Return the rows for the evidence."""
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
    """Run all probes in parallel, and return the results in the order of the list.

    An error of drlib, of AWS or of the network is a failed check; any other exception is raised. The purpose
    of calls (`aws_calls.purpose`) is that of the calling thread.
    """
    contexts = [contextvars.copy_context() for _ in probes]
    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(probes)))) as pool:
        answers = pool.map(lambda context, probe: context.run(_answer, probe), contexts, probes)
        return Checks(title, tuple(answers))


def _answer(probe: Probe) -> Check:
    def answer(status: Status, detail: str, remedy: str = "") -> Check:
        return Check(probe.id, probe.name, status, detail, probe.advice(remedy))

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
    """Return only the code: AWS's message may contain an account id."""
    return str(error.response.get("Error", {}).get("Code", "unknown error"))
