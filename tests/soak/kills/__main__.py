"""python -m tests.soak.kills [--kills N] [--seed S] [--part 1/2] [--only WORDS]

It prints a line for each kill and keeps it in `runs/kills.jsonl`; started again, it does what was not seen to
end well yet. It ends with a table, and with exit code 1 if a kill of its plan did not end as it must.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from drlib import parameters
from drlib.core.errors import DrError
from drlib.runs import folders
from drlib.sandbox.process import life
from drlib.show.output import Table
from drlib.target import open_target
from drlib.target.base import Target
from tests.soak.kills import act, judge, plan
from tests.soak.kills.act import Outcome
from tests.soak.kills.plan import Kill

SUFFIX = "killed"
VALUES = {
    "suffix": SUFFIX,
    "domain_name": f"{SUFFIX}.test",
    "approval": f"{SUFFIX}@sandbox",
    "lambda_in_vpc": False,
}
TRIES = 3
Spans = dict[tuple[str, ...], float]


def main(words: list[str]) -> int:
    """Kill what has not been seen yet; return an exit code."""
    asked = _arguments(words)
    kills = plan.plan(asked.kills, asked.seed, part=asked.part, only=asked.only)
    done = _stored()
    left = [kill for kill in kills if not (str(kill) in done and done[str(kill)].seen)]
    if left:
        for result in _kill(left):
            done[result.kill] = result
            _keep(result)
    results = [done[str(kill)] for kill in kills]
    sys.stdout.write(f"{summary(results)}\n")
    return 0 if all(result.seen for result in results) else 1


def summary(results: Iterable[Outcome]) -> Table:
    """Return how many drills were killed, and how many ended as they must, by what was killed."""
    rows = []
    for victim in plan.VICTIMS:
        mine = [one for one in results if one.kill.endswith(victim)]
        verdicts = Counter(one.verdict for one in mine)
        told = ", ".join(f"{count} {verdict or 'broke'}" for verdict, count in sorted(verdicts.items()))
        struck, seen = sum(one.struck > 0 for one in mine), sum(one.seen for one in mine)
        rows.append((victim, len(mine), struck, seen, told))
    return Table(("what is killed", "drills", "killed in time", "ended well", "verdicts"), rows)


def _kill(kills: Iterable[Kill]) -> Iterator[Outcome]:
    """Kill drills one after another in one sandbox, until one ends wrong: the next has another sandbox."""
    file = parameters.home() / "killed.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(VALUES), encoding="utf-8")  # JSON is YAML
    spans: Spans = {}
    try:
        for kill in kills:
            result = _guarded(kill, open_target(parameters.make(VALUES)), file, spans)
            yield result
            if result.wrong:
                life.down()
    finally:
        life.down()


def _guarded(kill: Kill, here: Target, file: Path, spans: Spans) -> Outcome:
    """Kill one drill; what breaks is a line in the table, and not the end."""
    try:
        return _in_time(kill, here, file, spans)
    except (DrError, TimeoutError, ValueError, subprocess.TimeoutExpired) as error:
        return Outcome(str(kill), wrong=[f"broke: {type(error).__name__}: {error}"])


def _in_time(kill: Kill, here: Target, file: Path, spans: Spans) -> Outcome:
    """Kill one drill; one that ended before its instant tells how long they take now, and is killed again."""
    for _ in range(TRIES):
        judge.prepare(here, kill.names)
        if kill.boundary is None and kill.names not in spans:
            spans[kill.names] = act.undisturbed(file, kill.names)
            judge.prepare(here, kill.names)
        result = act.killed(kill, here, file, spans.get(kill.names, 0.0))
        if result.seen or result.wrong:
            break
        spans[kill.names] = result.ran_seconds
    return result


def _file() -> Path:
    return folders.runs() / "kills.jsonl"


def _stored() -> dict[str, Outcome]:
    """Return the last outcome of each kill so far."""
    if not _file().exists():
        return {}
    found = [Outcome(**json.loads(line)) for line in _file().read_text(encoding="utf-8").splitlines()]
    return {result.kill: result for result in found}


def _keep(result: Outcome) -> None:
    line = json.dumps(asdict(result))
    _file().parent.mkdir(parents=True, exist_ok=True)
    with _file().open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", "50")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", type=_part, default=(1, 1), help="which part of how many, such as 1/2")
    parser.add_argument("--only", default="", help="of all kills, those whose line holds this")
    return parser.parse_args(words)


def _part(text: str) -> tuple[int, int]:
    which, _, of = text.partition("/")
    found = int(which), int(of)
    if not 1 <= found[0] <= found[1]:
        raise ValueError(text)
    return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
