"""A full disk, a read-only folder, a torn line, a clock that is set back: each is told, and mended."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drlib import parameters
from drlib.core import files
from drlib.core.clock import Clock, iso
from drlib.core.errors import BadParameters, PreflightFailed, StepFailed
from drlib.evidence import evidence
from drlib.evidence.audit import audit
from drlib.runs import folders, journal
from drlib.runs.run import Run
from tests.fakes import Nowhere

ROOT = Path(__file__).resolve().parents[3]
HOUR = 3600.0


def refuse(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def text(run: Run) -> bytes:
    return (run.folder / journal.JOURNAL).read_bytes()


def drafts(run: Run) -> list[str]:
    return [file.name for file in run.folder.rglob("*.tmp")]


@pytest.mark.parametrize(
    ("number", "said", "remedy"),
    [
        (errno.ENOSPC, "No space left on device", "Free some space"),
        (errno.EROFS, "Read-only file system", "Make it writable"),
        (errno.EIO, "Input/output error", "Check the file system"),
    ],
)
def test_a_line_that_cannot_be_written_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: int, said: str, remedy: str
) -> None:
    before = text(run)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse(number))
        with pytest.raises(StepFailed) as caught:
            run.note("probe")
    assert caught.value.message == f"journal.jsonl cannot be written: {said}."
    assert remedy in caught.value.remedy
    assert text(run) == before, "nothing is lost, and no half line is left"
    run.note("probe")
    assert journal.broken_link(run.lines()) == ""


def test_a_saved_result_is_there_whole_or_as_it_was(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.save("seen", {"sum": 1})
    evidence.refresh(run)
    for target in ("write", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, target, refuse(errno.ENOSPC))
            with pytest.raises(StepFailed, match="cannot be written: No space left"):
                run.save("seen", {"sum": 2})
            with pytest.raises(StepFailed, match=r"evidence\.json cannot be written|tmp cannot be written"):
                files.write(run.folder / "evidence.json", "{}")
        assert run.load("seen") == {"sum": 1}
        assert drafts(run) == []
    assert audit.verify(run.folder).wrong == []


def test_what_stops_a_step_is_told_and_not_that_it_could_not_be_written_down(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        monkeypatch.context() as patch,
        pytest.raises(StepFailed, match="The queue is gone"),
        run.step("send", mutating=True),
    ):
        patch.setattr(os, "fsync", refuse(errno.ENOSPC))
        raise StepFailed("The queue is gone.")
    assert [line["phase"] for line in run.lines(("send",))] == ["intent"]


def test_runs_that_cannot_be_written_begin_nothing(
    home: Path, here: Nowhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse(errno.EROFS))
        with pytest.raises(PreflightFailed, match="No run was opened: runs cannot be written") as caught:
            folders.open_run(parameters.make({}), here)
    assert caught.value.exit_code == 3
    assert "Read-only file system" in caught.value.message
    assert "DRLIB_HOME" in caught.value.remedy
    assert folders.current() is None
    assert folders.open_run(parameters.make({}), here).run_id


FILL = """
    import resource, sys
    from drlib.runs import folders
    from drlib.core.errors import StepFailed
    run = folders.current(runbook="30-drill-failover")
    limit = (run.folder / "journal.jsonl").stat().st_size + int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    written = 0
    try:
        while True:
            run.note(f"step {written}", detail={"text": "x" * 100})
            written += 1
    except StepFailed as error:
        print(written, error)
"""


@pytest.mark.parametrize("room", [1, 700, 1500])
def test_a_file_system_that_takes_a_part_of_a_line_keeps_none_of_it(run: Run, room: int) -> None:
    """The kernel's own limit on a file's size cuts a write in two, as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FILL), str(room)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    written, _, said = done.stdout.partition(" ")
    assert said.startswith("journal.jsonl cannot be written: File too large.")
    lines = run.lines()
    assert [line["step"] for line in lines] == ["open", *(f"step {n}" for n in range(int(written)))]
    assert text(run).endswith(b"\n")
    assert journal.broken_link([*lines, run.note("next")]) == ""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != room, "the limit was the other process's"


def test_a_last_line_cut_anywhere_is_mended_by_the_next(run: Run) -> None:
    """As after a loss of power: of the last line, any number of bytes may be there."""
    run.note("probe", detail={"word": "Zürich"})
    whole = text(run)
    begin = whole.rstrip(b"\n").rfind(b"\n") + 1
    for size in range(begin, len(whole)):
        (run.folder / journal.JOURNAL).write_bytes(whole[:size])
        (run.folder / journal.TORN).unlink(missing_ok=True)
        seen = [line["step"] for line in run.lines()]
        run.note("next")
        steps = [line["step"] for line in run.lines()]
        assert journal.broken_link(run.lines()) == "", size
        assert text(run).startswith(whole[:begin]), "what was whole is as it was"
        if size == len(whole) - 1:  # it lacks its end alone
            assert seen == ["open", "probe"]
            assert steps == ["open", "probe", "next"]
        elif size == begin:
            assert steps == ["open", "next"]
        else:
            assert seen == ["open"]
            assert steps == ["open", "torn line", "next"]
            assert (run.folder / journal.TORN).read_bytes() == whole[begin:size] + b"\n"
            told = run.lines(("torn line",))[0]["detail"]
            assert told == {"bytes": size - begin, "sha256": journal.sha256(whole[begin:size])}


