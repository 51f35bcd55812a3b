"""The figures, computed again from the raw samples: recovery time, stages, cohorts, counts, loss, verdict.

It uses observations only: the attempts of the ledger, the results of health checks, the answers of DNS,
the scans of both regions, the instants of the fault. It does not use the stored figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from drlib.core import samples
from drlib.core.errors import StepFailed
from drlib.core.redaction import mask_all
from drlib.evidence import bundle
from drlib.evidence.audit.finding import Finding
from drlib.payments import ledger, reconcile, stored_tables
from drlib.payments.ledger import Attempt
from drlib.timeline import recovery, stored
from drlib.timeline.client_switch import Foreseen
from drlib.timeline.effects import from_samples
from drlib.timeline.observations import Watch
from drlib.timeline.prediction import Prediction

RECOVERY, LOSSES, SIGHTINGS = "recovery", "losses", "sightings"
TIME_NAME = "recovery time: from the samples"
LOSS_NAME = "payments: counted again, from the ledger and the scans"
SEEN_NAME = "hypothesis: what was seen of it, from the samples"
MOVE_NAME = "moves: from the samples"
EVIDENCE_NAME = "evidence: verdict, RTO and RPO, from the samples"
SHOWN = 12  # differences that are listed


class Samples:
    """The observations of a run, read on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._attempts: list[Attempt] | None = None

    @property
    def attempts(self) -> list[Attempt]:
        """The ledger's attempts, in start order."""
        if self._attempts is None:
            file = self.folder / ledger.FILE
            stored = ledger.table(samples.read(file)) if file.exists() else []
            self._attempts = sorted(stored, key=lambda row: row.seq)
        return self._attempts

    def watch(self, runbook: str) -> Watch | None:
        """Return what a runbook watched, or None without samples."""
        file = stored.file_of(self.folder, runbook)
        return stored.recall(samples.read(file), self.attempts) if file.exists() else None


def check(
    folder: Path,
    entries: Sequence[Mapping[str, Any]],
    evidence: Mapping[str, Any],
    rebuilt: dict[str, Any],
) -> tuple[list[Finding], dict[str, Any]]:
    """Compute the figures again, and return the findings and the evidence computed from the samples.

    Args:
        folder, entries, evidence: folder, journal and evidence of the run.
        rebuilt: the evidence computed from the saved files.
    """
    seen = Samples(folder)
    saved = {name: _saved(folder, name) for name in (RECOVERY, LOSSES, SIGHTINGS, "fault", "takeover")}
    findings: list[Finding] = []
    instead: dict[str, Any] = {}
    for name, (title, compute) in RECOMPUTED.items():
        if saved[name]:
            found, wrong = compute(seen, saved, entries)
            findings.append(Finding(title, " ".join(wrong)))
            instead |= {name: found} if found and found != saved[name] else {}
    if evidence.get("moves"):
        findings.append(Finding(MOVE_NAME, " ".join(_moves(seen, evidence["moves"]))))
    again = rebuilt
    if instead:
        built = bundle.build(folder, head=evidence.get("chain_head", ""), instead=instead)
        again = json.loads(bundle.text_of(built))
    findings.append(Finding(EVIDENCE_NAME, _listed(list(differences(evidence, again)))))
    return findings, again


