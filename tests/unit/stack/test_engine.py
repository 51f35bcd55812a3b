"""What the engine's events and failures become, with a stack that plays a script instead of the engine."""

from __future__ import annotations

import _thread
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.automation import CommandResult, errors

from drlib.core.aws_calls import Recorder
from drlib.core.errors import StepFailed
from drlib.stack import engine

QUEUE = "urn:pulumi:t::payments-dr::pay:infra:Messaging$aws:sqs/queue:Queue::work"
VPC = "urn:pulumi:t::payments-dr::pay:infra:Network$aws:ec2/vpc:Vpc::network"
COMPONENT = "urn:pulumi:t::payments-dr::pay:infra:Network::network"


def event(**parts: Any) -> SimpleNamespace:
    known = dict.fromkeys(("resource_pre_event", "res_outputs_event", "diagnostic_event"))
    return SimpleNamespace(**{**known, **parts})


def step(urn: str, op: str, *, diffs: tuple[str, ...] = (), **inputs: Any) -> SimpleNamespace:
    kind = urn.split("::")[2].rsplit("$", 1)[-1]
    new = SimpleNamespace(inputs=inputs)
    return SimpleNamespace(urn=urn, type=kind, op=op, new=new, old=None, diffs=diffs, detailed_diff=None)


def begun(*args: Any, **inputs: Any) -> SimpleNamespace:
    return event(resource_pre_event=SimpleNamespace(metadata=step(*args, **inputs)))


def ended(urn: str, op: str) -> SimpleNamespace:
    return event(res_outputs_event=SimpleNamespace(metadata=step(urn, op)))


def told(message: str, *, urn: str = "", severity: str = "error") -> SimpleNamespace:
    return event(diagnostic_event=SimpleNamespace(message=message, urn=urn, severity=severity))


class Script:
    """A stack whose `up` gives its events and then fails as it is told to, once for each call."""

    def __init__(self, *events: Any, failures: tuple[Exception | None, ...] = (None,)) -> None:
        self.events, self.failures = events, list(failures)
        self.cancelled = 0

    def up(self, *, on_event: Callable[[Any], None], **options: Any) -> None:
        for found in self.events:
            on_event(found)
        failure = self.failures.pop(0)
        if failure is not None:
            raise failure

    def cancel(self) -> None:
        self.cancelled += 1


def session(stack: Any, *, origin: str = "simulated") -> engine.Session:
    return engine.Session(place(origin), stack)


def place(origin: str = "simulated") -> Any:
    settings = SimpleNamespace(primary_region="us-east-2")
    return SimpleNamespace(origin=origin, calls=Recorder(), settings=settings)


def failed(kind: type[errors.CommandError] = errors.CommandError, *, stderr: str = "") -> errors.CommandError:
    return kind(CommandResult("", stderr, 255))


def locked(pid: int) -> errors.CommandError:
    text = (
        f"the stack is currently locked by 1 lock(s). created by me@{socket.gethostname()} (pid {pid}) at now"
    )
    return failed(errors.ConcurrentUpdateError, stderr=text)


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return child.pid


def test_steps_are_counted_as_a_person_would() -> None:
    watched: list[tuple[int, str]] = []
    stack = Script(
        begun(COMPONENT, "create"),
        begun(QUEUE, "create", region="us-east-2"),
        ended(QUEUE, "create"),
        begun(VPC, "create-replacement", diffs=("cidrBlock",), region="us-west-2"),
        begun(VPC, "replace", region="us-west-2"),
        ended(VPC, "replace"),
        begun(VPC, "delete-replaced"),
    )
    steps = session(stack).run("up", watch=lambda done, name: watched.append((done, name)))
    assert {name: found.op for name, found in steps.resources.items()} == {QUEUE: "create", VPC: "replace"}
    assert steps.resources[VPC].changed == ("cidrBlock",)
    assert steps.resources[QUEUE].region == "us-east-2"
    assert watched[0] == (0, "work")
    assert watched[-1] == (2, "")


