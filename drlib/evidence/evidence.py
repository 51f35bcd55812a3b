"""The verbs of the runbooks on evidence: update it, verify it, report it.

evidence.update(run, here, checks=[ready], recovery=recovery)   # in a runbook's evidence cell
evidence.report(run)                                            # report.html
evidence.verify(run).require()                                  # every figure is computed again
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drlib.core import files, samples
from drlib.core.errors import BadParameters, PreflightFailed, StepFailed, VerdictRed
from drlib.evidence import bundle, origin, verdict
from drlib.evidence.audit import audit
from drlib.evidence.audit.finding import Audit
from drlib.evidence.report import page
from drlib.payments import ledger
from drlib.payments.losses import LossCounts
from drlib.runs import approval, journal, seal
from drlib.runs.run import Run
from drlib.show import output
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.show.checklist import Checks
    from drlib.target.base import Target


@dataclass(frozen=True)
class Evidence(Shown):
    """The current evidence of a run. `content` is the content of evidence.json."""

    folder: Path
    content: dict[str, Any]

    @property
    def verdict(self) -> str:
        """passed, failed, aborted or pending-approval."""
        return str(self.content["verdict"])

    @property
    def reasons(self) -> list[str]:
        """Every reason why the verdict is not `passed`."""
        return list(self.content["reasons"])

    @property
    def is_open(self) -> bool:
        """Whether the only reasons are measurements that are still missing."""
        return bool(self.reasons) and set(self.reasons) <= verdict.OPEN

    def require(self) -> Evidence:
        """Return itself. Raises VerdictRed, with all reasons, unless the verdict is `passed`."""
        if self.verdict != verdict.PASSED:
            raise VerdictRed(
                f"The verdict is {self.verdict}. {' '.join(self.reasons)}",
                remedy=f"See {page.REPORT} in the run's folder.",
            )
        return self

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the rows of the table: subject, finding, figures."""
        rto, rpo, planes = (self.content[name] for name in ("rto", "rpo", "planes"))
        word = "open" if self.is_open else self.verdict
        calls = planes["control_plane_calls_in_failover"]
        checks = [row["status"] for row in self.content["checks"]]
        return [
            ("verdict", f"{word} ({self.content['origin']})", self.content["run_id"]),
            ("RTO", *_compare(rto["measured_seconds"], rto["target_seconds"])),
            ("RPO", *_compare(rpo["seconds"], rpo["target_seconds"])),
            (
                "checks",
                "all passed" if set(checks) <= {"passed"} else "not all passed",
                f"{len(checks)} checks",
            ),
            (
                "failover",
                "data planes only" if not calls else "used a control plane",
                f"{calls} control calls",
            ),
        ]

    def table(self) -> output.Table:
        """Return a summary of the evidence, with all reasons of a red verdict."""
        reasons = [] if self.is_open else [("because", reason, "") for reason in self.reasons]
        columns = ("evidence", "finding", "figures")
        return output.Table(columns, [*self.rows(), *reasons], varying=["figures"])

    def __str__(self) -> str:
        return str(self.table())

    def html(self) -> str:
        return self.table().html()


def update(
    run: Run,
    here: Target | None = None,
    *,
    checks: Iterable[Checks] = (),
    recovery: Any = None,
    prediction: Any = None,
    losses: LossCounts | None = None,
    figures: Mapping[str, Any] | None = None,
) -> Evidence:
    """Store the results of this runbook, and update evidence.json of the run.

    Args:
        run: the run that the runbook joined.
        here: the target; its AWS calls are stored.
        checks: the tables of checks of this runbook; they replace the tables that it stored before.
        recovery: `measured_seconds`, `stable_seconds`, `stages`, `cohorts`, as an object with `as_dict()`.
        prediction: `predicted_seconds`.
        losses: the counts that `reconcile.count` returned.
        figures: name -> a chart, a matplotlib figure or PNG bytes, for the report.

    Raises:
        StepFailed: the target is not the target of the run.
    """
    if here is not None:
        if here.name != run.settings.target:
            raise StepFailed(f"The target of this run is {run.settings.target}, not {here.name}.")
        run.save(f"planes.{run.runbook}", {"calls": here.calls.rows()})
    found = list(checks)
    if here is not None and run.settings.plans:
        found.append(approval.unchanged(here.calls))
    rows = [row for table in found for row in table.as_dicts()]
    if rows:
        run.save(f"checks.{run.runbook}", {"rows": rows})
    for name, piece in (("recovery", recovery), ("prediction", prediction)):
        if piece is not None:
            run.save(name, piece)
    if losses is not None:
        losses.keep(run)
    for name, figure in (figures or {}).items():
        _save_figure(run, name, figure)
    return refresh(run)


