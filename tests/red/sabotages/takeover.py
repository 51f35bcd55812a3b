"""Sabotages that make a stack look as after a takeover, or take the standby's data away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drlib.checks import preflight
from drlib.core.clock import Clock
from drlib.deployed import latch
from tests.red.stage import Sabotages, Stage

CASES = Sabotages()
ARMED = "the-latch-is-released-and-armed"


@CASES.case(
    "the hold of an earlier failback is still in force, so a failover would not set the latch", red=[ARMED]
)
def latch_held(stage: Stage) -> Iterator[None]:
    latch.write(
        stage.here,
        stage.deployment,
        stage.region("standby"),
        is_set=False,
        reason="failback",
        hold_seconds=3600.0,
    )
    yield
    stage.release_latch()


@CASES.case(
    "the latch is set for an unknown reason, so the standby serves",
    red=[
        ARMED,
        "public-name",
        "a-payment-is-accepted-by-the-primary",
        "it-is-settled-once-by-the-primary",
        "its-records-are-in-the-table-primary",
        "its-records-are-in-the-table-standby",
    ],
    echo=["no-alarm-rings-standby", "no-alarm-rings-route-53"],
)
def latch_set(stage: Stage) -> Iterator[None]:
    standby = stage.region("standby")
    latch.write(stage.here, stage.deployment, standby, is_set=True, reason="a test", hold_seconds=0.0)
    latch.publish(stage.here, stage.deployment, 1.0)
    stage.wait(lambda: stage.leads_to() == standby, "the public name to lead to the standby")
    yield
    stage.release_latch()


class Ahead(Clock):
    """The clock of a machine that is ten minutes fast."""

    def now(self) -> float:
        return super().now() + 600.0


@CASES.case(
    "the clock of the machine that runs the drill is ten minutes fast",
    red=["clock"],
    ask=lambda stage: preflight.preflight(stage.here),
)
def clock_skewed(stage: Stage) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preflight, "Clock", Ahead)
        yield


@CASES.case(
    "the table's replica in the standby is dropped",
    red=[
        ARMED,
        "its-records-are-in-the-table-standby",
        "the-api-reads-its-table-standby",
        "replication-to-standby",
        "replication-to-primary",
        "the-table-can-be-restored-standby",
        "no-fence-in-force-standby",
    ],
    echo=[
        "the-latch-is-published-every-minute",
        "no-alarm-rings-standby",
        "work-queue-drained-standby",
    ],
)
def replica_dropped(stage: Stage) -> Iterator[None]:
    dynamodb, region = stage.client("dynamodb"), stage.region("standby")
    table = stage.deployment.table
    dynamodb.update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": region}}])
    yield
    dynamodb.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": region}}])
    stage.client("dynamodb", "standby").update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
