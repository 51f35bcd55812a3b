"""evidence.json: all measurements of a run in one object.

It is computed from the files of the run's folder alone (`parameters.json`, `journal.jsonl`, `saved/`), so
that an auditor can compute it again and compare.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from drlib.core import aws_calls, files, terms
from drlib.core.clock import Clock
from drlib.core.redaction import mask_all
from drlib.core.samples import Stamp
from drlib.evidence import origin, schema, verdict
from drlib.faults import hypothesis, scenario
from drlib.runs.journal import FIRST, lines, sha256, until

PACKAGES = (
    "boto3", "botocore", "pulumi", "pulumi-aws", "papermill", "nbclient", "ipykernel", "pandas", "matplotlib",
    "pyarrow", "pydantic", "dnspython", "ministack",
)  # fmt: skip
EVIDENCE = "evidence.json"
RESTORE_GATES = ("no-fault-in-force", "the-primary-is-healthy")  # ids of the gates that prove a restore


def build(folder: Path, *, head: str = "", instead: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the evidence of the run in `folder`.

    Counts of payments are numbers; `rpo.payment_ids` has the ids of each count.

    Args:
        folder: `runs/RUN_ID`.
        head: ignore the lines of the journal after the line with this hash, to compute older evidence.
        instead: name -> content that replaces what was saved under it, such as recomputed figures.
    """
    text = (folder / "parameters.json").read_text(encoding="utf-8")
    settings = json.loads(text)
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    saved = {**_saved(folder), **(instead or {})}
    journal = until(lines(folder), head)
    files = _attached(journal)
    environment = saved.get("environment", {})
    calls = aws_calls.merge(part["calls"] for name, part in saved.items() if name.startswith("planes."))
    evidence: dict[str, Any] = {
        "schema_version": schema.VERSION,
        "run_id": folder.name,
        "verdict": "",
        "reasons": [],
        "target": settings["target"],
        "origin": origin.of(folder),
        "time_scale": about["clock"]["scale"],
        "clock": {"kind": Stamp(clock=Clock(**about["clock"])).time, **about["clock"]},
        "identity": _identity(about, journal),
        "scenario": saved.get("fault", {}).get("scenario") or settings["scenario"],
        "rto": _rto(saved, settings),
        "rpo": _rpo(saved, settings),
        "planes": {"calls": calls, "control_plane_calls_in_failover": aws_calls.control_calls(calls)},
        "checks": _rows(saved, "checks."),
        "gates": _rows(saved, "gates."),
        "forced": _parts(saved, "forced."),
        "moves": _parts(saved, "move."),
        "restore": _restore(saved, journal),
        "figures": [
            {"name": Path(file["file"]).stem, **file} for file in files if file["file"].startswith("figures/")
        ],
        "samples": [file for file in files if file["file"].endswith(".parquet")],
        "parameters": mask_all(settings),
        "hypothesis": {},
        "versions": environment.get("versions", {}),
        "parameters_sha256": sha256(text),
        "git_commit": environment.get("git_commit", ""),
        "git_dirty": environment.get("git_dirty"),
        "chain_head": journal[-1]["hash"] if journal else FIRST,
    }
    evidence["hypothesis"] = _hypothesis(saved, evidence["rpo"])
    evidence["verdict"], evidence["reasons"] = verdict.judge(evidence, journal)
    return evidence


