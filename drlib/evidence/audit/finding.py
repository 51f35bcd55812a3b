"""The result of an audit: one finding for each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drlib.core.errors import VerdictRed
from drlib.show.output import Table
from drlib.show.shown import Shown


@dataclass(frozen=True)
class Finding:
    """The result of one check; `wrong` is empty if it holds."""

    name: str
    wrong: str = ""


@dataclass(frozen=True)
class Audit(Shown):
    """All findings on a run's evidence.

    Attributes:
        findings: the result of each check.
        again: the evidence, computed from the raw samples; empty if that failed.
        uncovered: files without a hash: a change to them is not detected.
        limits: sentences on what an audit of these files cannot prove.
        remedy: what to do if a finding is wrong.
    """

    run_id: str
    findings: tuple[Finding, ...]
    again: Mapping[str, Any] = field(default_factory=dict)
    uncovered: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    remedy: str = "Do not rely on this evidence."

    @property
    def wrong(self) -> list[str]:
        """A sentence for each check that failed."""
        return [finding.wrong for finding in self.findings if finding.wrong]

    def table(self) -> Table:
        """Return the findings as a table."""
        rows = [(finding.name, finding.wrong or "holds") for finding in self.findings]
        return Table(("evidence", "finding"), rows)

    def __str__(self) -> str:
        return str(self.table())

    def lines(self) -> list[str]:
        """Return the lines for a terminal: findings, uncovered files, limits."""
        lines = [str(self)]
        if self.uncovered:
            lines += ["", f"Not covered by any hash: {', '.join(self.uncovered)}."]
        if self.limits:
            lines += ["", "What this cannot prove:", *(f"  - {limit}" for limit in self.limits)]
        return lines

    def html(self) -> str:
        return self.table().html()

    def require(self) -> Audit:
        """Return itself. Raises VerdictRed if a check failed."""
        if self.wrong:
            raise VerdictRed(" ".join(self.wrong), remedy=self.remedy, resource=self.run_id)
        return self
