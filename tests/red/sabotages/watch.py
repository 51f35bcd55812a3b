"""Sabotages of the watch: alarms, and the latch's metric."""

from __future__ import annotations

from collections.abc import Iterator

from tests.red.stage import Sabotages, Stage

CASES = Sabotages()
TELLS = "alarms-tell-somebody-primary"
LATCHED = "the-latch-is-published-every-minute"


@CASES.case("the actions of one of the primary's alarms are disabled", red=[TELLS])
def actions_off(stage: Stage) -> Iterator[None]:
    cloudwatch, names = stage.client("cloudwatch"), stage.outputs("primary").alarms[:1]
    cloudwatch.disable_alarm_actions(AlarmNames=names)
    yield
    cloudwatch.enable_alarm_actions(AlarmNames=names)


@CASES.case("one of the primary's alarms is deleted", red=[TELLS, "no-alarm-rings-primary"])
def alarm_deleted(stage: Stage) -> Iterator[None]:
    name = stage.outputs("primary").alarms[0]
    with stage.alarm("primary", name):
        stage.client("cloudwatch").delete_alarms(AlarmNames=[name])
        yield


@CASES.case("one of the primary's alarms watches another stack's API", red=[TELLS])
def wrong_dimension(stage: Stage) -> Iterator[None]:
    name = next(name for name in stage.outputs("primary").alarms if "api-5xx" in name)
    dimensions = [{"Name": "ApiId", "Value": "another"}, {"Name": "Stage", "Value": "$default"}]
    with stage.alarm("primary", name, Dimensions=dimensions):
        yield


@CASES.case(
    "the latch's alarm watches another stack's latch",
    red=["the-latchs-alarm-watches-its-metric", "alarms-tell-somebody-standby"],
)
def wrong_latch(stage: Stage) -> Iterator[None]:
    name = stage.deployment.latch["alarm_name"]
    with stage.alarm("standby", name, Dimensions=[{"Name": "Stack", "Value": "another"}]):
        yield


@CASES.case("the rule that publishes the latch every minute is disabled", red=[LATCHED])
def rule_disabled(stage: Stage) -> Iterator[None]:
    events, rule = stage.client("events", "standby"), stage.outputs("standby").functions["latch"]
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


@CASES.case("the role of the standby's latch function cannot publish metrics", red=[LATCHED])
def latch_may_not_publish(stage: Stage) -> Iterator[None]:
    with stage.without("standby", "latch", "cloudwatch:PutMetricData"):
        stage.wait_for_silence()
        yield


@CASES.case("the dashboard is deleted (a failover does not need it)", red=[])
def no_dashboard(stage: Stage) -> Iterator[None]:
    cloudwatch = stage.client("cloudwatch", "standby")
    name = next(
        row["DashboardName"]
        for row in cloudwatch.list_dashboards()["DashboardEntries"]
        if row["DashboardName"].endswith(f"-{stage.here.settings.suffix}")
    )
    body = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    cloudwatch.delete_dashboards(DashboardNames=[name])
    yield
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)
