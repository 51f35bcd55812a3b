"""An incident from the standby's side: what is seen, what speaks for a failover, and what is kept of it."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from drlib import parameters
from drlib.checks import incident, steady_state
from drlib.core.errors import PreflightFailed, StepFailed
from drlib.deployed import fence, latch
from drlib.switch import failover
from tests.aws_clients import payment
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.checks.results import failed_ids


def test_the_standby_alone_is_asked_whether_it_can_take_over(here, deployment, aws):
    for service in ("dynamodb", "lambda", "sqs", "cloudwatch"):
        del here.clients[service, PRIMARY]
    here.refused.add(PRIMARY)
    made = steady_state.standby_ready(here, deployment)
    assert made.status == "passed"
    fence.write(here, deployment, STANDBY, destination=PRIMARY)
    here.regions[STANDBY].mode = "503"
    names = ["the-api-reads-its-table", "certificate-and-mapping", "takes-a-payment", "no-fence-in-force"]
    assert failed_ids(steady_state.standby_ready(here, deployment)) == names


def look(here, deployment, aws, *, primary=0, down=False, leads_to=PRIMARY, clients=None):
    aws.failing |= {"hc-1": primary}
    here.points_to = leads_to
    (here.refused.add if down else here.refused.discard)(PRIMARY)
    return replace(incident.assess(here, deployment), clients=clients)


def test_a_failover_needs_a_reason_and_a_standby_that_can(here, deployment, aws):
    assert not look(here, deployment, aws).recommended
    assert look(here, deployment, aws, primary=8, down=True).recommended
    assert look(here, deployment, aws, clients=(6, 10)).recommended
    assert look(here, deployment, aws, leads_to=STANDBY).recommended
    here.regions[STANDBY].mode = "503"
    seen = look(here, deployment, aws, primary=8, down=True, clients=(10, 10))
    assert not seen.recommended
    assert "takes-a-payment" in failed_ids(incident.decide(seen))
    assert "do not fail over" in str(incident.message(seen))


@pytest.mark.parametrize(
    "trouble",
    [{"primary": 1}, {"primary": 8}, {"down": True}, {"clients": (4, 10)}],
    ids=["one checker", "the checkers alone", "from here alone", "some clients"],
)
def test_one_witness_alone_moves_nothing(here, deployment, aws, trouble):
    seen = look(here, deployment, aws, **trouble)
    assert failed_ids(incident.decide(seen)) == ["something-speaks-for-a-failover"]


def test_a_flip_against_the_decision_needs_a_reason(here, deployment, aws, run, approval):
    decision = incident.decide(look(here, deployment, aws))
    with pytest.raises(PreflightFailed, match="the primary serves its clients"):
        failover.fail_over(here, deployment, run, approval, decision, reason="an incident")
    assert not latch.read(here, deployment).is_set
    here.settings = parameters.make({**here.settings.values(), "force_reason": "the news are ahead of us"})
    assert failover.fail_over(here, deployment, run, approval, decision, reason="an incident").is_set
    assert run.load("forced.30-drill-failover")["reason"] == "the news are ahead of us"


def test_a_move_keeps_the_reasons_for_which_it_was_made(here, deployment, aws, run):
    took = SimpleNamespace(seconds=27.25)
    line = incident.moved(run, look(here, deployment, aws, clients=(6, 10)), took)
    assert str(line).startswith("Moved from")
    first = run.load(f"move.{run.runbook}")
    assert (first["seconds"], first["reasons"]) == (27.25, ["6 of 10 payments failed"])
    later = look(here, deployment, aws, leads_to=STANDBY)
    incident.moved(run, later, took)
    assert run.load(f"move.{run.runbook}") == first
    incident.moved(run, later, SimpleNamespace(seconds=31.0))
    assert run.load(f"move.{run.runbook}")["reasons"] == later.speaks_for_it, "another move"


def test_a_message_has_its_figures_in_the_html_alone(here, deployment, aws):
    told = incident.message(look(here, deployment, aws, primary=8, down=True))
    assert "at most … s" in str(told)
    assert "us-east-2 to us-west-2" in str(told)
    assert "at most 120 s" in told._repr_mimebundle_()["text/html"]


def test_what_cannot_be_seen_is_not_known(here, deployment, aws):
    def gone(**_):
        raise StepFailed("us-east-1 does not answer")

    here.clients["route53", "us-east-1"].get_health_check_status = gone
    here.dns_down = True
    seen = incident.assess(here, deployment)
    assert (seen.leads_to, seen.primary_checkers, seen.newest_age_seconds) == (None, None, None)
    assert seen.latched is False
    assert ["checkers that find the primary healthy", "not known"] in seen.table().rows


def test_nobody_waits_for_what_does_not_answer(here, deployment, aws, monkeypatch):
    monkeypatch.setattr(incident, "ANSWER_WALL_SECONDS", 0.3)
    gone = threading.Event()

    def hangs(**_):
        gone.wait(20)
        raise StepFailed("us-east-1 does not answer")

    here.clients["route53", "us-east-1"].get_health_check_status = hangs
    seen = incident.assess(here, deployment)
    gone.set()
    assert (seen.primary_checkers, seen.leads_to) == (None, PRIMARY)


def test_the_newest_payment_that_the_standby_holds_has_an_age(here, deployment, aws):
    for number, wall in enumerate((-10.0, -5.0)):
        item = payment(f"p-{number}", PRIMARY, here.clock.anchor + wall)
        aws.tables[STANDBY].put_item(TableName="", Item=item)
    item = payment("p-own", STANDBY, here.clock.anchor)
    aws.tables[STANDBY].put_item(TableName="", Item=item)
    age = incident.assess(here, deployment).newest_age_seconds
    assert age >= 300.0
