"""The evidence, checked again by someone who was not there.

Everything is recomputed from the run's folder: the chain of the journal, the hashes of what it names, the
evidence itself, and whether its numbers agree with each other and with the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drlib import bundle, chain, verdict
from drlib.errors import BadParameters, VerdictRed
from drlib.show import Table

LEDGER = "ledger.parquet"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked; `wrong` is empty if it holds."""

    name: str
    wrong: str = ""


@dataclass(frozen=True)
class Audit:
    """All findings on a run's evidence."""

    run_id: str
    findings: tuple[Finding, ...]

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

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.table()._repr_mimebundle_()

    def require(self) -> Audit:
        """Return itself. Raises VerdictRed if anything does not hold."""
        if self.wrong:
            raise VerdictRed(
                " ".join(self.wrong), remedy="Do not rely on this evidence.", resource=self.run_id
            )
        return self


def verify(folder: Path) -> Audit:
    """Check a run's evidence again.

    Raises:
        BadParameters: the folder is no run, or holds no evidence.
    """
    try:
        evidence = json.loads((folder / bundle.EVIDENCE).read_text(encoding="utf-8"))
        parameters = (folder / "parameters.json").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadParameters(
            f"{folder} holds no {Path(error.filename).name}: it is no finished run."
        ) from None
    except ValueError:
        return Audit(folder.name, (Finding(bundle.EVIDENCE, f"{bundle.EVIDENCE} is not valid JSON."),))
    try:
        journal = chain.lines(folder)
    except ValueError:
        return Audit(folder.name, (Finding("journal", "The journal holds a line that is not valid JSON."),))
    broken = chain.broken_link(journal)
    if broken:  # what else it says cannot be relied on
        return Audit(folder.name, (Finding("journal", broken),))
    findings = [
        Finding("journal: the chain of its lines", _head(evidence, journal)),
        Finding("parameters", _parameters(evidence, parameters, journal)),
        *_files(folder, journal),
        *_content(folder, evidence),
    ]
    return Audit(folder.name, tuple(findings))


def _content(folder: Path, evidence: dict[str, Any]) -> Iterator[Finding]:
    """Make the evidence again, compare, and look whether it agrees with itself and with the ledger."""
    name = "evidence: the same when made again"
    try:
        again = bundle.build(folder, head=evidence.get("chain_head", ""))
    except (LookupError, TypeError, ValueError, AttributeError):
        yield Finding(name, "The evidence cannot be made again: what the run saved is no longer whole.")
        return
    differing = sorted(key for key in {*again, *evidence} if again.get(key) != evidence.get(key))
    differs = f"The evidence differs from what the run saved: {', '.join(differing)}." if differing else ""
    yield Finding(name, differs)
    yield Finding("recovery time: the sum of its stages", _stages(again))
    yield Finding("payments: counts and ids agree", " ".join(_ids(again["rpo"])))
    yield Finding("payments: the ledger agrees", " ".join(_ledger(folder, again["rpo"])))


def _head(evidence: dict[str, Any], journal: list[dict[str, Any]]) -> str:
    known = {entry["hash"] for entry in journal}
    return (
        ""
        if evidence["chain_head"] in known
        else "The journal does not hold the line that the evidence names."
    )


def _parameters(evidence: dict[str, Any], text: str, journal: list[dict[str, Any]]) -> str:
    opened = [entry["detail"].get("parameters_sha256") for entry in journal if entry["step"] == "open"]
    given = evidence.get("parameters_sha256")
    if chain.sha256(text) != given or opened != [given]:
        return "The parameters are not those that the run was opened with."
    return ""


def _files(folder: Path, journal: list[dict[str, Any]]) -> Iterator[Finding]:
    """Compare each file that the journal names with the last hash it gives."""
    named = {
        entry["detail"]["file"]: entry["detail"]["sha256"]
        for entry in journal
        if entry["step"].startswith(("save ", "attach "))
    }
    stored = {f"saved/{file.name}" for file in (folder / "saved").glob("*.json")}
    for name in sorted(stored - named.keys()):
        yield Finding(f"file {name}", f"{name} was not written by the run.")
    for name, expected in sorted(named.items()):
        path = folder / name
        if not path.is_file():
            yield Finding(f"file {name}", f"{name} is missing.")
        else:
            changed = chain.sha256(path.read_bytes()) != expected
            yield Finding(f"file {name}", f"{name} was changed after it was written." if changed else "")


def _stages(evidence: dict[str, Any]) -> str:
    measured = evidence["rto"]["measured_seconds"] is not None
    good = not measured or verdict.stages_add_up(evidence["rto"])
    return "" if good else "The stages do not add up to the recovery time."


def _ids(rpo: dict[str, Any]) -> Iterator[str]:
    """Yield what is inconsistent among the counts and the ids behind them."""
    for name, ids in rpo["payment_ids"].items():
        if len(ids) != rpo.get(name):
            yield f"{name} counts {rpo.get(name)} payments, and names {len(ids)}."
        if len(set(ids)) != len(ids):
            yield f"{name} names a payment twice."
    if rpo["acknowledged"] is not None:
        if rpo["lost"] + rpo["stranded"] > rpo["acknowledged"]:
            yield "More payments are lost and stranded than were acknowledged."
        if rpo["recovered"] > rpo["indeterminate"]:
            yield "More payments are recovered than were indeterminate."


def _ledger(folder: Path, rpo: dict[str, Any]) -> Iterator[str]:
    """Count the ledger's rows again."""
    if rpo["acknowledged"] is None or not (folder / LEDGER).exists():
        return
    import pyarrow.parquet

    outcomes = pyarrow.parquet.read_table(folder / LEDGER, columns=["outcome"])["outcome"].to_pylist()
    for name, outcome in (
        ("acknowledged", "ok"),
        ("indeterminate", "indeterminate"),
        ("rejected", "rejected"),
    ):
        counted = outcomes.count(outcome)
        if counted != rpo[name]:
            yield f"The ledger has {counted} rows with outcome {outcome}, and {name} is {rpo[name]}."
