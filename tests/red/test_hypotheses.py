"""Each hypothesis breaks with the mechanism that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest

from drlib.core import aws_calls
from drlib.core.errors import DeadlineExceeded
from drlib.faults import restore, scenario
from drlib.faults.scenario import Scenario
from drlib.runs.approval import Approval
from drlib.runs.run import Run
from drlib.timeline.effects import REST_SECONDS
from tests.red.rehearsal import rehearse
from tests.red.stage import Stage

pytestmark = pytest.mark.soak

DEADLINE_SECONDS = 300.0  # a move that has not come by then will not come
RETURN_SECONDS = 240.0  # traffic that returns by itself has done so by then


@dataclass(frozen=True)
class Broken:
    """A mechanism that is taken away: by another fault than the scenario's, or by an act on the stack.

    Attributes:
        name: of the scenario.
        what: is taken away.
        clauses: of the hypothesis that do not hold then; none where the move does not come at all.
        faults: put in place of the scenario's.
        act: on the stack.
    """

    name: str
    what: str
    clauses: tuple[str, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()
    act: Callable[[Stage], AbstractContextManager[None]] = lambda stage: nullcontext()

    def planned(self) -> Scenario:
        """The scenario, with what is broken instead; it expects what it always did."""
        before = scenario.load(self.name).as_dict()
        return scenario.from_dict(before | ({"faults": list(self.faults)} if self.faults else {}))


def no_latch(stage: Stage) -> AbstractContextManager[None]:
    return stage.without("standby", "payments", "dynamodb:UpdateItem")


def no_check(stage: Stage) -> AbstractContextManager[None]:
    return stage.health_check("primary_endpoint", Disabled=True)


def deaf(role: str) -> Callable[[Stage], AbstractContextManager[None]]:
    """Return an act after which an alarm of the primary never rings."""

    def act(stage: Stage) -> AbstractContextManager[None]:
        name = next(name for name in stage.outputs("primary").alarms if f"-alarm-{role}-" in name)
        return stage.alarm("primary", name, Threshold=1e9)

    return act


OUTAGE = {"kind": "region-down", "where": "primary"}
LATE = {"kind": "api-trouble", "where": "primary", "latency_seconds": 1.0}
WRONG = {"kind": "api-trouble", "where": "primary", "status": 500}
NO_LATCH = {"kind": "function-off", "where": "standby", "function": "latch"}
UNCUT = {"kind": "replication-cut", "services": ["sns"]}
FLAPS = {"kind": "region-down", "where": "primary", "times": 3, "down_seconds": 120.0, "up_seconds": 60.0}
CASES = [
    Broken("region-outage", "the right to set the latch", ("traffic",), act=no_latch),
    Broken("api-down", "the health check", act=no_check),
    Broken("slow-primary", "what a checker cannot bear", faults=(LATE,)),
    Broken("error-burst", "the share of errors", ("traffic", "seen by health-checks"), faults=(WRONG,)),
    Broken("replication-stall", "the stall", ("seen by operator",), faults=(UNCUT,)),
    Broken("health-check-lies", "the lie", ("seen by health-checks",), faults=(WRONG,)),
    Broken("standby-broken", "what is broken", ("failing over",), faults=(NO_LATCH,)),
    Broken("standby-cold", "the cold", ("a cold start",), faults=(OUTAGE,)),
    Broken("flapping", "the right to set the latch", ("traffic",), faults=(FLAPS,), act=no_latch),
    Broken("split", "the life of the primary", ("both regions serve", "seen by clients"), faults=(OUTAGE,)),
    Broken("poison-messages", "the alarm", ("seen by alarm dead-letter",), act=deaf("dead-letter")),
    Broken("control-plane-down", "the control planes' silence", ("seen by health-checks",), faults=(OUTAGE,)),
]


@pytest.fixture(autouse=True)
def as_it_was(stage: Stage) -> Iterator[None]:
    """Leave no fault and no latch behind, and no alarm that rings."""
    yield
    aws_calls.assume()
    for fault in restore.pending(stage.here):
        restore.restore(stage.here, fault)
    stage.release_latch()
    stage.forget_messages()
    stage.calm(late=True)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_breaks_with_its_mechanism(
    case: Broken, stage: Stage, run: Run, approval: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = case.planned()
    monkeypatch.setattr(scenario, "load", lambda name: planned)
    deadline = max(DEADLINE_SECONDS, planned.watch_seconds + scenario.LOOK_AGAIN_SECONDS)
    with case.act(stage):
        if case.clauses:
            rest = RETURN_SECONDS if case.act is no_latch else REST_SECONDS
            found = rehearse(
                stage.here,
                stage.deployment,
                run,
                approval,
                deadline_seconds=deadline,
                rest_seconds=rest,
            )
            assert {clause.name for clause in found.judged.broken} >= set(case.clauses), str(found.judged)
        else:
            with pytest.raises(DeadlineExceeded):
                rehearse(stage.here, stage.deployment, run, approval, deadline_seconds=deadline)


def test_every_scenario_has_a_case() -> None:
    assert {case.name for case in CASES} == set(scenario.names())
