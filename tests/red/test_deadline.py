"""A fault heals at its deadline, though the process that made it was killed at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from drlib import parameters
from drlib.faults import restore
from tests.red.stage import Stage

DEADLINE_SECONDS = 40.0
KILLED = """
import json, os, signal, sys
from drlib.faults.inject import inject
from drlib.runs.approval import approve
from drlib.runs import folders
from drlib import parameters, target
from drlib.stack import stack

chosen = parameters.make(json.loads(sys.argv[1]))
here = target.open(chosen, start=False)
run = folders.open_run(chosen, here, runbook="killed")
approval = approve(chosen, "test")
inject(here, stack.current(here), run, approval, deadline_seconds=float(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def broken(stage: Stage) -> bool:
    """Tell whether anything is broken now: in the sandbox, or by a function's concurrency."""
    function = stage.outputs("standby").functions["payments"]
    reserved = stage.client("lambda", "standby").get_function_concurrency(FunctionName=function)
    return bool(stage.here.faults()) or "ReservedConcurrentExecutions" in reserved


@pytest.mark.parametrize("scenario", ["standby-broken", "error-burst"])
def test_it_heals_though_who_made_it_is_killed(stage: Stage, scenario: str) -> None:
    values = {**stage.here.settings.values(), "scenario": scenario}
    environment = {**os.environ, "DRLIB_HOME": str(parameters.home())}
    command = [sys.executable, "-c", KILLED, json.dumps(values), str(DEADLINE_SECONDS)]
    done = subprocess.run(command, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert broken(stage)
    (fault,) = restore.pending(stage.here)
    assert (fault.scenario, fault.state) == (scenario, "in force")
    stage.wait(lambda: not broken(stage), "the fault to heal by itself")
    assert stage.here.clock.now() >= fault.deadline
    assert restore.pending(stage.here) == []
    stage.calm(late=scenario == "standby-broken")
