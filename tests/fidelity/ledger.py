"""How true to AWS the sandbox is: each behaviour with its source and the test that proves it.

The test of a behaviour carries a mark, and the ledger is written from these marks:

    @pytest.mark.fidelity(service="SQS", behaviour="...", level="documented", source="Developer Guide, ...")

`not_modelled.yaml` lists what is not modelled, with the reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ROOT / "drlib" / "sandbox" / "FIDELITY.md"
NOT_MODELLED = Path(__file__).with_name("not_modelled.yaml")
DOCUMENTED, APPROXIMATED, ABSENT = "documented", "approximated", "not modelled"
LEVELS = (DOCUMENTED, APPROXIMATED)


class BadLedger(Exception):
    """A mark, or an entry of the file, cannot stand in the ledger; the text says which, and why."""


@dataclass(frozen=True)
class Behaviour:
    """One thing that AWS does, and how the sandbox does it.

    Attributes:
        level: `documented`, `approximated`, or `not modelled`.
        source: where AWS says so; empty if it is not modelled.
        note: what differs, or why it is not modelled.
        test: `file::name` of the proof; empty if it is not modelled.
    """

    service: str
    behaviour: str
    level: str
    source: str = ""
    note: str = ""
    test: str = ""


MARK_FIELDS = {field.name for field in fields(Behaviour)} - {"test"}


def collect(tests: Path = ROOT / "tests", absent: Path = NOT_MODELLED) -> list[Behaviour]:
    """Return all behaviours, sorted. Raises BadLedger."""
    found = [*_marked(tests), *_not_modelled(absent)]
    seen: dict[tuple[str, str], Behaviour] = {}
    for one in found:
        key = (one.service, one.behaviour)
        if key in seen:
            raise BadLedger(
                f"{one.test or absent.name}: {one.service}, {one.behaviour!r} is in the ledger already "
                f"({seen[key].test or absent.name}); a behaviour has one proof."
            )
        seen[key] = one
    return sorted(found, key=lambda one: (one.service.lower(), one.behaviour.lower()))


def _marked(tests: Path) -> Iterator[Behaviour]:
    for file in sorted(tests.rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "mark.fidelity" not in text:
            continue
        where = file.relative_to(tests.parent).as_posix()
        tree = ast.parse(text)
        known = set()
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in function.decorator_list:
                for call in _marks(decorator):
                    known.add(call.lineno)
                    yield _behaviour(call, f"{where}::{function.name}")
        for call in _marks(tree):
            if call.lineno not in known:
                raise BadLedger(f"{where}:{call.lineno}: a fidelity mark stands on a test function.")


def _marks(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fidelity":
            yield node


def _behaviour(call: ast.Call, test: str) -> Behaviour:
    try:
        values = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    except ValueError:
        raise BadLedger(f"{test}: a fidelity mark is made of plain texts.") from None
    unknown = sorted({str(name) for name in values} - MARK_FIELDS)
    if call.args or unknown:
        raise BadLedger(f"{test}: a fidelity mark has {', '.join(sorted(MARK_FIELDS))}, each by its name.")
    missing = [name for name in ("service", "behaviour", "level", "source") if not values.get(name)]
    if values.get("level") == APPROXIMATED and not values.get("note"):
        missing.append("note (what differs)")
    if missing:
        raise BadLedger(f"{test}: its fidelity mark lacks {', '.join(missing)}.")
    if values["level"] not in LEVELS:
        raise BadLedger(f"{test}: level is one of {', '.join(LEVELS)}, and not {values['level']!r}.")
    return Behaviour(**values, test=test)


def _not_modelled(file: Path) -> Iterator[Behaviour]:
    for entry in yaml.safe_load(file.read_text(encoding="utf-8")) or ():
        if set(entry) != {"service", "behaviour", "why"} or not all(entry.values()):
            raise BadLedger(f"{file.name}: an entry has service, behaviour and why; this one is {entry}.")
        yield Behaviour(entry["service"], entry["behaviour"], ABSENT, note=entry["why"])


INTRODUCTION = """\
# How true to AWS the sandbox is

Each row is a behaviour of AWS that a runbook may rely on. A row names the AWS document that describes the
behaviour and the test that proves it for the sandbox. Where the sandbox approximates it, the row says
what differs. Where the sandbox does not model a behaviour, the row says why. A behaviour that has no row was
not examined, and a simulated run proves nothing about it. `python -m tests.fidelity` writes this page.
"""


def render(found: list[Behaviour]) -> str:
    """Return the page."""
    services = sorted({one.service for one in found}, key=str.lower)
    rows = []
    for service in services:
        here = [one for one in found if one.service == service]
        counts = [sum(one.level == level for one in here) for level in (*LEVELS, ABSENT)]
        rows.append(f"| {service} | {' | '.join(map(str, counts))} |")
    totals = [str(sum(one.level == level for one in found)) for level in (*LEVELS, ABSENT)]
    parts = [
        INTRODUCTION,
        "| service | as AWS documents it | approximated | not modelled |\n|---|---|---|---|",
        *rows,
        f"| all | {' | '.join(totals)} |",
    ]
    for service in services:
        parts.append(f"\n## {service}\n\n| behaviour | in the sandbox | source and proof |\n|---|---|---|")
        parts += [_row(one) for one in found if one.service == service]
    return "\n".join(parts) + "\n"


def _row(one: Behaviour) -> str:
    if one.level == ABSENT:
        return _cells(one.behaviour, f"not modelled: {one.note}", "")
    how = "as AWS documents it" if one.level == DOCUMENTED else f"approximated: {one.note}"
    if one.level == DOCUMENTED and one.note:
        how += f"; {one.note}"
    file, name = one.test.split("::")
    return _cells(one.behaviour, how, f"{one.source}. [{name}](../../{file})")


def _cells(*texts: str) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"
