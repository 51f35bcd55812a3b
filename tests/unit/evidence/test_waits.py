"""How long clients waited while nothing was broken: told, and as a warning where it is the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drlib.core.samples import Stamp, read
from drlib.evidence import evidence
from drlib.evidence.report.page import render
from drlib.payments import waits
from drlib.payments.ledger import FILE, Attempt, Ledger, table
from drlib.runner import drill
from tests.fakes import Nowhere
from tests.unit.evidence.bundles import attempts, drilled

ZERO = 1_800_000_000.0


def lasting(*seconds: float) -> list[Attempt]:
    """Return attempts of a quiet time that took so long each."""
    rows = attempts(ZERO, origin="simulated", count=len(seconds))
    return [replace(row, started_at=row.finished_at - took) for row, took in zip(rows, seconds, strict=True)]


def rewritten(folder: Path, change: Callable[[Attempt], Attempt], here: Nowhere) -> None:
    rows = table(read(folder / FILE))
    Ledger([change(row) for row in rows], stamp=Stamp("simulated", here.clock)).save(folder)


def test_half_of_the_payments_took_so_long() -> None:
    found = waits.of(lasting(0.5, 9.0, 1.5), scale=20.0)
    assert found == waits.Waits(1.5, 3, 20.0)
    assert not found.too_long
    assert not found.warning
    assert found.figures == "half of 3 payments took 1.5 s or longer"


def test_an_attempt_that_was_given_up_waited_and_one_that_failed_did_not() -> None:
    rows = lasting(1.0, 40.0, 0.0, 0.0)
    told = ["ok", "indeterminate", "fail", "rejected"]
    found = waits.of([replace(row, outcome=word) for row, word in zip(rows, told, strict=True)], scale=20.0)
    assert found == waits.Waits(20.5, 2, 20.0)


def test_nothing_is_said_of_no_payments() -> None:
    assert waits.of([], scale=20.0) is None


@pytest.mark.parametrize(
    ("seconds", "scale", "too_long"), [(3.0, 20.0, False), (3.1, 20.0, True), (30.0, 1.0, False)]
)
def test_it_is_the_machine_where_the_clock_is_modelled_and_the_wait_long(
    seconds: float, scale: float, too_long: bool
) -> None:
    found = waits.of(lasting(seconds), scale=scale)
    assert found is not None
    assert found.too_long is too_long


def test_the_warning_names_the_parameter_and_a_value() -> None:
    found = waits.of(lasting(12.0), scale=20.0)
    assert found is not None
    assert "did not keep up" in found.warning
    assert "a time_scale below 20, such as 10" in found.warning


def test_what_was_broken_does_not_count(here: Nowhere) -> None:
    run = drilled(here)
    content = evidence.load(run.folder).content
    restore = content["restore"]

    def slow_while_broken(row: Attempt) -> Attempt:
        broken = restore["injected_at"] <= row.finished_at and row.started_at <= restore["restored_at"]
        return replace(row, started_at=row.finished_at - 30.0) if broken else row

    rewritten(run.folder, slow_while_broken, here)
    found = waits.of_run(run.folder, content)
    assert found is not None
    assert found.median_seconds == pytest.approx(0.25)
    assert 0 < found.payments < len(table(read(run.folder / FILE)))


@pytest.mark.parametrize("slow", [False, True])
def test_the_report_and_the_drills_end_tell_of_a_slow_machine(here: Nowhere, slow: bool) -> None:
    run = drilled(here)
    if slow:
        rewritten(run.folder, lambda row: replace(row, started_at=row.finished_at - 12.0), here)
    found = evidence.load(run.folder)
    text = "\n".join(drill.summary(found, seal="0" * 64))
    page = render(run.folder, found.content)
    assert ("machine  This machine did not keep up" in text) is slow
    assert ("This machine did not keep up" in page) is slow
    assert "Outside of the fault, half of" in page