def refresh(run: Run) -> Evidence:
    """Update evidence.json from the files in the run's folder, and return the evidence."""
    if not run.has("environment"):
        run.save("environment", bundle.environment(pulumi_cli=_pulumi_version()))
    for file in (run.folder / ledger.FILE, *samples.files(run.folder)):
        if file.exists() and journal.sha256(file.read_bytes()) != _attached_hash(run, file):
            run.attach(file)
    return Evidence(run.folder, bundle.write(run.folder))


def load(folder: Path) -> Evidence:
    """Return the evidence in a run's folder. Raises BadParameters if there is none."""
    try:
        content = json.loads((folder / bundle.EVIDENCE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadParameters(
            f"{folder} holds no {bundle.EVIDENCE}: it is not the folder of a finished run."
        ) from None
    return Evidence(folder, content)


def verify(
    run: Run | Path, *, head: str = "", allowed_signers: Path | None = None, identity: str = ""
) -> Audit:
    """Check the evidence of a run; see `drlib.evidence.audit.audit`."""
    return audit.verify(_folder(run), head=head, allowed_signers=allowed_signers, identity=identity)


def report(run: Run | Path, *, to: Path | None = None) -> Path:
    """Write report.html from the evidence of a run, and return its path.

    The report of a sealed run is never replaced; `to` writes a second report to another path.

    Raises:
        VerdictRed: parts of the run disagree about its origin.
    """
    folder = _folder(run)
    content = load(folder).content
    origin.require(folder)
    if to is not None:
        return page.write(to, page.render(folder, content))
    written = folder / page.REPORT
    if seal.last(journal.lines(folder)) is None or not written.exists():
        page.write(written, page.render(folder, content))
        seal.note(folder, f"attach {page.REPORT}", _hash(folder, written))
    return written


def close(run: Run | Path) -> str:
    """Seal a run: store the hash of every file. Return the hash of the journal's last line, the seal.

    Raises:
        BadParameters: the folder has no evidence.
    """
    folder = load(_folder(run)).folder
    return str(seal.close(folder)["hash"])


def _folder(run: Run | Path) -> Path:
    return run.folder if isinstance(run, Run) else run


def _hash(folder: Path, file: Path) -> dict[str, str]:
    return {"file": file.relative_to(folder).as_posix(), "sha256": journal.sha256(file.read_bytes())}


def _compare(value: float | None, target: float) -> tuple[str, str]:
    if value is None:
        return "not measured", ""
    return "within target" if value <= target else "over target", f"{value:.1f} s, target {target:g} s"


def _attached_hash(run: Run, file: Path) -> str:
    name = file.relative_to(run.folder).as_posix()
    hashes = [e["detail"]["sha256"] for e in journal.lines(run.folder) if e["step"] == f"attach {name}"]
    return hashes[-1] if hashes else ""


def _save_figure(run: Run, name: str, figure: Any) -> None:
    folder = run.folder / page.FIGURES
    file = folder / f"{name}.png"
    drawn = figure.png() if hasattr(figure, "png") else figure
    files.write(file, drawn if isinstance(drawn, bytes) else output.png(drawn))
    run.attach(file)


def _pulumi_version() -> str:
    from drlib.stack import pulumi_cli

    try:
        name = pulumi_cli.pulumi_root().name
    except PreflightFailed:
        return ""
    return name if name[:1].isdigit() else ""  # a tool from PATH is in a folder of any name
