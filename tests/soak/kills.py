"""python -m tests.soak.kills [--kills N] [--seed S] [--only WORDS]: drills that are killed, and then resumed.

Each is killed with SIGKILL: at every boundary of a step that changes something, and at N instants drawn by
the seed. Killed is the runner, its kernel, or both. Then `--resume` must end as an undisturbed run ends: no
fault in force, the stack ready for the next drill (or gone, where the drill tears it down), no step done
twice, and evidence that verifies, or says why the run has no figures. `runs/kills.jsonl` has a line for each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from drlib import audit, chain, checks, evidence, faults, journal, probes, proofs, sandbox, show, stack
from drlib import settings as parameters
from drlib.clock import Clock
from drlib.errors import DrError
from drlib.target import Target, open_target

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = "killed"
VALUES = {
    "suffix": SUFFIX,
    "domain_name": f"{SUFFIX}.test",
    "approval": f"{SUFFIX}@sandbox",
    "lambda_in_vpc": False,
    "attempt_interval_seconds": 12.0,
}
MOVE = ("30-drill-failover", "40-failback", "70-report")  # on a stack that is there before and after
BUILD = ("10-deploy", "80-teardown")
BOUNDARIES = {
    MOVE: (
        *((name, step, phase) for name, step in (
            ("30-drill-failover", "inject"), ("30-drill-failover", "restore"),
            ("40-failback", "release latch"), ("40-failback", "arm latch"),
        ) for phase in ("intent", "done")),
        *((name, "runbook", phase) for name in MOVE for phase in ("intent", "done")),
    ),
    BUILD: tuple(
        (name, step, phase)
        for name, step in (("10-deploy", "deploy"), ("80-teardown", "destroy"))
        for phase in ("intent", "done")
    ),
}  # fmt: skip
VICTIMS = ("all", "runner", "kernel")
WALL = Clock()
START_SECONDS, END_SECONDS, READY_SECONDS = 60.0, 600.0, 1200.0

DRILL = """
    import sys
    from drlib import drill, runbook
    from drlib.cli import main
    from drlib.errors import DrError
    file, resume, *names = sys.argv[1:]
    try:
        code = drill.drill(file or None, resume=resume or None, say=lambda line: print(line, flush=True),
                           sources=[runbook.find(name) for name in names])
    except DrError as error:
        print(error)
        code = error.exit_code
    sys.exit(code)