def test_a_failure_names_the_resource_and_has_awss_words() -> None:
    message = "<{%reset%}>AccessDenied: you may not (CreateQueue in us-east-2)<{%reset%}>\n"
    stack = Script(
        begun(QUEUE, "create", region="us-east-2"),
        told("update failed"),
        told(message, urn=QUEUE),
        told("a warning", urn=VPC, severity="warning"),
        failures=(failed(),),
    )
    with pytest.raises(StepFailed) as caught:
        session(stack).run("up")
    assert caught.value.message == "work failed: AccessDenied: you may not (CreateQueue in us-east-2)."
    assert (caught.value.resource, caught.value.region) == ("work", "us-east-2")
    assert "run this step again" in caught.value.remedy


def test_what_exists_already_has_a_remedy_of_its_own() -> None:
    stack = Script(
        told("EntityAlreadyExists: Role with name x already exists.", urn=QUEUE), failures=(failed(),)
    )
    with pytest.raises(StepFailed, match="choose another suffix"):
        session(stack).run("up")


def test_a_failure_without_events_says_what_the_tool_said() -> None:
    stack = Script(failures=(failed(stderr="warning: x\nerror: could not read the bucket\n"),))
    with pytest.raises(StepFailed, match="The engine could not up the stack: could not read the bucket"):
        session(stack).run("up")


def test_a_lock_of_a_living_process_is_left_alone() -> None:
    stack = Script(failures=(locked(os.getpid()),))
    with pytest.raises(StepFailed, match=f"locked by process {os.getpid()}"):
        session(stack).run("up")
    assert stack.cancelled == 0


def test_a_dead_processs_lock_is_taken_away_in_the_sandbox() -> None:
    stack = Script(failures=(locked(dead_process()), None))
    session(stack).run("up")
    assert stack.cancelled == 1


def test_it_is_taken_away_once() -> None:
    dead = dead_process()
    stack = Script(failures=(locked(dead), locked(dead)))
    with pytest.raises(StepFailed, match="locked"):
        session(stack).run("up")
    assert stack.cancelled == 1


def test_on_aws_a_person_decides_about_locks() -> None:
    stack = Script(failures=(locked(dead_process()),))
    with pytest.raises(StepFailed, match="pulumi cancel"):
        session(stack, origin="live").run("up")
    assert stack.cancelled == 0


class Interrupted:
    """A stack whose `up` is interrupted, and goes on until it has heard of it."""

    def __init__(self, *, hears: bool) -> None:
        self.hears, self.passed_on, self.saved = hears, threading.Event(), False

    def up(self, *, on_output: Callable[[str], None], **options: Any) -> None:
        _thread.interrupt_main()
        if self.hears:
            on_output("^C received; cancelling. If you would like to terminate immediately, press ^C again.")
        else:
            assert self.passed_on.wait(60)
        self.saved = True


def test_an_interruption_waits_for_the_engine_to_end() -> None:
    stack = Interrupted(hears=True)
    with pytest.raises(KeyboardInterrupt):
        session(stack).run("up")
    assert stack.saved


def test_an_interruption_that_the_engine_did_not_get_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Interrupted(hears=False)
    running = session(stack)
    monkeypatch.setattr(engine, "SIGNAL_WALL_SECONDS", 0.01)
    monkeypatch.setattr(running, "_interrupt", stack.passed_on.set)
    with pytest.raises(KeyboardInterrupt):
        running.run("up")
    assert stack.saved


def test_a_preview_tells_what_inputs_come_from() -> None:
    class Previewed(Script):
        def preview(self, *, on_event: Callable[[Any], None], plan: str, **options: Any) -> None:
            assert options["refresh"] is True
            for found in self.events:
                on_event(found)
            goal = {"propertyDependencies": {"vpcId": [VPC], "name": []}, "dependencies": [VPC]}
            Path(plan).write_text(json.dumps({"resourcePlans": {QUEUE: {"goal": goal}, COMPONENT: {}}}))

    steps = engine.Session(place(), Previewed(begun(QUEUE, "create"))).preview(refresh=True)
    found = steps.resources[QUEUE]
    assert (found.urn, found.references, found.after) == (QUEUE, {"vpcId": (VPC,)}, (VPC,))
