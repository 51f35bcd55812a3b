"""Steps that change something, met a second time: verified, or done again, and never in silence."""

from __future__ import annotations

import pytest

from drlib import chain, journal, resume


def act(run: journal.Run, step: str = "release latch") -> None:
    with run.step(step, mutating=True):
        pass


def cut(run: journal.Run, step: str = "release latch") -> None:
    run.note(step, "intent", mutating=True)


def fail(run: journal.Run, step: str = "release latch") -> None:
    run.note(step, "failed", mutating=True)


def test_a_new_step_is_done_without_a_word(run: journal.Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert not resume.skipped(run, "release latch", wrong="")
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
    run: journal.Run,
    capsys: pytest.CaptureFixture[str],
    before: object,
    wrong: str,
    skipped: bool,
    said: str,
) -> None:
    before(run)  # type: ignore[operator]
    assert resume.skipped(run, "release latch", wrong=wrong) is skipped
    assert capsys.readouterr().out == f"{said}\n"
    last = chain.lines(run.folder)[-1]
    if before is act and skipped:
        assert (last["step"], last["mutating"]) == ("verify release latch", False)
    elif skipped:
        assert (last["step"], last["phase"], last["mutating"]) == ("release latch", "done", True)


def test_what_takes_a_step_back_makes_it_new_again(run: journal.Run) -> None:
    act(run)
    act(run.as_runbook("50-incident-failover"), "set latch")
    assert resume.earlier(run, "release latch", undone_by=("set latch",)) == ""
    act(run)
    assert resume.earlier(run, "release latch", undone_by=("set latch",)) == "done"
    cut(run, "set latch")
    assert resume.earlier(run, "release latch", undone_by=("set latch",)) == "done", "it was not taken back"


def test_a_step_is_that_of_one_runbook(run: journal.Run) -> None:
    act(run.as_runbook("60-switchover"))
    assert resume.earlier(run, "release latch") == ""
