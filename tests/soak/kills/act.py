"""Kill one drill, resume it, and say what became of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from drlib.core.clock import Clock
from drlib.evidence import evidence
from drlib.runs import folders, journal
from drlib.runs.run import Run
from drlib.target.base import Target
from tests.soak.kills import judge
from tests.soak.kills.plan import Kill

ROOT = Path(__file__).resolve().parents[3]
WALL = Clock()
START_SECONDS, END_SECONDS = 60.0, 600.0

DRILL = """
    import sys
    from drlib.runner.drill import drill
    from drlib.runner import parameters_cell
    from drlib.core.errors import DrError
    file, resume, *names = sys.argv[1:]
    try:
        code = drill(file or None, resume=resume or None, say=lambda line: print(line, flush=True),
                           sources=[parameters_cell.find(name) for name in names])
    except DrError as error:
        print(error)
        code = error.exit_code
    sys.exit(code)
"""


@dataclass
class Outcome:
    """What became of a killed drill.

    Attributes:
        kill: which, in words.
        run_id: of the drill.
        struck: how many processes were killed; 0 if the drill ended before its instant.
        killed_in: the journal's last line by then.
        ran_seconds: wall seconds from the run's first line until it was killed, or had ended.
        verdict, reasons: of the resumed run.
        wrong: what is otherwise than after an undisturbed run.
        wall_seconds: from the kill's preparation to its judgement.
    """

    kill: str
    run_id: str = ""
    struck: int = 0
    killed_in: str = ""
    ran_seconds: float = 0.0
    verdict: str = ""
    reasons: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    wall_seconds: float = 0.0

    @property
    def seen(self) -> bool:
        """Whether it was killed, and ended as it must."""
        return self.struck > 0 and not self.wrong


def killed(kill: Kill, here: Target, file: Path, span: float = 0.0) -> Outcome:
    """Kill one drill, resume it, and say what became of it.

    Args:
        kill: which.
        here: where; its stack is as `judge.prepare` leaves it.
        file: the drill's parameters.
        span: wall seconds of an undisturbed drill, for a kill at an instant.
    """
    begun = WALL.steady()
    result = Outcome(str(kill))
    before = _known()
    child = start(file, kill.names)
    try:
        _wait(lambda: bool(_known() - before) or child.poll() is not None, START_SECONDS)
        (result.run_id,) = _known() - before
        run = folders.find(result.run_id)
        opened = WALL.steady()
        result.struck = _kill_when(child, run, kill, span)
        result.ran_seconds = round(WALL.steady() - opened, 1)
    finally:
        end(child)
    last = journal.lines(run.folder)[-1]
    result.killed_in = f"{last['runbook']} {last['step']} {last['phase']}"
    said = _resumed(run, kill.names)
    result.wrong = judge.wrong(here, run, kill.names)
    found = evidence.load(run.folder)
    result.verdict, result.reasons = found.verdict, found.reasons
    result.wall_seconds = round(WALL.steady() - begun, 1)
    if result.wrong:
        (run.folder / "resumed.txt").write_text(said, encoding="utf-8")
    return result


def start(file: Path | None, names: tuple[str, ...], *, resume: str = "") -> subprocess.Popen[str]:
    """Start a drill of some runbooks as a process of its own, or resume one."""
    command = [sys.executable, "-c", textwrap.dedent(DRILL), str(file or ""), resume, *names]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def undisturbed(file: Path, names: tuple[str, ...]) -> float:
    """Run a drill, and return how many wall seconds it takes."""
    begun = WALL.steady()
    child = start(file, names)
    try:
        child.communicate(timeout=END_SECONDS)
    finally:
        end(child)
    return WALL.steady() - begun


def end(child: subprocess.Popen[str]) -> None:
    """Kill what is left of a drill's processes; one that has ended is no error."""
    if child.poll() is None:
        for process in _family(child):
            _kill(process)
        child.communicate(timeout=END_SECONDS)


def _resumed(run: Run, names: tuple[str, ...]) -> str:
    child = start(None, names, resume=run.run_id)
    try:
        said, _ = child.communicate(timeout=END_SECONDS)
    finally:
        end(child)
    return said


def _known() -> set[str]:
    return {file.parent.name for file in folders.runs().glob("*/journal.jsonl")}


def _kill_when(child: subprocess.Popen[str], run: Run, kill: Kill, span: float) -> int:
    """Wait for the instant, kill, and wait until nothing of the drill runs; return how many were killed."""
    begun = WALL.steady()
    marks = _marks(kill)

    def due() -> bool:
        if kill.boundary is None:
            return WALL.steady() - begun >= kill.share * span
        lines = (run.folder / journal.JOURNAL).read_bytes().split(b"\n")
        return any(all(mark in line for mark in marks) for line in lines)

    _wait(lambda: child.poll() is not None or due(), END_SECONDS, poll=0.002)
    struck: list[psutil.Process] = []

    def strike() -> bool:
        struck.extend(process for process in _victims(child, kill.victim) if _kill(process))
        return bool(struck) or child.poll() is not None

    family = _family(child)
    _wait(strike, END_SECONDS)  # a drill whose kernels are not up yet is let go on until they are
    child.communicate(timeout=END_SECONDS)
    psutil.wait_procs(family, timeout=START_SECONDS)
    return len(struck)


def _marks(kill: Kill) -> list[bytes]:
    """Return what the journal's line of a boundary holds."""
    names = ("runbook", "step", "phase")
    return [f'"{name}":"{word}"'.encode() for name, word in zip(names, kill.boundary or (), strict=False)]


def _family(child: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the runner, and whatever it started."""
    try:
        runner = psutil.Process(child.pid)
        return [runner, *runner.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _victims(child: subprocess.Popen[str], victim: str) -> list[psutil.Process]:
    if child.poll() is not None:
        return []
    family = _family(child)
    kernels = [process for process in family[1:] if _is_kernel(process)]
    return {"all": family, "runner": family[:1], "kernel": kernels}[victim]


def _is_kernel(process: psutil.Process) -> bool:
    try:
        return "ipykernel" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _kill(process: psutil.Process) -> bool:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return False
    return True


def _wait(done: Callable[[], bool], seconds: float, *, poll: float = 0.02) -> None:
    if not WALL.wait_until(done, timeout=seconds, poll=poll):
        raise TimeoutError(f"not within {seconds:g} s")
