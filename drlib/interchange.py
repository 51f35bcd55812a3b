"""What other tools read: a scenario as an experiment of the Chaos Toolkit, and a run as its journal.

An experiment can be run by `chaos run` against a stack that is deployed: its providers are functions of
`drlib.chaos`. A journal is what such a run leaves; here it is made from a run's own journal and evidence, and
says the same with the words of the other tool. What has no place in it stands in the extension `drlib`.

Chaos Toolkit documentation: "The experiment's specification", and "Journal".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from drlib import chain, scenario
from drlib import settings as parameters
from drlib.bundle import EVIDENCE
from drlib.clock import iso
from drlib.errors import BadParameters
from drlib.redaction import mask_all
from drlib.scenario import Scenario
from drlib.verdict import ABORTED, FAILED, PASSED, PENDING, RUNBOOK

LIBRARY_VERSION = "1.44.0"
"""Of chaostoolkit-lib, whose form a journal has."""
MODULE = "drlib.chaos"
STATUSES = {PASSED: "completed", FAILED: "completed", ABORTED: "aborted", PENDING: "interrupted"}
BEFORE = ("00-preflight", "20-verify", "30-drill-failover")
AFTER = ("40-failback", "50-incident-failover", "60-switchover")
INJECT, RESTORE = "inject", "restore"

Json = dict[str, Any]


def experiment(planned: Scenario, *, file: str = "", origin: str = "") -> Json:
    """Return a scenario as an experiment: steady state, injection, what must follow, and the way back.

    Args:
        planned: the scenario.
        file: parameter file that its providers act by; without one, by the open run's parameters.
        origin: of the run that it was made from, `simulated` or `live`: it stands in the title and the tags.
    """
    own = {"file": file} if file else {}
    return {
        "version": "1.0.0",
        "title": f"{planned.title} ({origin})" if origin else planned.title,
        "description": " ".join(planned.hypothesis),
        "tags": ["drlib", planned.name, *filter(None, [origin])],
        "steady-state-hypothesis": {
            "title": "Clients are served under the public name",
            "probes": [_probe("a payment is taken", "serves", own, tolerance=True)],
        },
        "method": [
            _activity("action", INJECT, INJECT, {"scenario": planned.name, **own}),
            *_moved(planned, own),
            _follows(planned, own),
        ],
        "rollbacks": [_activity("action", RESTORE, RESTORE, {})],
        "extensions": [{"name": "drlib", "scenario": planned.as_dict()}],
    }


def journal(folder: Path) -> Json:
    """Return a run as a journal. Its instants are those of the run: modelled ones in the sandbox.

    `steady_states.during` is empty, as the toolkit leaves it unless it is told to ask the hypothesis while
    the method runs: clients are expected to fail meanwhile, and the extension `drlib-run` says for how long.

    Raises BadParameters when the folder is no run that holds evidence.
    """
    try:
        evidence = json.loads((folder / EVIDENCE).read_text(encoding="utf-8"))
        lines = chain.lines(folder)
    except FileNotFoundError:
        raise BadParameters(f"{folder} holds no {EVIDENCE}: it is no finished run.") from None
    planned = _planned(folder, evidence)
    acts = [line for line in lines if line["mutating"] and line["phase"] != "intent"]
    start, end = (lines[at]["at"] if lines else 0.0 for at in (0, -1))
    made = experiment(planned, origin=evidence["origin"])
    made["extensions"].append({"name": "drlib-run", **_figures(evidence)})
    return mask_all(  # type: ignore[no-any-return]
        {
            "chaoslib-version": LIBRARY_VERSION,
            "platform": evidence["versions"].get("platform", ""),
            "node": "",
            "experiment": made,
            "start": iso(start),
            "end": iso(end),
            "duration": round(end - start, 3),
            "status": STATUSES[evidence["verdict"]],
            "deviated": evidence["verdict"] == FAILED,
            "steady_states": {
                "before": _steady(evidence, BEFORE, start),
                "after": _steady(evidence, AFTER, end),
                "during": [],
            },
            "run": [_done(line, lines, planned) for line in acts if line["step"] != RESTORE],
            "rollbacks": [_done(line, lines, planned) for line in acts if line["step"] == RESTORE],
        }
    )


def dumps(content: Json) -> str:
    """Return the text of an experiment or a journal."""
    return json.dumps(content, indent=2, ensure_ascii=False)


def _moved(planned: Scenario, own: Mapping[str, Any]) -> list[Json]:
    """Return what the operator does, in a scenario in which nothing else moves the traffic."""
    if not (planned.moves and planned.expect.moved_by == "operator"):
        return []
    why = {"reason": f"experiment: {planned.name}", **own}
    return [_activity("action", "fail over", "fail_over", why)]


def _follows(planned: Scenario, own: Mapping[str, Any]) -> Json:
    """Return the probe for what must follow: traffic moves in time, or stays where it is."""
    if not planned.moves:
        watch = {"role": "primary", "for_seconds": planned.watch_seconds, **own}
        return _probe("the traffic stays", "stays_with", watch, tolerance=True)
    given = parameters.load(own["file"]) if own else parameters.make({})
    within = planned.expect.within if planned.expect.within != "predicted" else given.rto_target_seconds
    wait = {"role": "standby", "within_seconds": float(within), **own}
    return _activity("probe", "the traffic moves", "served_by", wait)


def _activity(kind: str, name: str, function: str, arguments: Mapping[str, Any]) -> Json:
    provider = {"type": "python", "module": MODULE, "func": function, "arguments": dict(arguments)}
    return {"type": kind, "name": name, "provider": provider}


def _probe(name: str, function: str, arguments: Mapping[str, Any], *, tolerance: bool) -> Json:
    return {**_activity("probe", name, function, arguments), "tolerance": tolerance}


def _runbook(kind: str, name: str, runbook: str) -> Json:
    """Return the activity for something that a runbook did."""
    return _activity(kind, name, "runbook", {"name": runbook})


def _planned(folder: Path, evidence: Mapping[str, Any]) -> Scenario:
    stored = folder / "saved" / "scenario.json"
    if stored.exists():
        return scenario.from_dict(json.loads(stored.read_text(encoding="utf-8")))
    return scenario.load(evidence["scenario"])


def _done(line: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], planned: Scenario) -> Json:
    """Return a step of the run's journal as an activity that was carried out."""
    who, step = line["runbook"], line["step"]
    began = [
        one["at"]
        for one in lines
        if (one["runbook"], one["step"], one["phase"]) == (who, step, "intent") and one["seq"] < line["seq"]
    ]
    start = began[-1] if began else line["at"]
    known = {INJECT: {"scenario": planned.name}, RESTORE: {}}
    failed = line["phase"] == "failed"
    told = (
        {"exception": [f"{line['detail'].get('error')}: {line['detail'].get('message')}"]} if failed else {}
    )
    return {
        "activity": _activity("action", step, step, known[step])
        if step in known
        else _runbook("action", step if step != RUNBOOK else who, who),
        "output": line["detail"],
        "start": iso(start),
        "end": iso(line["at"]),
        "duration": round(line["at"] - start, 3),
        "status": "failed" if failed else "succeeded",
        **told,
    }


def _steady(evidence: Mapping[str, Any], runbooks: Iterable[str], at: float) -> Json | None:
    """Return the checks of some runbooks as the probes of a steady state; None if there were none."""
    probes = [
        {
            "activity": {**_runbook("probe", row["name"], row["runbook"]), "tolerance": True},
            "output": row["status"] == "passed",
            "start": iso(at),
            "end": iso(at),
            "duration": 0.0,
            "status": "succeeded",
            "tolerance_met": row["status"] == "passed",
        }
        for row in evidence["checks"]
        if row["runbook"] in runbooks
    ]
    met = all(probe["tolerance_met"] for probe in probes)
    return {"steady_state_met": met, "probes": probes} if probes else None


def _figures(evidence: Mapping[str, Any]) -> Json:
    names = ("run_id", "origin", "time_scale", "target", "verdict", "reasons", "rto", "rpo", "chain_head")
    return {name: evidence[name] for name in names}
