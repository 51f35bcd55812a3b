"""A stack that is well, to be broken: what the sabotages act on, and how the way back is waited for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from drlib.checks import alarms, hops
from drlib.checks import steady_state as checks_steady_state
from drlib.core import clock
from drlib.core.aws_calls import GLOBAL_REGION
from drlib.deployed import latch, probes
from drlib.deployed.deployment import Deployment, RegionOutputs
from drlib.payments import announce, tables
from drlib.runs.approval import Approval
from drlib.runs.run import Run
from drlib.show.checklist import Checks
from drlib.target.base import Target

PERIOD_SECONDS = 60.0  # of the alarms
SHORT_WALL_SECONDS = 4.0  # for what is red to be believed at the first look; the second look is patient
CALM_SECONDS = 1200.0


@dataclass(frozen=True)
class Stage:
    """The stack, and its clients by role."""

    here: Target
    deployment: Deployment

    def region(self, role: str) -> str:
        """Return the region of `primary` or `standby`."""
        found = self.deployment
        return found.primary_region if role == "primary" else found.standby_region

    def outputs(self, role: str) -> RegionOutputs:
        """Return what is deployed in the role's region."""
        return self.deployment.regions[self.region(role)]

    def client(self, service: str, role: str = "primary") -> Any:
        """Return a boto3 client of the role's region."""
        return self.here.client(service, self.region(role))

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Wait until `done`; fail, saying what was waited for, if it never is."""
        assert self.here.clock.wait_until(done, timeout=CALM_SECONDS, poll=5.0), f"waited in vain for {what}"

    def calm(self, *, late: bool) -> None:
        """Wait until nothing that was broken echoes: DNS, checkers, alarms.

        Args:
            late: what was broken may make an alarm ring at the end of the minute that it fell in.
        """
        ends = self.here.clock.now() + (1.5 * PERIOD_SECONDS if late else 0.0)
        self.wait(lambda: self.leads_to() == self.deployment.primary_region, "the public name")
        for check in ("primary_endpoint", "standby_endpoint"):
            self.wait(lambda check=check: self.passing(check), check)
        self.wait(lambda: self.here.clock.now() >= ends and not self.ringing(), "the alarms")

    def passing(self, check: str) -> bool:
        """Tell whether all checkers of an endpoint pass."""
        reports = probes.checkers(self.here, self.deployment.checks[check])
        return bool(reports) and all(report.ok for report in reports)

    def leads_to(self) -> str:
        """Return the region that the public name leads to."""
        return probes.public_answer(self.here, self.deployment)

    def ringing(self) -> list[str]:
        """Return the names of all alarms that ring."""
        regions = (self.region("primary"), self.region("standby"), GLOBAL_REGION)
        return [
            alarm["AlarmName"]
            for region in regions
            for alarm in self.here.client("cloudwatch", region).describe_alarms(StateValue="ALARM")[
                "MetricAlarms"
            ]
        ]

    def forget_messages(self) -> None:
        """Empty all queues: payments of a stack that was broken are not the next case's."""
        for role in ("primary", "standby"):
            for queue in self.outputs(role).queues.values():
                self.client("sqs", role).purge_queue(QueueUrl=queue["url"])

    def settle(self, run: Run, approval: Approval) -> None:
        """Announce again the payments whose messages were forgotten, and wait until they are settled."""
        forgotten = set(announce.announce(self.here, self.deployment, run, approval))

        def waiting() -> set[str]:
            held = tables.scan(self.here, self.deployment.table, self.region("standby"))
            return {payment.payment_id for payment in announce.waiting(held, before=self.here.clock.now())}

        self.wait(lambda: not forgotten or not forgotten & waiting(), "forgotten payments to be settled")

    def release_latch(self) -> None:
        """Let the primary be the active region, as a failback does."""
        standby = self.region("standby")
        latch.write(self.here, self.deployment, standby, is_set=False, reason="undone", hold_seconds=0.0)
        latch.publish(self.here, self.deployment, 0.0)

    def wait_for_silence(self) -> None:
        """Wait until the latch's metric has had no datapoint for as long as the check looks back."""
        self.wait(lambda: not alarms._datapoints(self.here, self.deployment), "the metric to fall silent")

    @contextmanager
    def without(self, role: str, function: str, *actions: str) -> Iterator[None]:
        """Take actions away from a function's role."""
        iam = self.client("iam")
        named = {"RoleName": self.outputs(role).roles[function], "PolicyName": function}
        before = iam.get_role_policy(**named)["PolicyDocument"]
        document = json.loads(json.dumps(before))
        for row in document["Statement"]:
            row["Action"] = [action for action in row["Action"] if action not in actions]
        document["Statement"] = [row for row in document["Statement"] if row["Action"]]
        iam.put_role_policy(**named, PolicyDocument=json.dumps(document))
        yield
        iam.put_role_policy(**named, PolicyDocument=json.dumps(before))

    @contextmanager
    def health_check(self, check: str, **changes: Any) -> Iterator[None]:
        """Change a health check."""
        route53 = self.client("route53")
        check_id = self.deployment.checks[check]
        before = route53.get_health_check(HealthCheckId=check_id)["HealthCheck"]["HealthCheckConfig"]
        route53.update_health_check(HealthCheckId=check_id, **changes)
        yield
        route53.update_health_check(
            HealthCheckId=check_id, **{name: before.get(name, False) for name in changes}
        )

    @contextmanager
    def record(self, role: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Iterator[None]:
        """Change a failover record, or delete it where `change` returns None."""
        route53, zone = self.client("route53"), self.deployment.zone_id
        name = f"{self.deployment.public_name}."
        found = route53.list_resource_record_sets(HostedZoneId=zone, StartRecordName=name)
        before = next(row for row in found["ResourceRecordSets"] if row.get("Failover") == role)

        def apply(action: str, record: dict[str, Any]) -> None:
            batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
            route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

        after = change(json.loads(json.dumps(before)))
        apply("UPSERT", after) if after else apply("DELETE", before)
        yield
        apply("UPSERT", before)

    @contextmanager
    def alarm(self, role: str, name: str, **changes: Any) -> Iterator[None]:
        """Put an alarm anew with other settings."""
        cloudwatch = self.client("cloudwatch", role)
        found = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        known = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
        before = {key: value for key, value in found.items() if key in known}
        cloudwatch.put_metric_alarm(**{**before, **changes})
        yield
        cloudwatch.put_metric_alarm(**before)


def steady_state(stage: Stage) -> Checks:
    """Ask everything that runbook 20 asks."""
    return checks_steady_state.steady_state(stage.here, stage.deployment)


class Told:
    """Something that goes wrong, and the checks of runbook 20 that tell it.

    Attributes:
        red: the checks that go red, each of them and no other.
        echo: checks that may go red as well, once a minute has passed: alarms ring late.
    """

    red: tuple[str, ...]
    echo: tuple[str, ...]

    def fits(self, made: Checks) -> bool:
        """Tell whether exactly the checks that should be red are."""
        failed = {row.id for row in made.failed}
        return set(self.red) <= failed <= {*self.red, *self.echo}

    def require(self, made: Checks) -> None:
        """Fail unless exactly the checks that should be red are, each with a reason and a remedy."""
        seen = {row.id: row.detail for row in made.failed if row.id not in self.echo}
        assert seen.keys() == set(self.red), f"red: {seen}; should be {self.red}"
        assert all(row.detail and row.hint for row in made.failed)


@dataclass(frozen=True)
class Sabotage(Told):
    """What an operator could do to a stack that is well, and the checks of runbook 20 that tell it.

    Attributes:
        mistake: what is done, in words.
        act: does it, and undoes it.
        ask: what asks; the checks of another runbook, if it is not 20.
    """

    mistake: str
    red: tuple[str, ...]
    act: Callable[[Stage], AbstractContextManager[None]] = field(repr=False)
    echo: tuple[str, ...] = ()
    ask: Callable[[Stage], Checks] = field(default=steady_state, repr=False)

    @property
    def name(self) -> str:
        """The name of the function that does it."""
        return self.act.__name__


class Sabotages(list[Sabotage]):
    """The cases of one file, in order."""

    def case(
        self,
        mistake: str,
        *,
        red: Sequence[str],
        echo: Sequence[str] = (),
        ask: Callable[[Stage], Checks] = steady_state,
    ) -> Callable[[Callable[[Stage], Iterator[None]]], None]:
        """Register a function that breaks something, yields, and mends it."""

        def register(act: Callable[[Stage], Iterator[None]]) -> None:
            self.append(Sabotage(mistake, tuple(red), contextmanager(act), tuple(echo), ask))

        return register


def look(
    stage: Stage,
    case: Told,
    patch: pytest.MonkeyPatch,
    ask: Callable[[Stage], Checks] = steady_state,
) -> Checks:
    """Ask everything that a runbook asks. What is red is red for good: the second look waits as long as
    the runbook does."""
    with patch.context() as short:
        short.setattr(clock, "PATIENCE_WALL_SECONDS", SHORT_WALL_SECONDS)
        short.setattr(alarms, "CLEAR_SECONDS", 0.0)
        short.setattr(hops, "ARRIVE_TIMEOUT_SECONDS", 0.1)
        made = ask(stage)
    return made if case.fits(made) else ask(stage)
