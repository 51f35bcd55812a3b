import json

import pytest

from drill.world import PRIMARY
from drlib import chain, faults, planes
from drlib import settings as parameters
from drlib.errors import BadParameters, NotApproved, StepFailed
from drlib.journal import Approval, open_run


def files():
    return parameters.home() / ".drlib" / "faults"


def lines(run, step):
    return [(line["phase"], line["mutating"]) for line in chain.lines(run.folder) if line["step"] == step]


def test_the_way_back_is_written_before_anything_breaks(here, deployment, run, approval):
    seen = []

    def inject(region, *, mode, deadline_seconds):
        file = next(files().glob("*.json"))
        seen.append(json.loads(file.read_text())["fault"]["state"])
        seen.append(lines(run, "inject"))
        return {"at": here.clock.now(), "deadline": here.clock.now() + deadline_seconds}

    here.inject = inject
    faults.inject(here, deployment, run, approval)
    assert seen == ["intended", [("intent", True)]]
    assert lines(run, "inject") == [("intent", True), ("done", True)]


def test_the_fault_breaks_the_primary_with_a_deadline(here, deployment, run, approval):
    fault = faults.inject(here, deployment, run, approval)
    assert here.in_force[PRIMARY]["mode"] == "refuse"
    assert (fault.region, fault.state) == (PRIMARY, "in force")
    assert fault.deadline == fault.at + faults.scenario(fault.scenario).deadline_seconds
    assert faults.from_dict(run.load("fault")) == fault
    assert faults.pending(here) == [fault]


def test_the_restore_needs_the_file_alone_and_may_be_repeated(here, deployment, run, approval):
    faults.inject(here, deployment, run, approval)
    (fault,) = faults.pending(here)
    healed = faults.restore(here, fault)
    assert here.in_force == {}
    assert healed.state == "restored"
    assert faults.pending(here) == []
    assert faults.restore(here, healed, run) is healed
    faults.restore(here, fault, run)
    assert run.load("fault")["state"] == "restored"


def test_injecting_again_is_the_same_fault(here, deployment, run, approval):
    first = faults.inject(here, deployment, run, approval)
    assert faults.inject(here, deployment, run, approval) == first


def test_a_second_run_does_not_break_what_is_broken(here, deployment, run, approval):
    faults.inject(here, deployment, run, approval)
    other = open_run(here.settings, here)
    with pytest.raises(StepFailed, match="A fault is in force already"):
        faults.inject(here, deployment, other, approval)


def test_nothing_is_broken_without_the_right_approval(here, deployment, run):
    with pytest.raises(NotApproved):
        faults.inject(here, deployment, run, Approval("drill", "other@sandbox"))
    assert here.in_force == {}
    assert not files().exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, StepFailed("the sandbox does not answer")])
def test_an_injection_that_is_interrupted_is_undone(here, deployment, run, approval, error):
    def inject(region, **_):
        here.in_force[region] = {}
        raise error

    here.inject = inject
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        faults.inject(here, deployment, run, approval)
    assert here.in_force == {}
    assert faults.pending(here) == []
    assert lines(run, "inject") == [("intent", True), ("failed", True)]


def test_a_fault_of_an_earlier_sandbox_or_beyond_its_deadline_is_not_pending(here, deployment, run, approval):
    faults.inject(here, deployment, run, approval)
    here.instance_id = "world-2"
    assert faults.pending(here) == []
    here.instance_id = "world-1"
    file = next(files().glob("*.json"))
    filed = json.loads(file.read_text())
    filed["fault"]["deadline"] = here.clock.now() - 1
    file.write_text(json.dumps(filed))
    assert faults.pending(here) == []


def test_a_restore_by_another_run_leaves_that_runs_record_alone(here, deployment, run, approval):
    fault = faults.inject(here, deployment, run, approval)
    other = open_run(here.settings, here)
    faults.restore(here, fault, other)
    assert not other.has("fault")


def test_every_scenario_states_what_is_expected():
    for scenario in faults.scenarios():
        assert faults.scenario(scenario.name) is scenario
        assert scenario.expect.words()


def test_an_unknown_scenario_is_a_bad_parameter():
    with pytest.raises(BadParameters, match="region-outage"):
        faults.scenario("flood")


def test_a_control_plane_call_during_the_fault_counts_against_the_run(here, deployment, run, approval):
    calls = planes.Recorder()
    calls.add("iam", "UpdateRole", "us-east-2")
    fault = faults.inject(here, deployment, run, approval)
    assert planes.control_calls(calls.rows()) == 0, "what came before is no part of it"
    calls.add("route53", "ChangeResourceRecordSets", "us-east-2")
    assert planes.control_calls(calls.rows()) == 1
    with planes.purpose("observe"):
        calls.add("route53", "GetHealthCheckStatus", "us-east-2")
    faults.restore(here, fault, run)
    calls.add("iam", "UpdateRole", "us-east-2")
    assert planes.control_calls(calls.rows()) == 1
