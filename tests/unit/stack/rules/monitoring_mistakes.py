"""Mistakes that the rules of monitoring must find: the rule, a word of its message, the mistake."""

from __future__ import annotations

from tests.unit.stack.rules.mistakes import Break, body, one, put

CASES: list[tuple[str, str, Break]] = [
    ("alarm-route53-region", "is in us-west-2", one("alarms-dns-check-primary", put("region", "us-west-2"))),
    (
        "alarm-route53-region",
        "writes to",
        one("alarms-dns-check-primary", put("alarmActions", ["arn:aws:sns:us-west-2:000000000000:alerts"])),
    ),
    ("alarm-speaks", "no dimensions", one("alarms-dns-check-primary", put("dimensions", {}))),
    ("alarm-speaks", "missing data", one("alarms-dns-check-primary", put("treatMissingData", None))),
    (
        "dashboard-syntax",
        "the option dimensions",
        one("dashboard", body(lambda found: found["metrics"][0][-1].update(dimensions={"ApiId": "x"}))),
    ),
    ("dashboard-syntax", "no region", one("dashboard", body(lambda found: found.pop("region")))),
    (
        "dashboard-syntax",
        "row of 3 fields",
        one("dashboard", body(lambda found: found["metrics"].append(["AWS/SQS", "Age", "QueueName", {}]))),
    ),
    (
        "dashboard-syntax",
        'repeats by "."',
        one(
            "dashboard", body(lambda found: found["metrics"].insert(0, [".", ".", "A", "b", {"stat": "Sum"}]))
        ),
    ),
    (
        "dashboard-syntax",
        "without dimensions",
        one(
            "dashboard",
            body(lambda found: found["metrics"].append(["AWS/ApiGateway", "Count", {"stat": "Sum"}])),
        ),
    ),
]
