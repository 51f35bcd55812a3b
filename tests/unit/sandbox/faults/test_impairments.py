"""What an impairment may be, and what the parts of the sandbox are told of it."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.sandbox.faults.impairments import (
    KINDS,
    Api,
    Checkers,
    Cold,
    Cut,
    Impairments,
    InvalidImpairment,
    make,
)

EAST, WEST = "us-east-2", "us-west-2"


def test_a_json_object_becomes_an_impairment_and_back() -> None:
    order = {"kind": "api", "region": EAST, "paths": ["/payments"], "share": 0.05, "status": 500}
    made = make(order)
    assert made == Api(EAST, ("/payments",), 0.05, 500)
    assert made.as_json()["kind"] == "api"
    assert make({"kind": "cut", "source": EAST, "target": WEST}).regions == (EAST, WEST)


@pytest.mark.parametrize(
    ("order", "word"),
    [
        ({"kind": "flood", "region": EAST}, "kind must be one of"),
        ({"kind": "cold"}, "region is missing"),
        ({"kind": "cold", "region": ""}, "region must be a text"),
        ({"kind": "cold", "region": EAST, "speed": 1}, "unknown: speed"),
        ({"kind": "api", "region": EAST}, "needs a status"),
        ({"kind": "api", "region": EAST, "status": 418}, "status must be one of"),
        ({"kind": "api", "region": EAST, "status": 500, "share": 0}, "share must be above 0"),
        ({"kind": "api", "region": EAST, "status": 500, "share": True}, "share must be a number"),
        ({"kind": "api", "region": EAST, "status": 500, "paths": "/"}, "paths must be texts"),
        ({"kind": "cut", "source": EAST, "target": EAST}, "two regions"),
        ({"kind": "cut", "source": EAST, "target": WEST, "services": ["smtp"]}, "smtp"),
        (
            {"kind": "flapping", "region": EAST, "down_seconds": 1, "up_seconds": 1, "times": 0},
            "times 1 to 100",
        ),
        (
            {"kind": "flapping", "region": EAST, "down_seconds": 1, "up_seconds": 1, "times": 1, "mode": "x"},
            "mode must be one of",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(order: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidImpairment, match=word):
        make(order)


def test_a_share_of_requests_fails_evenly() -> None:
    impaired = Impairments()
    impaired.begin("burst", Api(EAST, share=0.05, status=503))
    answers = [impaired.failing(EAST, "/payments") for _ in range(200)]
    assert answers.count(503) == 10
    assert [number for number, status in enumerate(answers) if status] == list(range(19, 200, 20))
    assert impaired.failing(WEST, "/payments") == 0


def test_paths_are_whole_prefixes() -> None:
    impaired = Impairments()
    impaired.begin("lies", Api(EAST, ("/payments", "/healthz/deep"), status=500))
    assert impaired.failing(EAST, "/payments") == 500
    assert impaired.failing(EAST, "/payments/42") == 500
    assert impaired.failing(EAST, "/healthz") == 0
    assert impaired.failing(EAST, "/paymentsandmore") == 0
    impaired.end("lies")
    assert impaired.failing(EAST, "/payments") == 0


def test_latency_alone_fails_nothing() -> None:
    impaired = Impairments()
    impaired.begin("slow", Api(EAST, latency_seconds=3.0))
    assert (impaired.latency_seconds(EAST, "/healthz"), impaired.failing(EAST, "/healthz")) == (3.0, 0)
    assert impaired.latency_seconds(WEST, "/healthz") == 0.0


def test_a_cut_has_a_direction_and_services() -> None:
    impaired = Impairments()
    impaired.begin("out", Cut(EAST, WEST, ("dynamodb",)))
    assert impaired.is_cut("dynamodb", EAST, WEST)
    assert not impaired.is_cut("dynamodb", WEST, EAST)
    assert not impaired.is_cut("s3", EAST, WEST)


def test_checkers_are_hidden_by_region() -> None:
    impaired = Impairments()
    impaired.begin("some", Checkers(EAST, ("eu-west-1",)))
    assert impaired.is_hidden(EAST, "eu-west-1")
    assert not impaired.is_hidden(EAST, "sa-east-1")
    impaired.begin("some", Checkers(EAST))
    assert impaired.is_hidden(EAST, "sa-east-1")


def test_cold_is_met_once() -> None:
    impaired = Impairments()
    assert not impaired.takes_cold_start(WEST)
    impaired.begin("cold", Cold(WEST))
    assert [impaired.takes_cold_start(WEST) for _ in range(3)] == [True, False, False]


def test_every_kind_is_told_in_the_module() -> None:
    from drlib.sandbox.faults import impairments

    for kind in KINDS:
        assert f"| {kind} |" in str(impairments.__doc__)
