"""All runs with evidence: the trend of recovery time and loss, and the age of each scenario's last drill.

    past = history.read()
    past.chart()          the trend, with one panel for each kind of run
    past.last()           days since the last drill of each scenario and target

A run is compared only with runs of its kind: the same origin, target, scenario and speed of the clock. A
planned move has no recovery time, and is not a drill.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from drlib import parameters
from drlib.core.clock import Clock
from drlib.evidence import bundle, verdict
from drlib.faults import scenario
from drlib.show.charts import trend
from drlib.show.charts.chart import Chart
from drlib.show.output import Line, Table

RUN_STAMP = "%Y%m%dT%H%M%S.%fZ"
DAY_SECONDS = 86_400.0


class Kind(NamedTuple):
    """The properties that runs must share to be compared. Tables are sorted by it."""

    origin: str
    target: str
    scenario: str
    time_scale: float

    def __str__(self) -> str:
        speed = f", {self.time_scale:g} times faster" if self.origin == "simulated" else ""
        return f"{self.scenario} on {self.target} ({self.origin}{speed})"


@dataclass(frozen=True)
class PastRun:
    """The figures of one run, from its evidence. Seconds are modelled; `None`: not measured.

    Attributes:
        at: when it was opened, in wall seconds since the epoch.
        drilled: whether it measures an outage, and is not only a planned move.
    """

    run_id: str
    at: float
    kind: Kind
    verdict: str
    reasons: tuple[str, ...]
    rto_seconds: float | None
    predicted_seconds: float | None
    rpo_seconds: float | None
    stages: Mapping[str, float]
    target_seconds: float
    drilled: bool

    @property
    def passed(self) -> bool:
        return self.verdict == verdict.PASSED

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return {
            "run_id": self.run_id,
            **self.kind._asdict(),
            "verdict": self.verdict,
            "rto_seconds": self.rto_seconds,
            "rto_stages": dict(self.stages),
            "rpo_seconds": self.rpo_seconds,
            "drill": self.drilled,
        }


@dataclass(frozen=True)
class History:
    """All runs, oldest first. `unreadable`: names of folders whose evidence cannot be read."""

    runs: tuple[PastRun, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def drills(self) -> list[PastRun]:
        """The runs that measure an outage."""
        return [run for run in self.runs if run.drilled]

    def kinds(self) -> dict[Kind, list[PastRun]]:
        """Return the drills of each kind, oldest first. The most recently drilled kind is the first."""
        found: dict[Kind, list[PastRun]] = {}
        for run in self.drills:
            found.setdefault(run.kind, []).append(run)
        return dict(sorted(found.items(), key=lambda item: item[1][-1].at, reverse=True))

    def table(self) -> Table:
        """Return a row for each kind of drill: their number, the latest figures and the medians."""
        rows = []
        for kind, drills in sorted(self.kinds().items()):
            rto, rpo = _values(drills, "rto_seconds"), _values(drills, "rpo_seconds")
            newest = drills[-1]
            rows.append(
                (
                    f"{kind}",
                    newest.verdict,
                    len(drills),
                    *(_seconds(value) for value in (newest.rto_seconds, median(rto))),
                    *(_seconds(value) for value in (newest.rpo_seconds, median(rpo))),
                )
            )
        columns = ("drill", "latest", "runs", "RTO", "median RTO", "RPO", "median RPO")
        return Table(columns, rows, varying=columns[2:])

    def last(self, *, now: float | None = None) -> Table:
        """Return the age in days and the verdict of the last drill of each scenario and target."""
        columns = ("scenario", "target", "last drill", "days ago", "verdict")
        rows = [tuple(row.values()) for row in self.ages(now=now) if row["days"] is not None]
        return Table(columns, rows, varying=columns[2:])

    def never(self) -> Line:
        """Return one line about the scenarios without a drill; only its HTML names them."""
        names = [f"{row['scenario']} on {row['target']}" for row in self.ages() if row["days"] is None]
        return Line("never drilled here", detail=", ".join(names) or "none")

    def ages(self, *, now: float | None = None) -> list[dict[str, Any]]:
        """Return the last drill, and its age in days, for each scenario and each target of the scenario."""
        instant = Clock().now() if now is None else now
        newest = {(run.kind.scenario, run.kind.target): run for run in self.drills}
        known = [(one.name, target) for one in scenario.every() for target in one.targets]
        found = []
        for name, target in dict.fromkeys([*known, *newest]):
            run = newest.get((name, target))
            found.append(
                {
                    "scenario": name,
                    "target": target,
                    "run_id": run.run_id if run else None,
                    "days": round((instant - run.at) / DAY_SECONDS, 1) if run else None,
                    "verdict": run.verdict if run else None,
                }
            )
        return found

    def chart(self) -> Chart:
        """Return the trend of RTO by stage and of RPO, with its table."""
        panels = [
            trend.Panel(
                title=f"{kind.scenario} on {kind.target}",
                origin=kind.origin,
                target_seconds=drills[-1].target_seconds,
                bars=[trend.Bar(run.stages, run.rpo_seconds, run.passed) for run in drills[-20:]],
            )
            for kind, drills in self.kinds().items()
        ]
        return trend.trend(panels, self.table())

    def listing(self) -> Table:
        """Return all runs, oldest first: verdict, RTO, RPO, seconds of each stage."""
        rows = [
            (
                run.run_id,
                run.kind.origin,
                run.verdict,
                *(_seconds(value) for value in (run.rto_seconds, run.rpo_seconds)),
                " + ".join(f"{seconds:.0f}" for seconds in run.stages.values()) or "-",
            )
            for run in self.runs
        ]
        return Table(("run", "origin", "verdict", "RTO", "RPO", "stages"), rows)

    def as_dict(self, *, now: float | None = None) -> dict[str, Any]:
        """Return JSON-like data, for programs."""
        trends = [
            {**kind._asdict(), "runs": len(runs), **_medians(runs)}
            for kind, runs in sorted(self.kinds().items())
        ]
        return {
            "runs": [run.as_dict() for run in self.runs],
            "trends": trends,
            "last_drills": self.ages(now=now),
            "unreadable": list(self.unreadable),
        }


def read(folder: Path | None = None) -> History:
    """Return the history of a folder of runs; by default, the runs of this machine."""
    found, unreadable = [], []
    for file in sorted((folder or parameters.home() / "runs").glob(f"*/{bundle.EVIDENCE}")):
        try:
            found.append(_past(json.loads(file.read_text(encoding="utf-8"))))
        except (LookupError, TypeError, ValueError):
            unreadable.append(file.parent.name)
    return History(tuple(sorted(found, key=lambda run: run.at)), tuple(unreadable))


def median(values: Iterable[float]) -> float | None:
    """Return the median, or None of nothing."""
    known = list(values)
    return statistics.median(known) if known else None


def _past(evidence: Mapping[str, Any]) -> PastRun:
    stamp = evidence["run_id"].split("-")[0]
    moves = {move["kind"] for move in evidence.get("moves", ())}
    kind = Kind(evidence["origin"], evidence["target"], evidence["scenario"], float(evidence["time_scale"]))
    return PastRun(
        run_id=evidence["run_id"],
        at=datetime.strptime(stamp, RUN_STAMP).replace(tzinfo=UTC).timestamp(),
        kind=kind,
        verdict=evidence["verdict"],
        reasons=tuple(evidence["reasons"]),
        rto_seconds=evidence["rto"]["measured_seconds"],
        predicted_seconds=evidence["rto"].get("predicted_seconds"),
        rpo_seconds=evidence["rpo"]["seconds"],
        stages=evidence["rto"]["stages"],
        target_seconds=evidence["rto"]["target_seconds"],
        drilled=moves != {verdict.PLANNED},
    )


def _medians(runs: list[PastRun]) -> dict[str, Any]:
    stages = dict.fromkeys(name for run in runs for name in run.stages)
    return {
        "median_rto_seconds": median(_values(runs, "rto_seconds")),
        "median_rpo_seconds": median(_values(runs, "rpo_seconds")),
        "median_stages": {
            name: median(run.stages[name] for run in runs if name in run.stages) for name in stages
        },
    }


def _values(runs: Iterable[PastRun], name: str) -> list[float]:
    return [value for run in runs if (value := getattr(run, name)) is not None]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