def text_of(evidence: Mapping[str, Any]) -> str:
    """Return the exact text of evidence.json."""
    return json.dumps(evidence, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def environment(*, pulumi_cli: str = "") -> dict[str, Any]:
    """Return the versions of the software, and the commit of the checkout.

    Args:
        pulumi_cli: version of the Pulumi command line tool; empty if it is unknown.
    """
    versions = {"python": platform.python_version(), "platform": platform.system().lower()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if pulumi_cli:
        versions["pulumi-cli"] = pulumi_cli
    commit, dirty = git_commit()
    return {"versions": versions, "git_commit": commit, "git_dirty": dirty}


def git_commit() -> tuple[str, bool | None]:
    """Return the commit of the checkout, and whether files differ from it; "" and None outside of one."""
    root = Path(__file__).resolve().parent.parent.parent

    def git(*arguments: str) -> str:
        found = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - the git on PATH
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return found.stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return "", None


def write(folder: Path) -> dict[str, Any]:
    """Compute the evidence and write it to `evidence.json`."""
    evidence = build(folder)
    files.write(folder / EVIDENCE, text_of(evidence))
    return evidence


def _saved(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted((folder / "saved").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def _rto(saved: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    recovery, prediction = saved.get("recovery", {}), saved.get("prediction", {})
    return {
        "measured_seconds": recovery.get("measured_seconds"),
        "predicted_seconds": prediction.get("predicted_seconds", recovery.get("predicted_seconds")),
        "target_seconds": settings["rto_target_seconds"],
        "stable_seconds": recovery.get("stable_seconds"),
        "stages": recovery.get("stages", {}),
        "predicted_stages": prediction.get("stages", recovery.get("predicted_stages", {})),
        "cohorts": recovery.get("cohorts", {}),
    }


def _rpo(saved: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    losses = saved.get("losses", {})
    named = {name: ids for name, ids in losses.items() if isinstance(ids, list)}
    counted = {name: len(ids) if isinstance(ids, list) else ids for name, ids in losses.items()}
    rpo = {"seconds": counted.get("rpo_seconds"), "target_seconds": settings["rpo_target_seconds"]}
    rpo |= {name: counted.get(name) for name in terms.NAMES}
    rpo |= {name: counted[name] for name in terms.COUNTS if name in counted}
    return rpo | {"payment_ids": named | losses.get("payment_ids", {})}


def _hypothesis(saved: Mapping[str, Any], rpo: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scenario, the observations and the judged clauses; empty if no scenario was observed."""
    if not {"scenario", "sightings"} <= saved.keys():
        return {}
    planned, seen = saved["scenario"], saved["sightings"]
    judged = hypothesis.judge(scenario.from_dict(planned), hypothesis.Sightings(**seen), rpo)
    return {"scenario": planned, "seen": seen, "clauses": judged.as_dicts()}


def _parts(saved: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Return the contents that runbooks saved under a prefix, each with its runbook."""
    return [
        {"runbook": name.removeprefix(prefix), **part}
        for name, part in saved.items()
        if name.startswith(prefix)
    ]


def _rows(saved: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Return the rows of the tables that runbooks saved under a prefix, each with its runbook."""
    return [{"runbook": part["runbook"], **row} for part in _parts(saved, prefix) for row in part["rows"]]


def _identity(about: Mapping[str, Any], journal: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the sandbox's instance of the run, and a digest of the approved account."""
    asked = [line["detail"]["identity"] for line in journal if line["detail"].get("identity")]
    return {"instance": about["world"], **({"account": f"sha256 {asked[-1]}"} if asked else {})}


def _restore(saved: Mapping[str, Any], journal: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return when the fault ended, which runbook ended it, and the gates that prove it; None without one."""
    fault = saved.get("fault")
    if fault is None:
        return None
    ended = [line for line in journal if (line["step"], line["phase"]) == ("restore", "done")]
    return {
        "region": fault["region"],
        "injected_at": fault["at"],
        "restored_at": fault.get("restored_at"),
        "state": fault["state"],
        "by": ended[-1]["runbook"] if ended else "",
        "shown_by": [row for row in _rows(saved, "gates.") if row["id"] in RESTORE_GATES],
    }


def _attached(journal: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the files that the journal names, sorted, each with its last hash."""
    named = {
        line["detail"]["file"]: line["detail"]["sha256"]
        for line in journal
        if line["step"].startswith("attach ")
    }
    return [{"file": name, "sha256": digest} for name, digest in sorted(named.items())]
