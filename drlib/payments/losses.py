"""The counts of a run's payments, the payments of each count, and the operator's instructions.

The words are those of the evidence. *Acknowledged*: its client was told so. *Indeterminate*: its client
cannot know. *Lost*: acknowledged, and never there, even after both regions are whole. *Stranded*:
acknowledged, missing in the standby at takeover, and back. *Duplicated*: settled in both regions. *Late*:
settled after its target time. *Recovered*: indeterminate, and there. *Unexpected*: there, though it certainly
failed or was never sent. *Rejected*: refused by the API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drlib.core.errors import VerdictRed
from drlib.core.terms import COUNTS, MORE, NAMES
from drlib.runs.run import RECONCILED
from drlib.show.output import Table, Verdict
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.payments.stored_tables import Basis
    from drlib.runs.run import Run

INSTRUCTIONS = {name: one.todo for name, one in COUNTS.items() if one.todo}
"""The operator's instructions for each kind of payment."""


@dataclass(frozen=True)
class LossCounts(Shown):
    """What became of the payments of a run: each field is a list of their ids.

    An attempt that was given no id is named by its idempotency key. `rpo_seconds` is modelled. `explained`
    holds those of `duplicated` that were taken before the takeover, and whose settlement in the primary the
    standby did not have then; nothing explains `unexplained_duplicates`. A late payment that was stranded
    waited for its region; `unexplained_late` holds the others. `differing` are records that the two
    tables, or a table and the ledger, do not agree on. `unreceipted` are settled and have a receipt in no
    bucket, `one_sided` in one of them alone. `messages` are what each queue still holds (approximate on AWS).
    Where `both_served`, each region took payments without hearing of the other, as the scenario wanted: what
    was settled twice then is listed, and no failure.
    `basis` is what was read to count them.
    """

    rpo_seconds: float
    acknowledged: tuple[str, ...] = ()
    indeterminate: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    stranded: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    unexplained_duplicates: tuple[str, ...] = ()
    unexplained_late: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    unreceipted: tuple[str, ...] = ()
    one_sided: tuple[str, ...] = ()
    messages: Mapping[str, int] = field(default_factory=dict)
    both_served: bool = False
    basis: Basis | None = field(default=None, compare=False, repr=False)

    @property
    def reasons(self) -> list[str]:
        """A sentence for each red count; empty if there is none."""
        allowed = {"unexplained_duplicates"} if self.both_served else set()
        red = {name: one.meaning for name, one in COUNTS.items() if one.red and name not in allowed}
        found = ((getattr(self, name), meaning) for name, meaning in red.items())
        return [f"{len(ids)} payments were {meaning}, such as {ids[0]}." for ids, meaning in found if ids]

    def require(self) -> Verdict:
        """Return the verdict, one line.

        Raises VerdictRed when a count is red: payments are lost, late, invented or settled twice.
        Keep the counts before (`keep`): a red figure is evidence, not a failed step.
        """
        if self.reasons:
            raise VerdictRed(
                " ".join(self.reasons),
                remedy="Do not tear down: look first.",
                entry="reconciliation",
            )
        return self.verdict()

    def keep(self, run: Run) -> None:
        """Save the counts and their basis with a run: from now on they are evidence."""
        run.save(RECONCILED, self)
        if self.basis is not None:
            self.basis.keep(run.folder)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-like data for the evidence."""
        lists = {name: list(getattr(self, name)) for name in COUNTS}
        todo = {name: INSTRUCTIONS[name] for name in INSTRUCTIONS if getattr(self, name)}
        return {
            "rpo_seconds": round(self.rpo_seconds, 3),
            **lists,
            "messages": dict(self.messages),
            "instructions": todo,
        }

    def table(self) -> Table:
        """Return the counts, each with its first few payments, and what to do about one."""
        rows = [self._row(name, name.replace("_", " ")) for name in (*NAMES, *MORE)]
        rows.append(("messages left in queues", f"{sum(self.messages.values())}", "", ""))
        rows.append(("RPO, s", f"{self.rpo_seconds:.1f}", "", ""))
        columns = ("payments", "number", "such as", "what to do about each")
        return Table(columns, rows, varying=columns[1:3])

    def listed(self) -> Table:
        """Return a row for every payment that somebody should look at."""
        kinds = [name for name in INSTRUCTIONS if name not in ("recovered", "rejected")]
        rows = [
            (payment, kind.replace("_", " "), INSTRUCTIONS[kind])
            for kind in kinds
            for payment in getattr(self, kind)
        ]
        return Table(("payment", "is", "what to do"), rows)

    def _row(self, name: str, words: str) -> tuple[str, str, str, str]:
        payments = getattr(self, name)
        return words, f"{len(payments)}", _some(payments), INSTRUCTIONS.get(name, "")

    def verdict(self) -> Verdict:
        counts = f"{len(self.acknowledged)} acknowledged, {len(self.lost)} lost, RPO {self.rpo_seconds:.1f} s"
        words = "every acknowledged payment is accounted for" if not self.reasons else " ".join(self.reasons)
        return Verdict("reconciliation", not self.reasons, says=words, detail=counts)

    def __str__(self) -> str:
        return f"{self.verdict()}\n{self.table()}"

    def html(self) -> str:
        verdict = self.verdict().html()
        found = self.listed()
        more = f"<details open><summary>one by one</summary>{found.html()}</details>" if found.rows else ""
        return f"{verdict}{self.table().html()}{more}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