def differences(stated: Any, found: Any, where: str = "") -> Iterator[str]:
    """Yield a phrase for each stated value that differs from the samples."""
    if isinstance(stated, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys((*stated, *found)):
            inner = f"{where}.{key}" if where else str(key)
            yield from differences(stated.get(key), found.get(key), inner)
    elif stated != found:
        yield f"{where} is stated as {_short(stated)}, but the samples give {_short(found)}"


def _recovery(
    seen: Samples, saved: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Return the recovery computed from the samples, and the errors in the stored one."""
    stored, fault = saved[RECOVERY], saved["fault"]
    if stored["measured_seconds"] is None:  # the traffic must stay: only the hypothesis is judged
        return {}, []
    watch = seen.watch(_saver(RECOVERY, entries))
    if watch is None:
        return {}, ["A recovery time is stated without samples."]
    wrong = []
    if fault and watch.scenario and watch.zero != fault["at"]:
        wrong.append("The recovery time does not start at the instant of the fault.")
    try:
        found = recovery.measure(watch, _prediction(stored)).as_dict()
    except StepFailed:
        return {}, [*wrong, "A recovery time is stated, but the samples show no recovery of the clients."]
    found = _plain(found, like=stored)
    wrong += [f"{one}." for one in differences(stored, found)]
    return found, wrong[:SHOWN]


def _sightings(
    seen: Samples, saved: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Return the observations for the hypothesis with the sampled ones recomputed, and the errors."""
    stored = saved[SIGHTINGS]
    watch = seen.watch(_saver(SIGHTINGS, entries))
    if watch is None:
        return {}, ["Observations for the hypothesis are stated without samples."]
    sampled = from_samples(watch)
    found = {**stored, **sampled, "detected": {**stored["detected"], **sampled["detected"]}}
    found = _plain(found, like=stored)
    return found, [f"{one}." for one in differences(stored, found)][:SHOWN]


def _saver(name: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the last runbook that saved content under a name."""
    return str(next(line["runbook"] for line in reversed(entries) if line["step"] == f"save {name}"))


def _prediction(stored: Mapping[str, Any]) -> Prediction:
    """Return the stored prediction of a recovery: it is not a measurement."""
    return Prediction(
        predicted_seconds=stored["predicted_seconds"],
        earliest_seconds=0.0,
        latest_seconds=0.0,
        target_seconds=stored["target_seconds"],
        stages=stored["predicted_stages"],
        cohorts={name: one and Foreseen(**one) for name, one in stored["predicted_cohorts"].items()},
    )


def _losses(
    seen: Samples, saved: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Return the counts computed from the samples, and the errors in the stored ones."""
    stored, fault, takeover = saved[LOSSES], saved["fault"], saved["takeover"]
    try:
        read = stored_tables.recall(seen.folder)
    except FileNotFoundError:
        return {}, ["Counts of payments are stated without scans of the regions."]
    wrong = []
    if fault and read.fault_at != fault["at"]:
        wrong.append("The loss does not start at the instant of the fault.")
    if takeover and (takeover["region"], takeover["at"]) != (read.takeover.region, read.takeover.at):
        wrong.append("The payments were counted at another takeover than the saved one.")
    found = _plain(reconcile.again(seen.attempts, read).as_dict(), like=stored)
    wrong += [f"{one}." for one in differences(stored, found)]
    return found, wrong[:SHOWN]


def _moves(seen: Samples, moves: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Compare the stated seconds of each move with its samples."""
    for move in moves:
        watch = seen.watch(move["runbook"])
        took = None if watch is None or watch.seconds is None else round(watch.seconds, 3)
        if took is None:
            yield f"{move['runbook']}: a move is stated without samples."
        elif took != move.get("seconds"):
            yield f"{move['runbook']} states {move.get('seconds')} s, but the samples give {took} s."


def _saved(folder: Path, name: str) -> dict[str, Any]:
    file = folder / "saved" / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def _plain(content: Any, *, like: Mapping[str, Any]) -> dict[str, Any]:
    """Return content in its saved form. Masking is slow, so it is left out if the content is the same."""
    found: dict[str, Any] = json.loads(json.dumps(content))
    return found if found == like else json.loads(json.dumps(mask_all(content)))


def _listed(found: list[str]) -> str:
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{'; '.join(found[:SHOWN])}{more}." if found else ""


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    if isinstance(value, str):
        return repr(value) if len(value) < 60 else f"{value[:57]!r}..."
    return "nothing" if value is None else f"{value}"


RECOMPUTED = {
    RECOVERY: (TIME_NAME, _recovery),
    LOSSES: (LOSS_NAME, _losses),
    SIGHTINGS: (SEEN_NAME, _sightings),
}
"""Name of the saved content -> title of the finding, and the function that computes it again."""
