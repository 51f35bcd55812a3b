"""A watch of a failover, made of attempts."""

from types import SimpleNamespace

from drlib.timeline.observations import Watch
from drlib.timeline.recovery import streak
from tests.two_regions import PRIMARY, STANDBY
from tests.unit.payments.attempts import attempt


def row(seq, outcome="ok", region=STANDBY, **changes):
    return attempt(seq, outcome=outcome, region=region if outcome == "ok" else "", **changes)


def watched(attempts, **changes):
    facts = {
        "zero": 1000.0,
        "ended_at": 1100.0,
        "to_region": STANDBY,
        "primary_region": PRIMARY,
        "standby_region": STANDBY,
        "threshold": 3,
        "scenario": "region-outage",
        "origin": "simulated",
        "streak": streak(attempts, region=STANDBY),
        "events": {"client_error": 1002.5, "check_failing": None, "unhealthy": 1028.0, "dns_answer": 1030.0},
        "attempts": attempts,
    }
    return Watch(**facts | changes)


def quiet(here):
    here.clients["route53", "us-east-1"] = SimpleNamespace(
        get_health_check_status=lambda HealthCheckId: {"HealthCheckObservations": []}
    )