def test_a_save_that_was_cut_off_is_ended_by_whoever_opens_the_run_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence.refresh(run)
    with monkeypatch.context() as patch:  # killed between the journal's line and the file
        patch.setattr(Path, "replace", refuse(errno.EIO))
        with pytest.raises(StepFailed):
            run.save("seen", {"sum": 2})
    assert not run.has("seen")
    assert audit.verify(run.folder).wrong == ["saved/seen.json is missing."]
    told = folders.reopen(run).lines()[-1]["detail"]["mended"]
    assert told == ["The save of saved/seen.json was interrupted, and is complete now."]
    assert run.load("seen") == {"sum": 2}
    assert audit.verify(run.folder).wrong == []


def test_a_draft_that_the_journal_does_not_know_is_no_result(run: Run) -> None:
    run.save("recovery", {"measured_seconds": 1})
    files.stage(run.folder / "saved" / "recovery.json", '{"measured_seconds": 2}')
    told = folders.join(parameters.make({}), "40-failback").lines()[-1]["detail"]["mended"]
    assert told == ["The save of saved/recovery.json was interrupted and is lost; repeat its step."]
    assert run.load("recovery") == {"measured_seconds": 1}
    assert drafts(run) == []


@pytest.mark.parametrize("name", ["run.json", "parameters.json"])
def test_a_run_that_is_not_whole_is_said(run: Run, name: str) -> None:
    (run.folder / name).write_text("{")
    with pytest.raises(BadParameters, match=f"The run {run.run_id} is not complete"):
        folders.find(run.run_id)
    assert folders.current() is None


def test_a_journal_changed_by_hand_is_not_gone_on_with(run: Run) -> None:
    with (run.folder / journal.JOURNAL).open("a") as file:
        file.write("nonsense\n")
    for act in (lambda: run.note("next"), lambda: run.done("open"), lambda: folders.reopen(run)):
        with pytest.raises(StepFailed, match="changed by hand"):
            act()


def test_two_processes_do_not_work_on_one_run(run: Run) -> None:
    with (
        folders.held(run),
        pytest.raises(StepFailed, match="Another process is at work"),
        folders.held(folders.find(run.run_id)),
    ):
        raise AssertionError("it was held twice")
    with folders.held(run):
        pass


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = Clock().now()
    monkeypatch.setattr("drlib.core.clock.time.time", lambda: now + seconds)


def test_a_clock_that_goes_back_an_hour_is_told_and_nothing_is_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence.refresh(run)
    with run.step("inject", mutating=True):
        set_clock(monkeypatch, -HOUR)
    run.note("next")
    lines = run.lines()
    assert journal.broken_link(lines) == ""
    assert [line["step"] for line in lines][-4:] == ["inject", "clock", "inject", "next"]
    clock, end = lines[-3], lines[-2]
    assert 0 <= end["end"] - end["start"] < 60, "a duration is never negative"
    assert end["at"] < lines[-4]["at"], "the instants are those of the clock"
    found = evidence.refresh(run)
    assert found.verdict == "aborted"
    (reason,) = [reason for reason in found.reasons if "went back" in reason]
    assert "went back by 3600 s" in reason or "went back by 3599 s" in reason
    assert iso(clock["detail"]["from"]) in reason
    assert audit.verify(run.folder).wrong == []


def test_a_wait_does_not_last_an_hour_longer_because_the_clock_went_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def never() -> bool:
        asked.append(1)
        if len(asked) == 2:
            set_clock(monkeypatch, -HOUR)
        assert len(asked) < 50
        return False

    assert not Clock().wait_until(never, timeout=0.2, poll=0.02)


def test_lines_that_cross_are_no_clock_set_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, -5)
    run.note("next")
    assert [line["step"] for line in run.lines()] == ["open", "next"]


def test_who_acts_is_masked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "clara")
    line = run.note("probe")
    assert line["actor"] == f"user-{journal.sha256('clara')[:8]}"
    assert "clara" not in json.dumps(line)
    monkeypatch.setenv("CI", "true")
    assert run.note("probe")["actor"] == "ci"
    assert line["parameters_sha256"] == run.lines(("open",))[0]["detail"]["parameters_sha256"]
