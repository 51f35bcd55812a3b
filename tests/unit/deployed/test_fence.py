"""The fence: written and lifted in its own region, in wall time, and over by itself when it is forgotten."""

import pytest

from drlib.deployed import fence
from drlib.stack.program import functions
from tests.two_regions import PRIMARY, STANDBY


def test_without_an_item_there_is_none(here, deployment, aws):
    assert not fence.read(here, deployment, PRIMARY).known


def test_it_is_written_where_it_is_read(here, deployment, aws):
    aws.tables[PRIMARY].replicas = []
    fence.write(here, deployment, PRIMARY, destination=STANDBY)
    found = fence.read(here, deployment, PRIMARY)
    assert (found.in_force, found.destination) == (True, STANDBY)
    assert found.expires_at - found.at == pytest.approx(fence.FENCE_SECONDS, abs=0.01)
    (item,) = aws.tables[PRIMARY].writes
    # The function compares this with its own clock, which is the wall's.
    assert here.clock.from_wall(float(item["expires_at"]["N"])) == pytest.approx(found.expires_at)
    assert str(found) == f"Fence around {PRIMARY}: in force"
    assert "it ends by itself at" in found._repr_mimebundle_()["text/html"]


def test_a_forgotten_one_ends_by_itself_and_stays_known(here, deployment, aws):
    fence.write(here, deployment, PRIMARY, destination=STANDBY, seconds=-1.0)
    found = fence.read(here, deployment, PRIMARY)
    assert (found.known, found.in_force) == (True, False)
    assert "ended by itself" in found.summary


def test_lifting_is_no_error_where_there_is_none(here, deployment, aws):
    fence.write(here, deployment, PRIMARY, destination=STANDBY)
    for _ in range(2):
        fence.lift(here, deployment, PRIMARY)
    assert not fence.read(here, deployment, PRIMARY).known


def test_a_payment_under_way_is_waited_for_as_long_as_its_function_may_run(here):
    assert fence.IN_FLIGHT_SECONDS == functions.TIMEOUT_SECONDS
    assert (
        fence.in_flight_seconds(here) == 60.0
    )  # one second of the wall, on a clock that runs 60 times faster
