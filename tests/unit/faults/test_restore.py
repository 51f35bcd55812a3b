"""The way back: from a file alone, the last act first, and as often as anybody likes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from drlib import parameters
from drlib.core.errors import SandboxError, StepFailed
from drlib.faults import restore as faults_restore
from drlib.faults import watchdog
from tests.aws_clients import Queue
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.faults.files import filed, heal


def test_the_last_act_is_undone_first_and_written_down(here):
    order = []
    here.restore = lambda name: order.append(name) or {"at": here.clock.now()}
    mended = faults_restore.mend(here, filed(here, heal("a"), heal("b")))
    assert order == ["b", "a"]
    assert faults_restore.read("run-1-test") == mended
    assert (mended.fault.state, faults_restore.open_files()) == ("restored", [])


def test_what_cannot_be_undone_stays_open_and_the_rest_is_undone(here):
    undone = []

    def restore(name):
        if name == "b":
            raise StepFailed("it does not answer")
        undone.append(name)
        return {"at": here.clock.now()}

    here.restore = restore
    with pytest.raises(StepFailed, match="Not everything could be restored. b: it does not answer"):
        faults_restore.mend(here, filed(here, heal("a"), heal("b"), heal("c")))
    assert undone == ["c", "a"]
    assert [one.fault.fault_id for one in faults_restore.open_files()] == ["run-1-test"]


def test_what_a_watchdog_must_undo_is_pending_beyond_its_deadline(here):
    over = here.clock.now() - 1
    assert not faults_restore.is_pending(here, filed(here, heal("a"), deadline=over))
    call = {"do": "call", "service": "lambda", "region": PRIMARY, "operation": "x", "parameters": {}}
    assert faults_restore.is_pending(here, filed(here, call, deadline=over))
    assert not faults_restore.is_pending(here, filed(here, call, state="restored"))
    assert not faults_restore.is_pending(here, filed(here, call, instance_id="another"))


def test_messages_that_are_nowhere_are_a_failure_only_while_something_waits(here, monkeypatch):
    monkeypatch.setattr(faults_restore, "WITHDRAW_SECONDS", 4.0)
    queue = Queue()
    here.clients["sqs", PRIMARY] = Queue.client({"work": queue})
    order = {"do": "withdraw", "region": PRIMARY, "queues": ["work"], "mark": "run-1", "messages": 1}
    faults_restore.perform(here, order, deadline_seconds=0)  # somebody took it out before
    queue.put("somebody else's")
    with pytest.raises(StepFailed, match="1 of 1 messages were not found, and 1 messages are in the queues"):
        faults_restore.perform(here, order, deadline_seconds=0)
    assert queue.hidden == set(), "what is not ours is given back"


def test_an_order_that_nobody_knows_is_said(here):
    with pytest.raises(StepFailed, match="'explode' is an unknown order"):
        faults_restore.perform(here, {"do": "explode"}, deadline_seconds=0)


def test_a_file_of_an_older_form_is_left_alone(here):
    faults_restore.folder().mkdir(parents=True)
    (faults_restore.folder() / "old.json").write_text('{"fault_id": "old", "state": "in force"}')
    assert faults_restore.open_files() == []
    with pytest.raises(StepFailed, match="There is no file of the fault new"):
        faults_restore.read("new")


def test_the_file_alone_says_where_a_fault_is(here, monkeypatch):
    opened = []

    def place(one):
        opened.append(one.parameters["time_scale"])
        return here

    monkeypatch.setattr(faults_restore, "place", place)
    here.in_force = {PRIMARY: {}, STANDBY: {}}
    filed(here, heal(PRIMARY))
    assert [one.state for one in faults_restore.restore_all()] == ["restored"]
    assert (opened, list(here.in_force)) == ([60.0], [STANDBY])
    assert faults_restore.restore_all() == []


def test_a_fault_of_a_sandbox_that_is_gone_is_gone_with_it(here, monkeypatch):
    def place(_):
        raise SandboxError("No sandbox is running.")

    monkeypatch.setattr(faults_restore, "place", place)
    filed(here, heal(PRIMARY))
    assert faults_restore.restore_all() == []
    watchdog.keep("run-1-test")
    assert faults_restore.read("run-1-test").fault.state == "in force"


def test_a_watchdog_mends_at_the_deadline_and_not_before(here, monkeypatch):
    monkeypatch.setattr(faults_restore, "place", lambda _: here)
    monkeypatch.setattr(watchdog, "LOOK_WALL_SECONDS", 0.01)
    deadline = here.clock.now() + 12.0
    here.in_force = {PRIMARY: {}}
    filed(here, heal(PRIMARY), deadline=deadline)
    watchdog.keep("run-1-test")
    mended = faults_restore.read("run-1-test").fault
    assert here.in_force == {}
    assert mended.restored_at >= deadline


def test_a_watchdog_tries_again_and_ends_when_somebody_else_was_faster(here, monkeypatch):
    monkeypatch.setattr(faults_restore, "place", lambda _: here)
    monkeypatch.setattr(watchdog, "RETRY_WALL_SECONDS", 0.01)
    tried = []

    def restore(name):
        tried.append(name)
        if len(tried) == 2:
            faults_restore.read("run-1-test").marked(state="restored")
        raise StepFailed("it does not answer")

    here.restore = restore
    filed(here, heal(PRIMARY), deadline=here.clock.now() - 1)
    watchdog.keep("run-1-test")
    assert tried == [PRIMARY, PRIMARY]


def test_a_watchdog_does_not_try_for_ever(here, monkeypatch, capsys):
    monkeypatch.setattr(faults_restore, "place", lambda _: here)

    def restore(name):
        raise StepFailed("it does not answer")

    here.restore = restore
    filed(here, heal(PRIMARY), deadline=here.clock.now() - watchdog.GIVE_UP_SECONDS - 1)
    watchdog.keep("run-1-test")
    assert faults_restore.read("run-1-test").fault.state == "in force"
    assert "Run `drlib restore`" in capsys.readouterr().err


def test_a_watchdog_outlives_who_started_it(here, tmp_path):
    """The process that starts it is killed, as a kernel may be; the watchdog still writes what it does."""
    filed(here, heal(PRIMARY), instance_id="nowhere")
    starter = (
        "import os, signal; from drlib.faults import watchdog; watchdog.start('run-1-test'); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "DRLIB_HOME": str(parameters.home())}
    done = subprocess.run([sys.executable, "-c", starter], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert here.clock.wait_until((faults_restore.folder() / "run-1-test.log").exists, timeout=1800)
    assert (
        json.loads((faults_restore.folder() / "run-1-test.json").read_text())["fault"]["state"] == "in force"
    )
