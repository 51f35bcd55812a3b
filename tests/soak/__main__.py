"""python -m tests.soak [--runs N] [--scenarios NAMES] [--modes refuse,reset] [--time-scale N] [--interval N]

Drills in a row, three on a stack; `--scenarios all` takes every scenario. It prints a line for each run and
keeps it in `runs/soak.jsonl`; started again, it does what is not done yet. It ends with a table of ratios,
and with exit code 1 if a count was not exact, a hypothesis did not hold, or a run broke.

A line says how long clients waited before the fault. Where that is seconds, the machine does not keep up, and
a longer interval between a client's payments, or a slower clock, spares it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from drlib import parameters
from drlib.checks.steady_state import steady_state
from drlib.faults import scenario
from drlib.runs.approval import approve
from drlib.sandbox.process import life
from drlib.show.output import Table
from drlib.stack import stack
from drlib.target import open_target
from tests.soak import run as soak

ALL = "all"
RUNS_OF_A_STACK = 3  # each leaves its payments, and a table that no drill would meet takes long to read
Key = tuple[str, str, int]


def main(words: list[str]) -> int:
    """Run what is not done yet; return an exit code."""
    asked = _arguments(words)
    file = parameters.home() / "runs" / "soak.jsonl"
    names = scenario.names() if asked.scenarios == ALL else asked.scenarios.split(",")
    seeds, modes = range(1, asked.runs + 1), asked.modes.split(",")
    wanted = [(name, mode, seed) for seed in seeds for name in names for mode in modes]
    done = _stored(file, asked.time_scale)
    left = [key for key in wanted if key not in done]
    while left:
        for key, result in _on_one_stack(left[:RUNS_OF_A_STACK], asked.time_scale, asked.interval):
            left.remove(key)
            done[key] = result
            _keep(file, result)
            sys.stdout.write(f"{_line(result)}\n")
            sys.stdout.flush()
    results = [done[key] for key in wanted if key in done]
    sys.stdout.write(f"{summary(results)}\n")
    return 0 if all(result.exact and result.holds for result in results) else 1


def summary(results: Iterable[soak.Outcome]) -> Table:
    """Return one row for each way to fail: how many runs, how many exact, how far the RTO was off."""
    groups: dict[str, list[soak.Outcome]] = {}
    for result in results:
        groups.setdefault(f"{result.scenario} ({result.mode})", []).append(result)
    rows = []
    for name, group in groups.items():
        off = [
            abs(one.measured_seconds - one.predicted_seconds) / one.predicted_seconds
            for one in group
            if one.measured_seconds is not None and one.predicted_seconds
        ]
        rows.append(
            (
                name,
                f"{sum(one.holds for one in group)}/{len(group)}",
                f"{sum(one.exact for one in group)}/{len(group)}",
                f"{sum(one.within for one in group)}/{len(off)}" if off else "-",
                f"{statistics.median(off):.1%}" if off else "-",
                f"{max(off):.1%}" if off else "-",
                sum(one.counts.get("acknowledged", 0) for one in group),
                sum(one.counts.get("lost", 0) for one in group),
            )
        )
    columns = (
        "runs",
        "hypothesis holds",
        "counts exact",
        "RTO within",
        "median off",
        "most off",
        "acknowledged",
        "lost",
    )
    return Table(columns, rows)


def _on_one_stack(
    keys: Sequence[Key], time_scale: float, interval_seconds: float
) -> Iterator[tuple[Key, soak.Outcome]]:
    """Deploy, drill once for each key, and end the sandbox with all that it holds. A drill that breaks ends
    the stack too: what it leaves behind (a latch, a name that leads away) is not the next drill's concern."""
    pace = {"time_scale": time_scale, "interval_seconds": interval_seconds}
    first = soak.settings(scenario=keys[0][0], mode="refuse", seed=1, **pace)
    here = open_target(first)
    try:
        approval = approve(first, "the soak")
        deployment = stack.up(here, approval)
        steady_state(here, deployment)  # warms what a cold start would delay
        for name, mode, seed in keys:
            chosen = soak.settings(scenario=name, mode=mode, seed=seed, **pace)
            result = _guarded(chosen, deployment)
            yield (name, mode, seed), result
            if result.error:
                return
        stack.destroy(here, approval)
    finally:
        life.down()


def _guarded(chosen: parameters.Settings, deployment: Any) -> soak.Outcome:
    try:
        return soak.drill(chosen, deployment)
    except Exception as error:  # noqa: BLE001 - one broken run is a line in the table, and not the end
        words = f"{type(error).__name__}: {error}"
        facts = (chosen.scenario, chosen.outage_mode, chosen.seed, chosen.time_scale)
        return soak.Outcome(*facts, (), (), {}, None, None, {}, 0.0, error=words)


def _line(result: soak.Outcome) -> str:
    where = f"{result.scenario} {result.mode} seed {result.seed}"
    if result.error:
        return f"{where}: broke. {result.error}"
    told = "exact" if result.exact else f"NOT EXACT {' '.join(result.differences)}"
    told += "" if result.holds else f"; DOES NOT HOLD: {'; '.join(result.broken)}"
    counts = ", ".join(f"{number} {name}" for name, number in result.counts.items() if number)
    rto = "traffic stayed"
    if result.measured_seconds is not None and result.predicted_seconds is not None:
        rto = f"RTO {result.measured_seconds:.1f} s, {result.predicted_seconds:.1f} s predicted"
    waited = "" if result.waited_seconds is None else f"; clients waited {result.waited_seconds:.1f} s before"
    return f"{where}: {told}; {rto}; {counts}; {result.wall_seconds:.0f} s of wall time{waited}"


def _keep(file: Path, result: soak.Outcome) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(result.as_dict()) + "\n")


def _stored(file: Path, time_scale: float) -> dict[Key, soak.Outcome]:
    """Return the runs that ended; one that broke is done again."""
    if not file.exists():
        return {}
    found = [soak.Outcome(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    return {
        (one.scenario, one.mode, one.seed): one
        for one in found
        if one.time_scale == time_scale and not one.error
    }


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--scenarios", default="region-outage")
    parser.add_argument("--modes", default="refuse")
    parser.add_argument("--time-scale", type=float, default=soak.DEFAULTS.time_scale)
    parser.add_argument("--interval", type=float, default=soak.DEFAULTS.attempt_interval_seconds)
    return parser.parse_args(words)


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    raise SystemExit(main(sys.argv[1:]))