"""


@dataclass(frozen=True)
class Kill:
    """When a drill is killed, and what of it: at a boundary (runbook, step, phase), or after wall seconds."""

    names: tuple[str, ...]
    victim: str
    boundary: tuple[str, str, str] | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        when = " ".join(self.boundary) if self.boundary else f"{self.names[0]} +{self.seconds:.1f} s"
        return f"{when}, {self.victim}"


@dataclass
class Outcome:
    """What became of a killed drill; `wrong` is empty if it ended as it must."""

    kill: str
    run_id: str = ""
    killed_in: str = ""
    verdict: str = ""
    reasons: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    wall_seconds: float = 0.0


def drawn(count: int, seed: int, spans: dict[tuple[str, ...], float]) -> Iterator[Kill]:
    """Draw instants, three of four in the move, and who is killed."""
    rng = random.Random(seed)  # noqa: S311 - a sample that can be drawn again
    for number in range(count):
        names = BUILD if number % 4 == 3 else MOVE
        yield Kill(names, rng.choice(VICTIMS), seconds=rng.uniform(0.5, spans[names]))


def boundaries() -> Iterator[Kill]:
    """Every boundary of a step that changes something, and of every runbook."""
    for number, (names, boundary) in enumerate(
        (names, boundary) for names, found in BOUNDARIES.items() for boundary in found
    ):
        yield Kill(names, VICTIMS[number % len(VICTIMS)], boundary=boundary)


def killed(kill: Kill, here: Target, file: Path) -> Outcome:
    """Kill one drill, resume it, and say what became of it."""
    begun = WALL.steady()
    result = Outcome(str(kill))
    prepare(here, kill.names)
    before = _known()
    child = _start(str(file), "", kill.names)
    _wait(lambda: bool(_known() - before) or child.poll() is not None, START_SECONDS)
    (result.run_id,) = _known() - before
    run = journal.find(result.run_id)
    _kill_when(child, run, kill)
    ended = [f"{line['runbook']} {line['step']} {line['phase']}" for line in chain.lines(run.folder)]
    result.killed_in = ended[-1]
    again = _start("", result.run_id, kill.names)
    said, _ = again.communicate(timeout=END_SECONDS)
    result.wrong = wrong(here, run, kill.names)
    found = evidence.load(run.folder)
    result.verdict, result.reasons = found.verdict, found.reasons
    result.wall_seconds = round(WALL.steady() - begun, 1)
    if result.wrong:
        (run.folder / "resumed.txt").write_text(said, encoding="utf-8")
    return result


def prepare(here: Target, names: tuple[str, ...]) -> None:
    """Have the stack that a drill of these runbooks begins with: one that is ready, or none."""
    approval = journal.approve(here.settings, "kills")
    if names == BUILD:
        stack.destroy(here, approval)
        return
    if not proofs.is_deployed(here):
        made = stack.up(here, approval)
        _wait(lambda: probes.public_answer(here, made) == made.primary_region, END_SECONDS, poll=1.0)
        checks.steady_state(here, made)
    deployment = stack.current(here)
    if not here.clock.wait_until(
        lambda: not checks.drill_ready(here, deployment).failed, timeout=READY_SECONDS
    ):
        checks.drill_ready(here, deployment).require()


def wrong(here: Target, run: journal.Run, names: tuple[str, ...]) -> list[str]:
    """Return what is not as after an undisturbed run."""
    return [sentence for look in (_faults, _twice, _proof, _state(names)) for sentence in look(here, run)]


def _faults(here: Target, _: journal.Run) -> Iterator[str]:
    if here.faults() or faults.pending(here):
        yield f"a fault is left: {', '.join(here.faults())}"


def _twice(_: Target, run: journal.Run) -> Iterator[str]:
    """A step that was done is done once; one that was cut off may be begun again."""
    done = Counter(
        (line["runbook"], line["step"])
        for line in chain.lines(run.folder)
        if line["mutating"] and line["phase"] == "done" and "found_done_after" not in line["detail"]
    )
    for (name, step), count in done.items():
        if count > 1 and (name, step) != ("30-drill-failover", "restore"):
            yield f"{name}, {step}: done {count} times"


def _proof(_: Target, run: journal.Run) -> Iterator[str]:
    yield from audit.verify(run.folder).wrong
    found = evidence.load(run.folder)
    cut = any(proofs.CUT in reason for reason in found.reasons)
    if (
        MOVE[0] in {line["runbook"] for line in chain.lines(run.folder)}
        and found.verdict != "passed"
        and not cut
    ):
        yield f"the verdict is {found.verdict}: {' '.join(found.reasons)}"


def _state(names: tuple[str, ...]) -> Callable[[Target, journal.Run], Iterator[str]]:
    def gone(here: Target, _: journal.Run) -> Iterator[str]:
        left = stack.leftovers(here)
        if left:
            yield f"left: {', '.join(f'{one.kind} {one.name}' for one in left)}"

    def ready(here: Target, _: journal.Run) -> Iterator[str]:
        deployment = stack.current(here)
        here.clock.wait_until(
            lambda: not checks.drill_ready(here, deployment).failed, timeout=READY_SECONDS, poll=20
        )
        for row in checks.drill_ready(here, deployment).failed:
            yield f"{row.name}: {row.detail}"

    return gone if names == BUILD else ready


def _known() -> set[str]:
    return {file.parent.name for file in journal.runs().glob("*/journal.jsonl")}


def _start(file: str, resume: str, names: tuple[str, ...]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(DRILL), file, resume, *names]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def _kill_when(child: subprocess.Popen[str], run: journal.Run, kill: Kill) -> None:
    """Wait for the instant, kill, and wait until nothing of the drill runs any more."""
    begun = WALL.steady()

    def due() -> bool:
        if child.poll() is not None:
            return True
        if kill.boundary is None:
            return WALL.steady() - begun >= kill.seconds
        text = (run.folder / chain.JOURNAL).read_bytes()
        marks = [
            f'"{name}":"{word}"'
            for name, word in zip(("runbook", "step", "phase"), kill.boundary, strict=True)
        ]
        return any(all(mark.encode() in line for mark in marks) for line in text.split(b"\n"))

    _wait(due, END_SECONDS, poll=0.002)
    runner = [psutil.Process(child.pid)] if child.poll() is None else []
    others = [one for process in runner for one in process.children(recursive=True)]
    kernels = [one for one in others if "ipykernel" in " ".join(_command(one))]
    for process in {"all": runner + others, "runner": runner, "kernel": kernels}[kill.victim]:
        _end(process)
    child.communicate(timeout=END_SECONDS)
    psutil.wait_procs(others, timeout=START_SECONDS)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _end(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


def _wait(done: Callable[[], bool], seconds: float, *, poll: float = 0.02) -> None:
    if not WALL.wait_until(done, timeout=seconds, poll=poll):
        raise TimeoutError(f"not within {seconds:g} s")


def spans(here: Target, file: Path) -> dict[tuple[str, ...], float]:
    """Run each kind of drill undisturbed, and return how many wall seconds it takes."""
    found = {}
    for names in (BUILD, MOVE):
        prepare(here, names)
        begun = WALL.steady()
        child = _start(str(file), "", names)
        said, _ = child.communicate(timeout=END_SECONDS)
        if names == MOVE and child.returncode:
            raise RuntimeError(f"an undisturbed drill ended with {child.returncode}\n{said}")
        found[names] = WALL.steady() - begun
    return found


def main(words: list[str]) -> int:
    """Kill what is asked for; return an exit code."""
    asked = _arguments(words)
    home = parameters.home()
    file = home / "killed.json"
    home.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(VALUES), encoding="utf-8")  # JSON is YAML
    here = open_target(parameters.make(VALUES))
    try:
        plan = [*boundaries(), *drawn(asked.kills, asked.seed, spans(here, file))]
        random.Random(asked.seed).shuffle(plan)  # so that those who stop early have seen some of each
        results = []
        for kill in plan:
            if asked.only in str(kill):
                results.append(_guarded(kill, here, file))
                _keep(results[-1])
    finally:
        sandbox.down()
    sys.stdout.write(f"{summary(results)}\n")
    return 1 if any(result.wrong for result in results) else 0


def summary(results: list[Outcome]) -> show.Table:
    """Return how many were killed, and how many ended as they must, by what was killed."""
    rows = []
    for victim in VICTIMS:
        mine = [one for one in results if one.kill.endswith(victim)]
        verdicts = Counter(one.verdict for one in mine)
        told = ", ".join(f"{count} {verdict or 'broke'}" for verdict, count in sorted(verdicts.items()))
        rows.append((victim, len(mine), sum(not one.wrong for one in mine), told))
    return show.Table(("killed", "drills", "ended well", "verdicts"), rows)


def _guarded(kill: Kill, here: Target, file: Path) -> Outcome:
    try:
        return killed(kill, here, file)
    except (DrError, RuntimeError, TimeoutError, ValueError, subprocess.TimeoutExpired) as error:
        return Outcome(str(kill), wrong=[f"broke: {type(error).__name__}: {error}"])


def _keep(result: Outcome) -> None:
    line = json.dumps(asdict(result))
    with (journal.runs() / "kills.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", "50")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="of all kills, those whose line holds this")
    return parser.parse_args(words)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
