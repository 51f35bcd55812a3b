"""From parts to orders: each breaks what it names, and each has its way back written down."""

from types import SimpleNamespace

import pytest

from drlib.faults import actions, restore, scenario
from tests.aws_clients import Queue
from tests.two_regions import PRIMARY, STANDBY


def planned(*faults):
    return scenario.from_dict(
        {
            "name": "test",
            "title": "a test",
            "hypothesis": ["It holds."],
            "targets": ["sandbox"],
            "faults": list(faults),
            "expect": {"traffic": "moves", "detected_by": "health-checks"},
        }
    )


def acts(here, deployment, *faults):
    return actions.acts(here, deployment, planned(*faults), "run-1-test")


@pytest.mark.parametrize(
    ("fault", "order"),
    [
        (
            {"kind": "api-trouble", "where": "standby", "status": 500, "share": 0.05},
            {"kind": "api", "region": STANDBY, "paths": ["/"], "share": 0.05, "status": 500},
        ),
        ({"kind": "checkers-cut-off", "where": "primary"}, {"kind": "checkers", "region": PRIMARY}),
        (
            {"kind": "control-plane-down", "where": "us-east-1"},
            {"kind": "control-plane", "region": "us-east-1"},
        ),
        ({"kind": "cold-functions", "where": "standby"}, {"kind": "cold", "region": STANDBY}),
        (
            {"kind": "region-down", "where": "primary", "times": 2, "down_seconds": 9.0, "up_seconds": 6.0},
            {"kind": "flapping", "region": PRIMARY, "mode": "refuse", "times": 2, "down_seconds": 9.0},
        ),
    ],
)
def test_an_impairment_is_healed_by_its_name(here, deployment, fault, order):
    (act,) = acts(here, deployment, fault)
    (do,) = act.do
    assert do["order"].items() >= order.items()
    assert act.undo == ({"do": "heal", "name": do["name"]},)


def test_a_region_that_goes_down_fails_as_the_parameters_say(here, deployment):
    (act,) = acts(here, deployment, {"kind": "region-down", "where": "primary"})
    assert act.do == ({"do": "inject", "region": PRIMARY, "mode": "refuse"},)
    assert act.undo == ({"do": "heal", "name": PRIMARY},)


def test_replication_is_cut_both_ways(here, deployment):
    found = acts(here, deployment, {"kind": "replication-cut", "services": ["s3"]})
    ways = [(act.do[0]["order"]["source"], act.do[0]["order"]["target"]) for act in found]
    assert ways == [(PRIMARY, STANDBY), (STANDBY, PRIMARY)]
    assert len({act.do[0]["name"] for act in found}) == 2


@pytest.mark.parametrize(("before", "undone_by"), [(None, "delete"), (7, "put")])
def test_a_function_gets_back_the_concurrency_that_it_had(here, deployment, before, undone_by):
    reserved = {} if before is None else {"ReservedConcurrentExecutions": before}
    name = deployment.regions[PRIMARY].functions["payments"]
    state = dict(reserved)

    def put(FunctionName, ReservedConcurrentExecutions):
        assert FunctionName == name
        state["ReservedConcurrentExecutions"] = ReservedConcurrentExecutions

    here.clients["lambda", PRIMARY] = SimpleNamespace(
        get_function_concurrency=lambda FunctionName: dict(state),
        put_function_concurrency=put,
        delete_function_concurrency=lambda FunctionName: state.clear(),
    )
    (act,) = acts(here, deployment, {"kind": "function-off", "where": "primary", "function": "payments"})
    assert act.undo[0]["operation"].startswith(undone_by)
    restore.perform(here, act.do[0], deadline_seconds=0)
    assert state == {"ReservedConcurrentExecutions": 0}
    restore.perform(here, act.undo[0], deadline_seconds=0)
    assert state == reserved


def test_poison_names_payments_that_nobody_made_and_is_taken_out_again(here, deployment):
    work, aside = Queue(), Queue()
    queues = deployment.regions[PRIMARY].queues
    urls = {queues["work"]["url"]: work, queues["dead_letter"]["url"]: aside}
    here.clients["sqs", PRIMARY] = Queue.client(urls)
    work.put("somebody else's")
    (act,) = acts(here, deployment, {"kind": "poison", "where": "primary", "messages": 3})
    for order in act.do:
        restore.perform(here, order, deadline_seconds=0)
    assert len(work.bodies) == 4
    work.move(aside, count=2, mark="run-1-test")  # two were put aside meanwhile
    restore.perform(here, act.undo[0], deadline_seconds=0)
    assert (work.bodies, aside.bodies) == (["somebody else's"], [])
