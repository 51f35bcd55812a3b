"""CloudWatch metrics as data frames, fetched from the region that stores each metric.

AWS stores DynamoDB's ReplicationLatency in the source region, and other metrics in the region of the
resource. A minute without a datapoint is NaN: no data is not zero.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drlib.core import aws_calls

if TYPE_CHECKING:
    import pandas as pd

    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

PERIOD_SECONDS = 60
QUERIES_A_CALL = 500  # GetMetricData takes no more


@dataclass(frozen=True)
class Series:
    """One series to fetch: `label` becomes the column, `scale` what each value is multiplied by."""

    label: str
    region: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str = "Average"
    scale: float = 1.0


def fetch(here: Target, series: Sequence[Series], *, start: float, end: float) -> pd.DataFrame:
    """Return one column a series and one row a minute, from `start` to `end` (modelled instants).

    The index holds the instant at which each minute begins. Needs `cloudwatch:GetMetricData` in each region.
    """
    import pandas as pd

    first = math.floor(start / PERIOD_SECONDS) * PERIOD_SECONDS
    index = pd.Index([float(at) for at in range(first, math.ceil(end), PERIOD_SECONDS)], name="at")
    frame = pd.DataFrame(math.nan, index=index, columns=[one.label for one in series])
    by_region = sorted(series, key=lambda one: one.region)
    with aws_calls.purpose("observe"):
        for region, group in itertools.groupby(by_region, key=lambda one: one.region):
            for one, at, value in _values(here, region, list(group), first, end):
                if at in frame.index:
                    frame.loc[at, one.label] = value * one.scale
    return frame


def replication_lag(here: Target, deployment: Deployment, *, start: float, end: float) -> pd.DataFrame:
    """Return the table's replication lag in seconds, a column for each direction."""
    primary, standby = deployment.primary_region, deployment.standby_region
    wanted = [
        Series(
            f"{source} to {receiver}",
            source,
            "AWS/DynamoDB",
            "ReplicationLatency",
            {"TableName": deployment.table, "ReceivingRegion": receiver},
            scale=0.001,  # AWS gives milliseconds
        )
        for source, receiver in ((primary, standby), (standby, primary))
    ]
    return fetch(here, wanted, start=start, end=end)


def arrivals(here: Target, deployment: Deployment, *, start: float, end: float) -> pd.DataFrame:
    """Return when each write of the table arrived in the other region, and its replication lag.

    Columns: `route`, as `replication_lag` names it; `at`, a modelled instant; `lag_seconds`. The sandbox
    records each write. AWS reports no single write, so the frame is empty.
    """
    import pandas as pd

    rows = []
    if here.origin == "simulated":
        for event in here.events():
            what = event["detail"]
            if (
                event["kind"] == "replicated"
                and what["table"] == deployment.table
                and start <= event["at"] <= end
            ):
                route = f"{what['source']} to {what['target']}"
                rows.append((route, event["at"], event["at"] - what["written_at"]))
    return pd.DataFrame(rows, columns=["route", "at", "lag_seconds"])


def backlog(here: Target, deployment: Deployment, *, start: float, end: float) -> pd.DataFrame:
    """Return the maximum number of messages in each region's work queue, for each minute."""
    wanted = [
        Series(
            f"work queue {region}",
            region,
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": outputs.queues["work"]["name"]},
            statistic="Maximum",
        )
        for region, outputs in deployment.regions.items()
    ]
    return fetch(here, wanted, start=start, end=end)


def _values(
    here: Target, region: str, series: list[Series], start: float, end: float
) -> Iterator[tuple[Series, float, float]]:
    """Yield series, instant and value of every datapoint in a region."""
    client = here.client("cloudwatch", region)
    for begin in range(0, len(series), QUERIES_A_CALL):
        some = series[begin : begin + QUERIES_A_CALL]
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[_query(f"m{number}", one) for number, one in enumerate(some)],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                one = some[int(result["Id"][1:])]
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    yield one, at.timestamp() // PERIOD_SECONDS * PERIOD_SECONDS, float(value)


def _query(name: str, one: Series) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in one.dimensions.items()]
    metric = {"Namespace": one.namespace, "MetricName": one.metric, "Dimensions": dimensions}
    return {
        "Id": name,
        "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": one.statistic},
        "ReturnData": True,
    }
