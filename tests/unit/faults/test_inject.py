import json

import pytest

from drlib import parameters
from drlib.core import aws_calls
from drlib.core.errors import BadParameters, NotApproved, StepFailed
from drlib.faults import inject as faults_inject
from drlib.faults import restore
from drlib.faults.scenario import every, load
from drlib.runs import journal
from drlib.runs.approval import Approval
from drlib.runs.folders import open_run
from tests.two_regions import PRIMARY


def files():
    return parameters.home() / ".drlib" / "faults"


def lines(run, step):
    return [(line["phase"], line["mutating"]) for line in journal.lines(run.folder) if line["step"] == step]


def test_the_way_back_is_written_before_anything_breaks(here, deployment, run, approval):
    seen = []

    def inject(region, *, mode, deadline_seconds):
        file = next(files().glob("*.json"))
        seen.append(json.loads(file.read_text())["fault"]["state"])
        seen.append(lines(run, "inject"))
        return {"at": here.clock.now(), "deadline": here.clock.now() + deadline_seconds}

    here.inject = inject
    faults_inject.inject(here, deployment, run, approval)
    assert seen == ["intended", [("intent", True)]]
    assert lines(run, "inject") == [("intent", True), ("done", True)]


def test_the_fault_breaks_the_primary_with_a_deadline(here, deployment, run, approval):
    fault = faults_inject.inject(here, deployment, run, approval)
    assert here.in_force[PRIMARY]["mode"] == "refuse"
    assert (fault.region, fault.state) == (PRIMARY, "in force")
    assert fault.deadline == fault.at + load(fault.scenario).deadline_seconds
    assert restore.from_dict(run.load("fault")) == fault
    assert restore.pending(here) == [fault]


def test_the_restore_needs_the_file_alone_and_may_be_repeated(here, deployment, run, approval):
    faults_inject.inject(here, deployment, run, approval)
    (fault,) = restore.pending(here)
    healed = restore.restore(here, fault)
    assert here.in_force == {}
    assert healed.state == "restored"
    assert restore.pending(here) == []
    assert restore.restore(here, healed, run) is healed
    restore.restore(here, fault, run)
    assert run.load("fault")["state"] == "restored"


def test_injecting_again_is_the_same_fault(here, deployment, run, approval):
    first = faults_inject.inject(here, deployment, run, approval)
    assert faults_inject.inject(here, deployment, run, approval) == first


def test_a_second_run_does_not_break_what_is_broken(here, deployment, run, approval):
    faults_inject.inject(here, deployment, run, approval)
    other = open_run(here.settings, here)
    with pytest.raises(StepFailed, match="A fault is in force already"):
        faults_inject.inject(here, deployment, other, approval)


def test_nothing_is_broken_without_the_right_approval(here, deployment, run):
    with pytest.raises(NotApproved):
        faults_inject.inject(here, deployment, run, Approval("drill", "other@sandbox"))
    assert here.in_force == {}
    assert not files().exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, StepFailed("the sandbox does not answer")])
def test_an_injection_that_is_interrupted_is_undone(here, deployment, run, approval, error):
    def inject(region, **_):
        here.in_force[region] = {}
        raise error

    here.inject = inject
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        faults_inject.inject(here, deployment, run, approval)
    assert here.in_force == {}
    assert restore.pending(here) == []
    assert lines(run, "inject") == [("intent", True), ("failed", True)]


def test_a_fault_of_an_earlier_sandbox_or_beyond_its_deadline_is_not_pending(here, deployment, run, approval):
    faults_inject.inject(here, deployment, run, approval)
    here.instance_id = "world-2"
    assert restore.pending(here) == []
    here.instance_id = "world-1"
    file = next(files().glob("*.json"))
    filed = json.loads(file.read_text())
    filed["fault"]["deadline"] = here.clock.now() - 1
    file.write_text(json.dumps(filed))
    assert restore.pending(here) == []


def test_a_restore_by_another_run_leaves_that_runs_record_alone(here, deployment, run, approval):
    fault = faults_inject.inject(here, deployment, run, approval)
    other = open_run(here.settings, here)
    restore.restore(here, fault, other)
    assert not other.has("fault")


def test_every_scenario_states_what_is_expected():
    for scenario in every():
        assert load(scenario.name) is scenario
        assert scenario.expect.words()


def test_an_unknown_scenario_is_a_bad_parameter():
    with pytest.raises(BadParameters, match="region-outage"):
        load("flood")


def test_a_control_plane_call_during_the_fault_counts_against_the_run(here, deployment, run, approval):
    calls = aws_calls.Recorder()
    calls.add("iam", "UpdateRole", "us-east-2")
    fault = faults_inject.inject(here, deployment, run, approval)
    assert aws_calls.control_calls(calls.rows()) == 0, "what came before is no part of it"
    calls.add("route53", "ChangeResourceRecordSets", "us-east-2")
    assert aws_calls.control_calls(calls.rows()) == 1
    with aws_calls.purpose("observe"):
        calls.add("route53", "GetHealthCheckStatus", "us-east-2")
    restore.restore(here, fault, run)
    calls.add("iam", "UpdateRole", "us-east-2")
    assert aws_calls.control_calls(calls.rows()) == 1
