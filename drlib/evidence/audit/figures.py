"""The figures, worked out again from the raw samples: recovery time, stages, cohorts, counts, loss, verdict.

What the run stored of its figures is not used for this; only what it observed is: the ledger's attempts, the
results of checks, the answers of DNS, the scans of both regions, and the instants of the fault.
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
SHOWN = 12  # differences that are told one by one


class Samples:
    """What a run observed, read when it is asked for."""

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
        """Return what a runbook watched, or None if it kept no samples of it."""
        file = stored.file_of(self.folder, runbook)
        return stored.recall(samples.read(file), self.attempts) if file.exists() else None


def check(
    folder: Path,
    entries: Sequence[Mapping[str, Any]],
    evidence: Mapping[str, Any],
    rebuilt: dict[str, Any],
) -> tuple[list[Finding], dict[str, Any]]:
    """Work the figures out again.

    Args:
        folder, entries, evidence: the run's.
        rebuilt: the evidence as it follows from what was saved.

    Returns the findings, and the evidence as it follows from the samples.
    """
    seen = Samples(folder)
    saved = {name: _saved(folder, name) for name in (RECOVERY, LOSSES, SIGHTINGS, "fault", "takeover")}
    findings: list[Finding] = []
    instead: dict[str, Any] = {}
    for name, (title, made) in MADE.items():
        if saved[name]:
            found, wrong = made(seen, saved, entries)
            findings.append(Finding(title, " ".join(wrong)))
            instead |= {name: found} if found and found != saved[name] else {}
    if evidence.get("moves"):
        findings.append(Finding(MOVE_NAME, " ".join(_moves(seen, evidence["moves"]))))
    again = rebuilt
    if instead:
        built = bundle.build(folder, head=evidence.get("chain_head", ""), instead=instead)
        again = json.loads(bundle.text_of(built))
    findings.append(Finding(EVIDENCE_NAME, _told(list(differences(evidence, again)))))
    return findings, again


def differences(stated: Any, found: Any, where: str = "") -> Iterator[str]:
    """Yield a phrase for each value that the evidence states and the samples do not bear out."""
    if isinstance(stated, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys((*stated, *found)):
            inner = f"{where}.{key}" if where else str(key)
            yield from differences(stated.get(key), found.get(key), inner)
    elif stated != found:
        yield f"{where} is stated as {_short(stated)}, and is {_short(found)} by the samples"


def _recovery(
    seen: Samples, saved: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Return the recovery as the samples have it, and what is wrong with what was stored."""
    stored, fault = saved[RECOVERY], saved["fault"]
    if stored["measured_seconds"] is None:  # traffic was to stay: the hypothesis is judged, and no time
        return {}, []
    watch = seen.watch(_saver(RECOVERY, entries))
    if watch is None:
        return {}, ["A recovery time is stated, and no samples are there that it follows from."]
    wrong = []
    if fault and watch.scenario and watch.zero != fault["at"]:
        wrong.append("The recovery is not counted from the instant of the fault.")
    try:
        found = recovery.measure(watch, _prediction(stored)).as_dict()
    except StepFailed:
        return {}, [*wrong, "A recovery time is stated, and by the samples the clients did not recover."]
    found = _plain(found, like=stored)
    wrong += [f"{one}." for one in differences(stored, found)]
    return found, wrong[:SHOWN]


def _sightings(
    seen: Samples, saved: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Return what was seen of the hypothesis, as far as samples have it, and what does not agree."""
    stored = saved[SIGHTINGS]
    watch = seen.watch(_saver(SIGHTINGS, entries))
    if watch is None:
        return {}, ["Something is stated of the hypothesis, and no samples are there that it follows from."]
    sampled = from_samples(watch)
    found = {**stored, **sampled, "detected": {**stored["detected"], **sampled["detected"]}}
    found = _plain(found, like=stored)
    return found, [f"{one}." for one in differences(stored, found)][:SHOWN]


def _saver(name: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the runbook that saved something last."""
    return str(next(line["runbook"] for line in reversed(entries) if line["step"] == f"save {name}"))


def _prediction(stored: Mapping[str, Any]) -> Prediction:
    """Return the prediction that a recovery was compared with: it was made before, and is no measurement."""
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
    """Return the counts as the samples have them, and what is wrong with what was stored."""
    stored, fault, takeover = saved[LOSSES], saved["fault"], saved["takeover"]
    try:
        read = stored_tables.recall(seen.folder)
    except FileNotFoundError:
        return {}, ["Payments are counted, and no scans of the regions are there to count from."]
    wrong = []
    if fault and read.fault_at != fault["at"]:
        wrong.append("The loss is not counted from the instant of the fault.")
    if takeover and (takeover["region"], takeover["at"]) != (read.takeover.region, read.takeover.at):
        wrong.append("The payments were counted with another takeover than the one that was saved.")
    found = _plain(reconcile.again(seen.attempts, read).as_dict(), like=stored)
    wrong += [f"{one}." for one in differences(stored, found)]
    return found, wrong[:SHOWN]


def _moves(seen: Samples, moves: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Compare how long each move took with what its watch saw."""
    for move in moves:
        watch = seen.watch(move["runbook"])
        took = None if watch is None or watch.seconds is None else round(watch.seconds, 3)
        if took is None:
            yield f"{move['runbook']}: a move is stated, and no samples are there that it follows from."
        elif took != move.get("seconds"):
            yield f"{move['runbook']} is stated to have taken {move.get('seconds')} s, and took {took} s."


def _saved(folder: Path, name: str) -> dict[str, Any]:
    file = folder / "saved" / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def _plain(content: Any, *, like: Mapping[str, Any]) -> dict[str, Any]:
    """Return content as it is once it was saved; masking it takes a while, and is left out if it is so."""
    found: dict[str, Any] = json.loads(json.dumps(content))
    return found if found == like else json.loads(json.dumps(mask_all(content)))


def _told(found: list[str]) -> str:
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{'; '.join(found[:SHOWN])}{more}." if found else ""


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    if isinstance(value, str):
        return repr(value) if len(value) < 60 else f"{value[:57]!r}..."
    return "nothing" if value is None else f"{value}"


MADE = {
    RECOVERY: (TIME_NAME, _recovery),
    LOSSES: (LOSS_NAME, _losses),
    SIGHTINGS: (SEEN_NAME, _sightings),
}
"""What is worked out again: saved under which name, told as what, and by what."""
