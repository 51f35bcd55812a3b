"""Whether the evidence is consistent: with itself, with the ledger, and with its schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drlib.evidence import origin, schema, verdict
from drlib.evidence.audit.finding import Finding
from drlib.payments import ledger
from drlib.runs import journal

OUTCOMES = {"acknowledged": "ok", "indeterminate": "indeterminate", "rejected": "rejected"}


def folder(folder: Path, entries: list[dict[str, Any]]) -> Iterator[Finding]:
    """Check the parameters and the origin of the run."""
    yield Finding("parameters: those of the beginning", _parameters(folder, entries))
    yield Finding("origin: the same on every sample", origin.disagreement(folder))


def check(folder: Path, entries: list[dict[str, Any]], evidence: dict[str, Any]) -> Iterator[Finding]:
    """Check that the evidence agrees with itself, with its schema and with the ledger."""
    yield Finding("evidence: the schema", schema.problem(evidence))
    yield Finding("evidence: the journal's line that it names", _head(evidence, entries))
    yield Finding("recovery time: the sum of its stages", _stages(evidence))
    yield Finding("payments: counts and ids agree", " ".join(_ids(evidence["rpo"])))
    yield Finding("payments: the ledger agrees", " ".join(_ledger(folder, evidence["rpo"])))


def _head(evidence: dict[str, Any], entries: list[dict[str, Any]]) -> str:
    known = {entry["hash"] for entry in entries}
    return (
        ""
        if evidence["chain_head"] in known
        else "The journal does not hold the line that the evidence names."
    )


def _parameters(folder: Path, entries: list[dict[str, Any]]) -> str:
    opened = [entry["detail"].get("parameters_sha256") for entry in entries if entry["step"] == "open"]
    if opened != [journal.sha256((folder / "parameters.json").read_bytes())]:
        return "The parameters differ from the parameters that the run was opened with."
    return ""


def _stages(evidence: dict[str, Any]) -> str:
    measured = evidence["rto"]["measured_seconds"] is not None
    good = not measured or verdict.stages_add_up(evidence["rto"])
    return "" if good else "The stages do not add up to the recovery time."


def _ids(rpo: dict[str, Any]) -> Iterator[str]:
    """Yield each inconsistency among the counts and their ids."""
    for name, ids in rpo["payment_ids"].items():
        if len(ids) != rpo.get(name):
            yield f"{name} counts {rpo.get(name)} payments, but names {len(ids)}."
        if len(set(ids)) != len(ids):
            yield f"{name} names a payment twice."
    if rpo["acknowledged"] is not None:
        if rpo["lost"] + rpo["stranded"] > rpo["acknowledged"]:
            yield "More payments are lost and stranded than were acknowledged."
        if rpo["recovered"] > rpo["indeterminate"]:
            yield "More payments are recovered than were indeterminate."


def _ledger(folder: Path, rpo: dict[str, Any]) -> Iterator[str]:
    """Count the ledger's rows again."""
    if rpo["acknowledged"] is None or not (folder / ledger.FILE).exists():
        return
    import pyarrow.parquet

    stored = pyarrow.parquet.read_table(folder / ledger.FILE, columns=["outcome"], use_threads=False)
    outcomes = stored["outcome"].to_pylist()
    for name, outcome in OUTCOMES.items():
        counted = outcomes.count(outcome)
        if counted != rpo[name]:
            yield f"The ledger has {counted} rows with outcome {outcome}, and {name} counts {rpo[name]}."
