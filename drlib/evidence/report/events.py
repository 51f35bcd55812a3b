"""The events of a run in the order of time, and its AWS calls by purpose and plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from drlib.core.clock import iso
from drlib.core.terms import stage_words

SHOWN = ("done", "failed")


class Event(NamedTuple):
    """An instant, its distance from the fault ("" without a fault), the event, and its source."""

    at: str
    after: str
    what: str
    who: str


class Calls(NamedTuple):
    """The number of calls of one purpose to each plane."""

    purpose: str
    data: int
    control: int


def events(journal: Iterable[Mapping[str, Any]], evidence: Mapping[str, Any]) -> list[Event]:
    """Return the steps that changed something and the changes that were observed, oldest first."""
    restore = evidence["restore"]
    fault = restore and restore["injected_at"]
    found: list[tuple[float, str, str]] = []
    for line in journal:
        if line["step"] == "runbook" and line["phase"] in SHOWN:
            found.append((line["at"], f"runbook {line['phase']}", line["runbook"]))
        elif line["step"] == "forced" or (line["mutating"] and line["phase"] in SHOWN):
            where = f", {line['resource']}" if line["resource"] else ""
            found.append((line["at"], f"{line['step']}{where}: {line['phase']}", line["runbook"]))
    if restore:
        found.append((fault, f"fault in force, {restore['region']}", "the record of the fault"))
        since = fault
        for name, seconds in evidence["rto"]["stages"].items():
            since += seconds
            found.append((since, stage_words(name), "the samples"))
        if restore["restored_at"]:
            found.append((restore["restored_at"], "fault restored", "the record of the fault"))
    return [
        Event(iso(at), f"{at - fault:+.1f} s" if restore else "", what, who)
        for at, what, who in sorted(found, key=lambda one: one[0])
    ]


def calls(rows: Sequence[Mapping[str, Any]]) -> list[Calls]:
    """Return the number of calls to each plane, for each purpose."""
    total: Counter[tuple[str, str]] = Counter()
    for row in rows:
        total[row["purpose"], row["plane"]] += row["count"]
    purposes = sorted({purpose for purpose, _ in total})
    return [Calls(purpose, total[purpose, "data"], total[purpose, "control"]) for purpose in purposes]
