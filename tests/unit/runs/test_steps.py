"""Steps that change something, met a second time: verified, or done again, and never in silence."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import drlib
from drlib.runner import resume
from drlib.runs import journal, steps
from drlib.runs.run import Run


def act(run: Run, step: str = "release latch") -> None:
    with run.step(step, mutating=True):
        pass


def cut(run: Run, step: str = "release latch") -> None:
    run.note(step, "intent", mutating=True)


def fail(run: Run, step: str = "release latch") -> None:
    run.note(step, "failed", mutating=True)


def test_a_new_step_is_done_without_a_word(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert not steps.skipped(run, "release latch", wrong="")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("before", "wrong", "skipped", "said"),
    [
        (act, "", True, "release latch: done earlier, verified."),
        (
            act,
            "the latch is set",
            False,
            "release latch: done earlier, and no longer so: the latch is set. It is done again.",
        ),
        (cut, "", True, "release latch: cut off earlier, and found done. It is not done again."),
        (
            cut,
            "the latch is set",
            False,
            "release latch: cut off earlier: the latch is set. It is done again.",
        ),
        (fail, "", True, "release latch: failed earlier, and found done. It is not done again."),
        (
            fail,
            "the latch is set",
            False,
            "release latch: failed earlier: the latch is set. It is done again.",
        ),
    ],
)
def test_a_step_met_again_is_looked_at_and_said(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    before: object,
    wrong: str,
    skipped: bool,
    said: str,
) -> None:
    before(run)  # type: ignore[operator]
    assert steps.skipped(run, "release latch", wrong=wrong) is skipped
    assert capsys.readouterr().out == f"{said}\n"
    last = journal.lines(run.folder)[-1]
    if before is act and skipped:
        assert (last["step"], last["mutating"]) == ("verify release latch", False)
    elif skipped:
        assert (last["step"], last["phase"], last["mutating"]) == ("release latch", "done", True)


def test_what_takes_a_step_back_makes_it_new_again(run: Run) -> None:
    act(run)
    assert steps.earlier(run, "release latch") == "done"
    act(run.as_runbook("50-incident-failover"), "set latch")
    assert steps.earlier(run, "release latch") == ""
    act(run)
    assert steps.earlier(run, "release latch") == "done"


@pytest.mark.parametrize("begun", [cut, fail])
def test_a_step_is_undone_when_what_undoes_it_begins(run: Run, begun: object) -> None:
    act(run)
    begun(run.as_runbook("50-incident-failover"), "set latch")  # type: ignore[operator]
    assert steps.earlier(run, "release latch") == ""
    assert resume.standing(run) == {}, "and the resumption of a drill agrees"


def test_a_restore_leaves_no_room_for_a_second_fault(run: Run) -> None:
    act(run, "inject")
    act(run, "restore")
    assert steps.earlier(run, "inject") == "done"


NAMED_BY_THE_CALLER = {
    ("drlib.stack.stack", "name"),  # `_step` is given `deploy` or `destroy`
    ("drlib.runs.steps", "step"),  # `skipped` writes down the end of a step that the table must have
}


def mutating() -> Iterator[tuple[str, str]]:
    """Yield the module and the first argument, as source text, of each call that says `mutating=True`."""
    home = Path(drlib.__file__).parent
    for file in sorted(home.rglob("*.py")):
        module = ".".join(file.relative_to(home.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and any(
                word.arg == "mutating" and getattr(word.value, "value", None) is True
                for word in node.keywords
            ):
                yield module, ast.unparse(node.args[0])


def test_every_step_that_changes_something_is_in_the_table() -> None:
    found = set(mutating())
    assert found >= NAMED_BY_THE_CALLER, "an exception that nothing needs"
    names = {
        eval(name, vars(importlib.import_module(module)))  # a constant's name, or a text
        for module, name in found - NAMED_BY_THE_CALLER
    }
    assert names | {steps.DEPLOY, steps.DESTROY} == set(steps.UNDONE_BY)


def test_the_table_knows_every_step_that_it_names() -> None:
    assert set().union(*steps.UNDONE_BY.values(), resume.PROOFS) <= set(steps.UNDONE_BY)
    rows = [line for line in (steps.__doc__ or "").splitlines() if line.startswith("| ")]
    told = {name for row in rows[1:] for name in row.split("|")[1].strip().split(", ")}
    assert told == set(steps.UNDONE_BY), "the table for people"


def test_a_step_is_that_of_one_runbook(run: Run) -> None:
    act(run.as_runbook("60-switchover"))
    assert steps.earlier(run, "release latch") == ""
