"""Acts that a run meets again: what is as they left it is not written a second time."""

import errno
import os

import pytest

from drlib.core.errors import PreflightFailed, StepFailed
from drlib.faults import inject, restore
from drlib.payments.ledger import Ledger
from drlib.runner import notebook
from drlib.runs import journal, steps
from drlib.show.checklist import Check, Checks
from drlib.switch import failback, failover
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt


def ends(run, step):
    return [line["phase"] for line in journal.lines(run.folder) if line["step"] == step]


def refuse(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def released(here, deployment, aws, run, approval):
    failover.set(here, deployment, run.as_runbook("50-incident-failover"), approval, reason="an incident")
    failback.release(here, deployment, run, approval)
    aws.tables[STANDBY].writes.clear()
    aws.metrics.clear()


def test_a_latch_that_is_released_is_not_released_again(
    here, deployment, aws, run, approval, released, capsys
):
    assert failback.release(here, deployment, run, approval).hold_until is not None
    assert (aws.tables[STANDBY].writes, aws.metrics) == ([], [])
    assert capsys.readouterr().out == "release latch: done earlier, verified.\n"


def test_a_latch_that_was_set_meanwhile_is_released_again_and_said(
    here, deployment, aws, run, approval, released, capsys
):
    item = {
        "pk": {"S": "LATCH"},
        "sk": {"S": STANDBY},
        "is_set": {"BOOL": True},
        "reason": {"S": "a payment"},
    }
    aws.tables[STANDBY].put_item(TableName="", Item=item)
    assert not failback.release(here, deployment, run, approval).is_set
    said = "done earlier, and no longer so: the latch is set, because a payment. It is done again."
    assert capsys.readouterr().out == f"release latch: {said}\n"
    assert ends(run, "release latch") == ["intent", "done"] * 2


def test_arming_is_done_once(here, deployment, aws, run, approval, released, capsys):
    failback.arm(here, deployment, run, approval)
    aws.tables[STANDBY].writes.clear()
    failback.arm(here, deployment, run, approval)
    assert aws.tables[STANDBY].writes == []
    assert capsys.readouterr().out == "arm latch: done earlier, verified.\n"


def test_a_flip_that_was_cut_off_is_found_done_and_its_decision_not_asked_again(
    here, deployment, aws, run, approval, capsys
):
    red = Checks(
        "Decision", (Check("something-speaks-for-a-failover", "something speaks for a failover", "failed"),)
    )
    with pytest.raises(PreflightFailed):
        failover.fail_over(here, deployment, run, approval, red, reason="an incident")
    failover.set(here, deployment, run.as_runbook("elsewhere"), approval, reason="an incident")
    run.note(steps.SET_LATCH, "intent", mutating=True)  # and then the kernel was killed
    aws.tables[STANDBY].writes.clear()
    assert failover.fail_over(here, deployment, run, approval, red, reason="an incident").is_set
    assert aws.tables[STANDBY].writes == []
    assert "set latch: cut off earlier, and found done." in capsys.readouterr().out
    assert ends(run, "set latch")[-1] == "done"


def test_a_run_has_one_fault(here, deployment, run, approval):
    restore.restore(here, inject.inject(here, deployment, run, approval), run)
    assert inject.spent(run)
    with pytest.raises(StepFailed, match="This run has had its fault") as caught:
        inject.inject(here, deployment, run, approval)
    assert "40-failback" in caught.value.remedy
    assert here.in_force == {}


def test_an_injection_cut_off_before_its_file_has_broken_nothing(here, deployment, run, approval, capsys):
    run.note(steps.INJECT, "intent", mutating=True)
    assert not inject.spent(run)
    assert inject.inject(here, deployment, run, approval).state == "in force"
    assert "inject: cut off earlier: nothing is broken by it. It is done again." in capsys.readouterr().out


def test_an_injection_cut_off_after_its_file_may_have_broken_something(here, deployment, run, approval):
    fault = inject.inject(here, deployment, run, approval)
    restore.restore(here, fault)
    cut = run.as_runbook("again")
    cut.note(steps.INJECT, "intent", mutating=True)
    assert inject.spent(cut)


def test_a_full_disk_keeps_nothing_broken(here, deployment, run, approval, monkeypatch):
    fault = inject.inject(here, deployment, run, approval)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        (told,) = notebook.restored(here, run)
    assert told.startswith("No fault is in force, and that could not be written down: ")
    assert "No space left on device" in told
    assert here.in_force == {}
    assert restore.read(fault.fault_id).fault.state == "in force", "the file still says how it is mended"
    assert notebook.restored(here, run)[-1] == "No fault is in force."
    assert restore.read(fault.fault_id).fault.state == "restored"
    assert run.load("fault")["state"] == "restored"


def test_a_ledger_that_cannot_be_written_says_so_and_keeps_what_it_had(tmp_path, monkeypatch):
    ledger = Ledger.reopen(tmp_path)
    ledger.begin(attempt(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StepFailed, match=r"ledger\.jsonl cannot be written: No space left on device"):
            ledger.begin(attempt(2))
    ledger.begin(attempt(3))
    assert [row.seq for row in Ledger.load(tmp_path).attempts()] == [1, 3]


def test_the_region_that_serves_is_untouched_by_a_step_that_is_skipped(
    here, deployment, aws, run, approval, released
):
    failback.release(here, deployment, run, approval)
    assert aws.tables[PRIMARY].writes == []
