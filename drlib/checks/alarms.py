"""Would anybody be told, and would the latch hold? Alarms, and the metric that keeps the standby active."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

PERIOD_SECONDS = 60
FRESH_SECONDS = 180.0  # modelled; a datapoint a minute, and some patience
POLL_SECONDS = 5.0
# What an alarm's dimensions say beside the name of a thing: the same in every stack.
COMMON = {"Stage", "Method", "Resource", "RuleId", "ReceivingRegion"}


def latch_alarm(here: Target, deployment: Deployment) -> str:
    """Require that the latch's alarm watches its metric, and keeps its state while data are missing."""
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
        raise Failed(f"its dimensions are {seen}, and not {facts['dimensions']}")
    for name, value in wanted.items():
        if alarm.get(name) != value:
            raise Failed(f"its {name} is {alarm.get(name)}, and not {value}")
    return str(facts["metric_name"])


def latch_published(here: Target, deployment: Deployment) -> str:
    """Require that the rule of the standby's latch function is on, and that its metric has a fresh datapoint.

    The rule bears the function's name. After a deployment the first datapoint may take a minute.
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
    """Require that each alarm tells somebody, and that it watches something of this stack."""
    known = _known(deployment)
    for alarm in _alarms(here, region, names):
        name = alarm["AlarmName"]
        if not alarm.get("ActionsEnabled") or not alarm.get("AlarmActions"):
            raise Failed(f"{name} tells nobody: its actions are off", region=region)
        dimensions = {row["Name"]: row["Value"] for row in alarm["Dimensions"] if row["Name"] not in COMMON}
        if not dimensions or not set(dimensions.values()) <= known:
            raise Failed(
                f"{name} watches nothing of this stack: {dimensions or 'no dimension'}", region=region
            )
    return f"{len(names)} alarms"


def _alarms(here: Target, region: str, names: list[str]) -> list[dict[str, Any]]:
    pages = here.client("cloudwatch", region).get_paginator("describe_alarms")
    found = [alarm for page in pages.paginate(AlarmNames=names) for alarm in page["MetricAlarms"]]
    missing = sorted(set(names) - {alarm["AlarmName"] for alarm in found})
    if missing:
        raise Failed(f"{missing[0]} does not exist", region=region)
    return found


def _known(deployment: Deployment) -> set[str]:
    """Return the names of everything that an alarm of this stack may watch."""
    known = {deployment.table, *deployment.checks.values(), *deployment.latch["dimensions"].values()}
    for outputs in deployment.regions.values():
        known |= {outputs.api_id, outputs.bucket, *outputs.functions.values()}
        known |= {queue["name"] for queue in outputs.queues.values()}
    return known
