"""What an audit found: one line for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drlib.core.errors import VerdictRed
from drlib.show.output import Table
from drlib.show.shown import Shown


@dataclass(frozen=True)
class Finding:
    """One thing that was checked; `wrong` is empty if it holds."""

    name: str
    wrong: str = ""


@dataclass(frozen=True)
class Audit(Shown):
    """All findings on a run's evidence.

    Attributes:
        findings: what was checked.
        again: the evidence as it follows from the raw samples; empty if that could not be worked out.
        uncovered: files that no hash covers: they may be changed unseen.
        limits: in sentences, what an audit of these files cannot prove.
        remedy: what to do if something does not hold.
    """

    run_id: str
    findings: tuple[Finding, ...]
    again: Mapping[str, Any] = field(default_factory=dict)
    uncovered: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    remedy: str = "Do not rely on this evidence."

    @property
    def wrong(self) -> list[str]:
        """A sentence for each thing that does not hold."""
        return [finding.wrong for finding in self.findings if finding.wrong]

    def table(self) -> Table:
        """Return the findings as a table."""
        rows = [(finding.name, finding.wrong or "holds") for finding in self.findings]
        return Table(("evidence", "finding"), rows)

    def __str__(self) -> str:
        return str(self.table())

    def lines(self) -> list[str]:
        """Return everything that somebody at a terminal should read."""
        told = [str(self)]
        if self.uncovered:
            told += ["", f"Not covered by any hash: {', '.join(self.uncovered)}."]
        if self.limits:
            told += ["", "What this cannot prove:", *(f"  - {limit}" for limit in self.limits)]
        return told

    def html(self) -> str:
        return self.table().html()

    def require(self) -> Audit:
        """Return itself. Raises VerdictRed if anything does not hold."""
        if self.wrong:
            raise VerdictRed(" ".join(self.wrong), remedy=self.remedy, resource=self.run_id)
        return self
