"""The values of the page's template, and the rendered page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from drlib.core import files
from drlib.core.clock import iso
from drlib.core.redaction import mask
from drlib.core.terms import COUNTS, stage_words
from drlib.evidence import history
from drlib.evidence.audit import limits
from drlib.evidence.report import events, regions
from drlib.payments import waits
from drlib.runs.journal import lines, until
from drlib.show import output

REPORT = "report.html"
FIGURES = "figures"
FIDELITY = "drlib/sandbox/FIDELITY.md"
RUNBOOKS = "../../notebooks/"
MEANINGS = {name: one.meaning for name, one in COUNTS.items()}
NOT_LISTED = ("acknowledged",)  # every payment that succeeded: counted, but not listed
WORDS = {
    "passed": "The drill proved everything that it must prove, and every figure is within its target.",
    "failed": "The run is complete, but at least one result is not acceptable.",
    "aborted": "The run is not complete. A run with missing measurements does not pass.",
    "pending-approval": "A step that changes something was not approved, and was not done.",
}


def render(folder: Path, evidence: Mapping[str, Any]) -> str:
    """Return the page of a run, from its evidence, samples and figures, and from the other runs."""
    import jinja2
    import markupsafe

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "seconds": _seconds,
        "figure": _figure,
        "mask": lambda it: mask(str(it)),
        "linked": lambda it: markupsafe.Markup(output.linked(it, place=RUNBOOKS)),  # noqa: S704 - it escapes
        "capitalize_first": lambda it: it[:1].upper() + it[1:],
    }
    journal = until(lines(folder), evidence["chain_head"])
    return environment.get_template("page.html.j2").render(
        run=evidence,
        style=(Path(__file__).parent / "style.css").read_text(encoding="utf-8"),
        words=WORDS[evidence["verdict"]],
        began=iso(journal[0]["at"]) if journal else "-",
        fidelity=FIDELITY,
        stages=_stages(evidence["rto"]),
        availability=regions.availability(folder, evidence),
        waited=waits.of_run(folder, evidence),
        counts=_counts(evidence["rpo"]),
        events=events.events(journal, evidence),
        calls=events.calls(evidence["planes"]["calls"]),
        figures=_figures(folder, evidence["figures"]),
        limits=limits.sentences(evidence, older=False, sealed=True, signed=False, trusted=False, noted=False),
        history=_history(folder, evidence),
    )


def write(file: Path, page: str) -> Path:
    """Write a page, and return its path."""
    files.write(file, page)
    return file


def _stages(rto: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each stage of the recovery: measured and predicted seconds."""
    ends = accumulate(rto["stages"].values())
    return [
        {
            "name": stage_words(name),
            "measured": seconds,
            "predicted": rto["predicted_stages"].get(name),
            "until": end,
        }
        for (name, seconds), end in zip(rto["stages"].items(), ends, strict=True)
    ]


def _counts(rpo: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each count: its meaning, and the ids of the payments to list."""
    return [
        {
            "name": name.replace("_", " "),
            "count": rpo[name],
            "meaning": meaning,
            "ids": [] if name in NOT_LISTED else rpo["payment_ids"].get(name, []),
        }
        for name, meaning in MEANINGS.items()
        if name in rpo
    ]


def _figures(folder: Path, figures: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return each figure with its bytes: the page embeds them."""
    return [
        {
            **figure,
            "title": figure["name"].replace("-", " "),
            "content": base64.b64encode((folder / figure["file"]).read_bytes()).decode(),
        }
        for figure in figures
        if (folder / figure["file"]).is_file()
    ]


def _history(folder: Path, evidence: Mapping[str, Any]) -> list[history.PastRun]:
    """Return the runs in the same folder with the same scenario and target."""
    wanted = (evidence["scenario"], evidence["target"])
    return [run for run in history.read(folder.parent).runs if (run.kind.scenario, run.kind.target) == wanted]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _figure(value: Any) -> Any:
    return f"{value:.1f}" if isinstance(value, float) else "-" if value is None else value
