"""The metrics that AWS services publish and the emulator does not: Route 53, API Gateway, SQS.

They are written to the emulator's CloudWatch once in each modelled minute, with the start of that minute as
their time, in the region where AWS stores them. Other modules of the sandbox publish through `put`.

Sources: Route 53 Developer Guide, "Monitoring health checks using CloudWatch" (us-east-1 only); API Gateway
Developer Guide, "Metrics and dimensions" for HTTP APIs; SQS Developer Guide, "Available CloudWatch metrics
for Amazon SQS".
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from drlib.sandbox.faults.impairments import GLOBAL_REGION
from drlib.sandbox.ministack.internals import function, scope
from drlib.sandbox.services.route53 import control_plane, status_board
from drlib.sandbox.world import ApiCounts, World

MINUTE_SECONDS = 60.0
SAMPLES_A_MINUTE = 6
"""Samples of the health check statuses in a minute, so that its Minimum shows a short failure."""
MAX_DATAPOINTS = 3000
"""Limit for each series, so that the memory of a long-running sandbox stays bounded."""
LATENCY_STEP_MS = 5.0
"""Latencies are rounded to this step, so that equal values share a datapoint."""
RETENTION_SECONDS = 14 * 24 * 3600.0

log = logging.getLogger("drlib.sandbox")


def put(
    world: World,
    region: str,
    namespace: str,
    name: str,
    value: float,
    dimensions: Mapping[str, str],
    unit: str = "None",
    at: float | None = None,
) -> None:
    """Put one datapoint into the CloudWatch of `region`, and evaluate its alarms.

    Args:
        world: gives the time if `at` is None.
        region: where the metric is stored.
        namespace: `AWS/...` is allowed here; AWS refuses it from customers.
        name: the metric's name.
        value: the value.
        dimensions: name -> value; they identify the series.
        unit: a CloudWatch unit.
        at: modelled epoch seconds; None for now.
    """
    put_values(world, region, namespace, name, {value: 1}, dimensions, unit, at)
    evaluate(region)


def put_values(
    world: World,
    region: str,
    namespace: str,
    name: str,
    values: Mapping[float, int],
    dimensions: Mapping[str, str],
    unit: str = "None",
    at: float | None = None,
) -> None:
    """Put values with their counts at one instant. Call `evaluate` after the batch."""
    from ministack.services import cloudwatch

    store = function(
        cloudwatch, "_store_datum",
        "namespace", "name", "dims", "ts", "unit", "value", "values", "counts", "stat_values",
    )  # fmt: skip
    instant = world.clock.now() if at is None else at
    with scope(region):
        store(
            namespace, name, dict(dimensions), instant, unit,
            None, list(values), [float(count) for count in values.values()], None,
        )  # fmt: skip
        trim(cloudwatch._metrics.get((namespace, name, cloudwatch._dims_key(dict(dimensions)))) or [])


def evaluate(region: str) -> None:
    """Evaluate the alarms of `region` on the new data."""
    from ministack.services import cloudwatch

    with scope(region):
        cloudwatch._evaluate_all_alarms()


def patch_storage() -> None:
    """Limit the number of datapoints that the emulator stores, and change its lists in place.

    The emulator stores one datapoint for each invocation of a function: the health checkers alone would fill
    the memory. AWS stores these metrics by the minute, so one datapoint for each minute and value is enough.
    The emulator also copies every list at every request to drop old datapoints, and so loses those that
    another thread adds at the same time.
    """
    from ministack.services import cloudwatch

    if getattr(cloudwatch._evict_old_metrics, "in_place", False):
        return
    function(cloudwatch, "_evict_old_metrics")
    function(cloudwatch, "record_metric", "namespace", "metric_name", "value", "unit", "dimensions")
    bucket = function(cloudwatch, "_metric_bucket", "key")

    def evict() -> None:
        oldest = cloudwatch.time.time() - RETENTION_SECONDS
        for series in cloudwatch._metrics.values():
            count = 0
            while count < len(series) and series[count]["Timestamp"] < oldest:
                count += 1
            if count:
                del series[:count]

    def record(
        namespace: str,
        metric_name: str,
        value: float,
        unit: str = "None",
        dimensions: dict[str, str] | None = None,
    ) -> None:
        series = bucket((namespace, metric_name, cloudwatch._dims_key(dimensions or {})))
        minute = cloudwatch.time.time() // MINUTE_SECONDS * MINUTE_SECONDS
        rounded = float(round(value) if unit == "Milliseconds" else value)
        add_datapoint(
            series, {"Timestamp": minute, "Value": rounded, "Unit": unit, "Dimensions": dimensions or {}}
        )
        trim(series)

    evict.in_place = True  # type: ignore[attr-defined]
    cloudwatch._evict_old_metrics = evict
    cloudwatch.record_metric = record


def add_datapoint(series: list[dict[str, Any]], new: dict[str, Any]) -> None:
    """Add a datapoint to a series; count it in an existing one of the same time, value and unit."""
    for point in reversed(series):
        if point["Timestamp"] != new["Timestamp"]:
            break
        if point["Value"] == new["Value"] and point["Unit"] == new["Unit"] and "_stat" not in point:
            point["Count"] = point.get("Count", 1.0) + 1.0
            return
    series.append({**new, "Count": 1.0})


def trim(series: list[dict[str, Any]]) -> None:
    """Drop the oldest datapoints of a long series."""
    if len(series) > MAX_DATAPOINTS:
        del series[: MAX_DATAPOINTS // 10]


class MetricsPublisher:
    """Publishes the metrics once in each modelled minute, in a separate thread.

    Args:
        world: the clock, the counted requests, the faults.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._board = status_board.board_of(world)
        self._statuses: dict[str, Counter[float]] = {}
        self._shares: dict[str, Counter[float]] = {}
        self._children: dict[str, Counter[float]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drlib-metrics", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        patch_storage()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        clock = self._world.clock
        step = MINUTE_SECONDS / SAMPLES_A_MINUTE
        minute = clock.now() // MINUTE_SECONDS
        while not self._stopping.wait(clock.wall_seconds(step - clock.now() % step)):
            try:
                present = clock.now() // MINUTE_SECONDS
                if present > minute:
                    self.publish(at=minute * MINUTE_SECONDS)
                    minute = present
                self.sample()
            except Exception:
                # One failed minute must not stop the minutes after it.
                log.exception("publishing metrics failed")

    def sample(self) -> None:
        """Record the current status of every health check for the datapoints of this minute."""
        for check_id, healthy in self._board.statuses().items():
            self._statuses.setdefault(check_id, Counter())[float(healthy)] += 1
        disabled = {
            check_id
            for check_id, check in control_plane.health_checks().items()
            if check["config"].get("Disabled")
        }
        for check_id, share in self._board.shares().items():
            if check_id not in disabled:
                self._shares.setdefault(check_id, Counter())[round(100.0 * share, 2)] += 1
        for check_id, healthy_children in self._board.children().items():
            self._children.setdefault(check_id, Counter())[float(healthy_children)] += 1

    def publish(self, *, at: float) -> None:
        """Publish the minute that started `at` modelled epoch seconds, and start a new one."""
        self._publish_health(at)
        regions = {GLOBAL_REGION}
        for (region, api_id, stage), counts in self._world.api_requests.drain().items():
            self._publish_api(region, api_id, stage, counts, at)
            regions.add(region)
        regions |= set(self._publish_queues(at))
        for region in sorted(regions):
            evaluate(region)

    def _publish_health(self, at: float) -> None:
        for name, unit, series in (
            ("HealthCheckStatus", "None", self._statuses),
            ("HealthCheckPercentageHealthy", "Percent", self._shares),
            ("ChildHealthCheckHealthyCount", "Count", self._children),
        ):
            for check_id, values in series.items():
                dimensions = {"HealthCheckId": check_id}
                put_values(self._world, GLOBAL_REGION, "AWS/Route53", name, values, dimensions, unit, at)
            series.clear()

    def _publish_api(self, region: str, api_id: str, stage: str, counts: ApiCounts, at: float) -> None:
        latencies = Counter(
            max(LATENCY_STEP_MS, round(ms / LATENCY_STEP_MS) * LATENCY_STEP_MS) for ms in counts.latencies_ms
        )
        # 4xx and 5xx are 0 or 1 for each request, so that their Average is an error rate. The edge adds
        # almost no latency to the integration.
        metrics: dict[str, tuple[str, Mapping[float, int]]] = {
            "Count": ("Count", {1.0: counts.requests}),
            "4xx": ("Count", binary_values(counts.requests, counts.client_errors)),
            "5xx": ("Count", binary_values(counts.requests, counts.server_errors)),
            "Latency": ("Milliseconds", latencies),
            "IntegrationLatency": ("Milliseconds", latencies),
        }
        for dimensions in ({"ApiId": api_id}, {"ApiId": api_id, "Stage": stage}):
            for name, (unit, values) in metrics.items():
                put_values(self._world, region, "AWS/ApiGateway", name, values, dimensions, unit, at)

    def _publish_queues(self, at: float) -> Iterable[str]:
        """Publish the state of every queue in the regions that are up; return those regions."""
        from ministack.services import sqs

        regions = set()
        for (_, region, _), queue in sqs._queues.all_items():
            if self._world.is_down(region):
                continue
            regions.add(region)
            for name, (value, unit) in queue_metrics(queue, now=sqs.time.time()).items():
                dimensions = {"QueueName": queue["name"]}
                put_values(self._world, region, "AWS/SQS", name, {value: 1}, dimensions, unit, at)
        return regions


def binary_values(total: int, raised: int) -> dict[float, int]:
    """Return value -> count for a metric that is 1 `raised` times out of `total`, and 0 otherwise."""
    return {value: count for value, count in ((1.0, raised), (0.0, total - raised)) if count}


def queue_metrics(queue: Mapping[str, Any], *, now: float) -> dict[str, tuple[float, str]]:
    """Return metric -> (value, unit) of one of the emulator's queues; `now` in the emulator's time."""
    messages = list(queue["messages"])
    visible = sum(message["visible_at"] <= now for message in messages)
    delayed = sum(message["visible_at"] > now and not message["receive_count"] for message in messages)
    oldest = min((message["sent_at"] for message in messages), default=now)
    return {
        "ApproximateNumberOfMessagesVisible": (float(visible), "Count"),
        "ApproximateNumberOfMessagesNotVisible": (float(len(messages) - visible - delayed), "Count"),
        "ApproximateNumberOfMessagesDelayed": (float(delayed), "Count"),
        "ApproximateAgeOfOldestMessage": (max(0.0, now - oldest), "Seconds"),
    }


def start(world: World) -> MetricsPublisher:
    """Start to publish the metrics of `world`."""
    metrics = MetricsPublisher(world)
    metrics.start()
    return metrics
