import math

import pytest

from drlib.deployed import metrics
from tests.two_regions import PRIMARY, STANDBY


def test_a_minute_without_data_is_nan_and_not_zero(here, deployment, aws):
    aws.datapoints[f"{PRIMARY} ReplicationLatency"] = [(600.0, 1200.0), (720.0, 0.0)]
    frame = metrics.replication_lag(here, deployment, start=610.0, end=790.0)
    assert list(frame.index) == [600.0, 660.0, 720.0, 780.0]
    values = list(frame[f"{PRIMARY} to {STANDBY}"])
    assert values[0] == pytest.approx(1.2)
    assert math.isnan(values[1])
    assert values[2] == 0.0
    assert frame[f"{STANDBY} to {PRIMARY}"].isna().all()


def test_each_metric_is_asked_for_where_it_is_kept(here, deployment, aws):
    window = {"start": 600.0, "end": 720.0}
    metrics.replication_lag(here, deployment, **window)
    metrics.backlog(here, deployment, **window)
    asked = set(aws.asked)
    assert {region for region, name in asked if name == "ReplicationLatency"} == {PRIMARY, STANDBY}
    waiting = {region for region, name in asked if name == "ApproximateNumberOfMessagesVisible"}
    assert waiting == {PRIMARY, STANDBY}


def test_datapoints_outside_the_window_are_left_out(here, deployment, aws):
    aws.datapoints[f"{PRIMARY} ReplicationLatency"] = [(0.0, 9000.0), (660.0, 7000.0)]
    frame = metrics.replication_lag(here, deployment, start=600.0, end=720.0)
    assert frame[f"{PRIMARY} to {STANDBY}"].sum() == pytest.approx(7.0)


def test_each_write_that_arrived_is_told_where_it_is_on_record(here, deployment):
    def arrival(at, **changes):
        detail = {"table": deployment.table, "source": PRIMARY, "target": STANDBY, "written_at": 640.0}
        return {"kind": "replicated", "at": at, "detail": detail | changes}

    here.events = lambda: [
        arrival(641.5),
        arrival(642.0, table="another"),
        arrival(900.0),
        {"kind": "alarm", "at": 650.0, "detail": {}},
    ]
    frame = metrics.arrivals(here, deployment, start=600.0, end=720.0)
    assert frame.to_dict("records") == [{"route": f"{PRIMARY} to {STANDBY}", "at": 641.5, "lag_seconds": 1.5}]
    here.origin = "live"
    assert metrics.arrivals(here, deployment, start=600.0, end=720.0).empty
