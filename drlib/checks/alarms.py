"""Checks of the alarms, and of the metric that keeps the standby active."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drlib.checks.waiting import wait_until_none
from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

PERIOD_SECONDS = 60
FRESH_SECONDS = 180.0  # modelled; one datapoint is due per minute
POLL_SECONDS = 5.0
CLEAR_SECONDS = 300.0  # modelled; alarms evaluate a few minutes
# Dimensions that do not name a resource: they are equal in every stack.
COMMON = {"Stage", "Method", "Resource", "RuleId", "ReceivingRegion"}


def latch_alarm(here: Target, deployment: Deployment) -> str:
    """Require that the latch's alarm watches its metric, and keeps its state when data are missing."""
    facts = deployment.latch
    alarm = _alarms(here, deployment.standby_region, [facts["alarm_name"]])[0]
    wanted = {
        "Namespace": facts["namespace"],
        "MetricName": facts["metric_name"],
        "Statistic": "Maximum",
        "Period": PERIOD_SECONDS,
        "Threshold": 1.0,
        "TreatMissingData": "ignore",
    }
    seen = {row["Name"]: row["Value"] for row in alarm["Dimensions"]}
    if seen != facts["dimensions"]:
        raise Failed(f"its dimensions are {seen}, expected {facts['dimensions']}")
    for name, value in wanted.items():
        if alarm.get(name) != value:
            raise Failed(f"its {name} is {alarm.get(name)}, expected {value}")
    return str(facts["metric_name"])


def latch_published(here: Target, deployment: Deployment) -> str:
    """Require that the rule of the standby's latch function is enabled, and its metric has a new datapoint.

    The rule has the function's name. After a deployment the first datapoint can take a minute.
    """
    region = deployment.standby_region
    rule = here.client("events", region).describe_rule(Name=deployment.regions[region].functions["latch"])
    if rule["State"] != "ENABLED":
        raise Failed(f"its rule is {rule['State']}", region=region)
    if not here.clock.wait_until(
        lambda: bool(_datapoints(here, deployment)), timeout=FRESH_SECONDS, poll=POLL_SECONDS
    ):
        raise Failed(f"no datapoint in the last {FRESH_SECONDS:g} s", region=region)
    return "every minute"


def _datapoints(here: Target, deployment: Deployment) -> list[Any]:
    facts, now = deployment.latch, here.clock.now()
    found = here.client("cloudwatch", deployment.standby_region).get_metric_statistics(
        Namespace=facts["namespace"],
        MetricName=facts["metric_name"],
        Dimensions=[{"Name": name, "Value": value} for name, value in facts["dimensions"].items()],
        StartTime=datetime.fromtimestamp(now - FRESH_SECONDS, UTC),
        EndTime=datetime.fromtimestamp(now + PERIOD_SECONDS, UTC),
        Period=PERIOD_SECONDS,
        Statistics=["Maximum"],
    )
    return list(found["Datapoints"])


def alarms_act(here: Target, deployment: Deployment, region: str, names: list[str]) -> str:
    """Require that each alarm has an action, and that it watches a resource of this stack."""
    known = _known(deployment)
    for alarm in _alarms(here, region, names):
        name = alarm["AlarmName"]
        if not alarm.get("ActionsEnabled") or not alarm.get("AlarmActions"):
            raise Failed(f"{name} notifies nobody: its actions are off", region=region)
        dimensions = {row["Name"]: row["Value"] for row in alarm["Dimensions"] if row["Name"] not in COMMON}
        if not dimensions or not set(dimensions.values()) <= known:
            raise Failed(
                f"{name} watches no resource of this stack: {dimensions or 'no dimension'}", region=region
            )
    return f"{len(names)} alarms"


def none_rings(here: Target, region: str, names: list[str]) -> str:
    """Require that no alarm stays in ALARM. An alarm without data does not ring.

    In the first minute of a deployment a check can fail, because its endpoint does not exist yet. Its alarm
    clears within the next minutes, so this check waits.
    """

    def ringing() -> list[str]:
        found = _alarms(here, region, names)
        return sorted(alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM")

    if left := wait_until_none(here, ringing, poll=POLL_SECONDS, timeout=CLEAR_SECONDS):
        raise Failed(", ".join(left), region=region)
    return f"{len(names)} alarms"


def _alarms(here: Target, region: str, names: list[str]) -> list[dict[str, Any]]:
    pages = here.client("cloudwatch", region).get_paginator("describe_alarms")
    found = [alarm for page in pages.paginate(AlarmNames=names) for alarm in page["MetricAlarms"]]
    missing = sorted(set(names) - {alarm["AlarmName"] for alarm in found})
    if missing:
        raise Failed(f"{missing[0]} does not exist", region=region)
    return found


def _known(deployment: Deployment) -> set[str]:
    """Return the names of all resources that an alarm of this stack can watch."""
    known = {deployment.table, *deployment.checks.values(), *deployment.latch["dimensions"].values()}
    for outputs in deployment.regions.values():
        known |= {outputs.api_id, outputs.bucket, *outputs.functions.values()}
        known |= {queue["name"] for queue in outputs.queues.values()}
    return known
