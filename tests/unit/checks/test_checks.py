"""Preflight, steady state, readiness: green when all is well, and each red one is the one that was broken."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drlib import parameters, target
from drlib.checks import failover_records, hops, permissions, preflight, standby, steady_state
from drlib.core import clock
from drlib.core.errors import PreflightFailed, SandboxError
from drlib.deployed import probes
from drlib.faults.inject import inject
from drlib.show import checklist
from drlib.show.checklist import Probe
from drlib.stack import pulumi_cli
from tests.aws_clients import payment, settlement
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.checks.results import failed_ids


@pytest.fixture
def stack(here, deployment, aws, monkeypatch):
    """A stack that settles and replicates each payment as soon as it has been accepted."""
    monkeypatch.setattr(hops, "ARRIVE_TIMEOUT_SECONDS", 12.0)
    monkeypatch.setattr(probes, "REPLICATION_TIMEOUT_SECONDS", 6.0)
    monkeypatch.setattr(clock, "PATIENCE_WALL_SECONDS", 0.0)
    # what is deployed is read from a stack that is: tests/red
    monkeypatch.setattr(standby, "questions", lambda here, deployment: [])
    monkeypatch.setattr(steady_state, "renewable", lambda here, deployment, region: None)
    monkeypatch.setattr(permissions, "takeover_allowed", lambda here, deployment, name: "everything")
    for region in here.regions.values():
        region.on_payment = lambda payment_id, name=region.name: accept(aws, payment_id, name)
    return deployment


def accept(aws, payment_id, region):
    wall = datetime.now(UTC).timestamp()
    for item in (payment(payment_id, region, wall), settlement(payment_id, PRIMARY, wall)):
        aws.tables[region].put_item(TableName="", Item=item)
    aws.receipts |= {f"receipts-{name}" for name in aws.tables}


def test_the_steady_state_of_a_stack_that_is_well(here, aws, stack):
    made = steady_state.steady_state(here, stack)
    assert made.status == "passed"
    assert [pk.split("#")[0] for pk, _ in aws.tables[STANDBY].items] == ["PAYMENT", "PAYMENT"]


def test_a_stack_that_is_well_is_ready(here, aws, stack):
    made = steady_state.drill_ready(here, stack)
    assert made.status == "passed"
    assert aws.tables[PRIMARY].items == {}


def other_region(here, aws):
    here.points_to = STANDBY


def latch_set(here, aws):
    item = {"pk": {"S": "LATCH"}, "sk": {"S": STANDBY}, "is_set": {"BOOL": True}}
    aws.tables[STANDBY].items["LATCH", STANDBY] = item


def latch_held(here, aws):
    latch_set(here, aws)
    later = {"N": f"{here.clock.to_wall(here.clock.now() + 300):.6f}"}
    aws.tables[STANDBY].items["LATCH", STANDBY] |= {"is_set": {"BOOL": False}, "hold_until": later}


def checker_fails(here, aws):
    aws.failing["hc-2"] = 1


def old_code(here, aws):
    aws.configurations[f"pay-settlement-{STANDBY}"]["CodeSha256"] = "old"


def variable_missing(here, aws):
    aws.configurations[f"pay-latch-{STANDBY}"]["Environment"] = {"Variables": {}}


def worker_off(here, aws):
    aws.mappings[STANDBY][f"pay-settlement-{STANDBY}"] = "Disabled"


def worker_gone(here, aws):
    aws.mappings[PRIMARY] = {}


def two_readers(here, aws):
    aws.mappings[PRIMARY]["another"] = "Enabled"


def dead_letter(here, aws):
    aws.messages[f"https://sqs.{PRIMARY}/dead_letter"] = 1


def one_way(here, aws):
    aws.tables[PRIMARY].replicas = []


def broken_region(here, aws):
    here.in_force[STANDBY] = {"mode": "latency"}


READY = [
    (other_region, ["public-name"]),
    (latch_set, ["the-latch-is-released-and-armed"]),
    (latch_held, ["the-latch-is-released-and-armed"]),
    (checker_fails, ["every-checker-passes-standby"]),
    (old_code, ["same-function-settlement"]),
    (variable_missing, ["same-function-latch"]),
    (worker_off, ["the-worker-is-on-standby"]),
    (worker_gone, ["the-worker-is-on-primary"]),
    (two_readers, ["the-worker-is-on-primary"]),
    (dead_letter, ["the-dead-letter-queue-is-empty-primary"]),
    (one_way, ["replication-to-standby"]),
    (broken_region, ["no-fault-in-force"]),
]


@pytest.mark.parametrize(("break_it", "names"), READY, ids=[case[0].__name__ for case in READY])
def test_what_is_broken_is_what_is_red(here, aws, stack, break_it, names):
    break_it(here, aws)
    assert failed_ids(steady_state.drill_ready(here, stack)) == names


def no_receipt(here, aws, stack):
    stack.regions[STANDBY] = replace(stack.regions[STANDBY], bucket="elsewhere")


def message_left(here, aws, stack):
    aws.messages[f"https://sqs.{STANDBY}/work"] = 1


def alarm_rings(here, aws, stack):
    aws.alarms[f"alarm-{STANDBY}"] = "ALARM"


def alarm_gone(here, aws, stack):
    del aws.alarms["alarm-dns"]


def forgets_keys(here, aws, stack):
    here.regions[PRIMARY].mode = "always 201"


STEADY = [
    (no_receipt, ["its-receipt-is-in-the-bucket-standby"]),
    (message_left, ["work-queue-drained-standby"]),
    (alarm_rings, ["no-alarm-rings-standby"]),
    (alarm_gone, ["no-alarm-rings-route-53"]),
    (
        forgets_keys,
        [
            "the-same-key-gives-the-same-answer",
            "the-same-key-with-another-body-is-refused",
            "a-bad-body-is-refused-and-the-field-named",
        ],
    ),
]


@pytest.mark.parametrize(("break_it", "names"), STEADY, ids=[case[0].__name__ for case in STEADY])
def test_each_hop_can_be_red(here, aws, stack, break_it, names):
    break_it(here, aws, stack)
    assert failed_ids(steady_state.steady_state(here, stack)) == names


def test_a_name_that_leads_away_for_a_moment_is_waited_for(here, stack, monkeypatch):
    told = iter([STANDBY, "", STANDBY])
    monkeypatch.setattr(probes, "public_answer", lambda *_: next(told, PRIMARY))
    assert failover_records.settled_region(here, stack) == PRIMARY
    assert list(told) == []


def test_with_the_latch_set_nothing_is_waited_for(here, aws, stack, monkeypatch):
    latch_set(here, aws)
    asked = []
    monkeypatch.setattr(probes, "public_answer", lambda *_: asked.append(STANDBY) or STANDBY)
    assert failover_records.settled_region(here, stack) == STANDBY
    assert len(asked) == 1


@pytest.fixture
def machine_is_fine(monkeypatch, tmp_path):
    (tmp_path / "constraints.txt").write_text("")
    monkeypatch.setattr(preflight, "CONSTRAINTS", tmp_path / "constraints.txt")
    monkeypatch.setattr(pulumi_cli, "pulumi_root", lambda: tmp_path)


@pytest.mark.usefixtures("machine_is_fine")
def test_the_preflight_of_a_machine_that_is_fine(here, aws):
    assert preflight.preflight(here).status == "passed"


@pytest.mark.usefixtures("machine_is_fine")
def test_a_look_attaches_to_what_runs(here, aws, monkeypatch):
    monkeypatch.setattr(target, "attach", lambda settings: here)
    assert preflight.look(here.settings).status == "passed"


@pytest.mark.usefixtures("machine_is_fine")
def test_a_look_starts_nothing_and_says_that_no_sandbox_runs(here, monkeypatch):
    monkeypatch.setattr(target, "attach", lambda settings: None)
    made = preflight.look(here.settings)
    assert made.status == "skipped"
    assert [row.id for row in made.skipped] == ["target-answers"]
    assert made["target-answers"].detail == "no sandbox is running, and this runbook starts none"


@pytest.mark.usefixtures("machine_is_fine")
def test_a_look_says_that_the_sandbox_has_died(here, monkeypatch):
    def died(settings):
        raise SandboxError("It has died.", remedy="Start another.")

    monkeypatch.setattr(target, "attach", died)
    made = preflight.look(here.settings)
    assert failed_ids(made) == ["target-answers"]
    assert made["target-answers"].detail == "It has died."


@pytest.mark.usefixtures("machine_is_fine")
def test_the_preflight_names_what_is_wrong(here, deployment, aws, run, approval, monkeypatch):
    preflight.CONSTRAINTS.write_text("boto3==0.0.1\n")
    monkeypatch.setattr(preflight, "PYTHON_MINIMUM", (4, 0))
    monkeypatch.setattr(preflight, "DISK_MINIMUM_BYTES", 10**18)
    inject(here, deployment, run, approval)
    aws.clock_off_seconds = -90.0
    here.settings = parameters.make({"rto_target_seconds": 60, "time_scale": 60.0})
    made = preflight.preflight(here)
    assert failed_ids(made) == [
        "python",
        "packages",
        "free-disk",
        "clock",
        "predicted-rto",
        "no-fault-in-force",
    ]
    assert "boto3 is" in made["packages"].detail
    assert made["clock"].detail.endswith("s ahead of the target")


@pytest.mark.usefixtures("machine_is_fine")
def test_packages_without_pins_are_skipped(here, aws, monkeypatch, tmp_path):
    monkeypatch.setattr(preflight, "CONSTRAINTS", tmp_path / "none")
    assert preflight.preflight(here)["packages"].status == "skipped"


def test_a_predicted_rto_beyond_the_target_fails_the_preflight_and_names_the_knob(here):
    here.settings = parameters.make({"check_interval_seconds": 30, "rto_target_seconds": 100})
    question = Probe("predicted-rto", "predicted RTO", lambda: preflight._prediction(here))
    with pytest.raises(PreflightFailed, match="predicted RTO is 131 s, but the target is 100 s") as told:
        checklist.make("Preflight", [question]).require()
    assert told.value.remedy.startswith("check_interval_seconds 10 instead of 30 would make it 74 s. See")
