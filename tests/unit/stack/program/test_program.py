"""The program as a whole: inventory, regions, names, tags, functions and outputs."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.unit.stack.program.reading import PAIR

WITHOUT_REGION = re.compile(r"aws:(iam|route53)/")


def test_the_inventory_is_whole(planned: Any) -> None:
    kinds = {kind for kind, _, _ in planned.resources if kind.startswith("aws:")}
    assert len([kind for kind, _, _ in planned.resources if kind.startswith("aws:")]) == 183
    assert len(kinds) == 46


def test_every_regional_resource_names_its_region(planned: Any, full: Any) -> None:
    for plan in (planned, full):
        for kind, name, inputs in plan.resources:
            if kind.startswith("aws:") and not WITHOUT_REGION.match(kind):
                assert inputs.get("region"), f"{name} ({kind}) would land in the default region"


def test_both_regions_get_the_same_but_for_what_only_the_standby_has(planned: Any) -> None:
    counts: dict[str, list[str]] = {region: [] for region in PAIR}
    for kind, _, inputs in planned.resources:
        if inputs.get("region") in counts:
            counts[inputs["region"]].append(kind)
    extra = sorted(counts["us-west-2"])
    for kind in counts["us-east-2"]:
        if kind in extra:
            extra.remove(kind)
        else:
            assert kind == "aws:dynamodb/table:Table"  # its replica is part of it
    assert extra == ["aws:cloudwatch/dashboard:Dashboard", *["aws:cloudwatch/metricAlarm:MetricAlarm"] * 2]


def test_other_regions_change_every_region(full: Any) -> None:
    text = json.dumps([inputs for _, _, inputs in full.resources], default=str)
    checkers = next(iter(full.of("route53/healthCheck:HealthCheck").values()))["regions"]
    for region in PAIR:
        assert region not in text.replace(json.dumps(checkers), "")


def test_names_are_unique_and_within_their_limits(full: Any) -> None:
    limits = {
        "iam/role:Role": ("name", 64),
        "lambda/function:Function": ("name", 64),
        "sqs/queue:Queue": ("name", 80),
        "s3/bucket:Bucket": ("bucket", 63),
        "cloudwatch/eventRule:EventRule": ("name", 64),
        "cloudwatch/metricAlarm:MetricAlarm": ("name", 255),
        "sns/topic:Topic": ("name", 256),
        "apigatewayv2/api:Api": ("name", 128),
        "acm/certificate:Certificate": ("domainName", 64),
        "dynamodb/table:Table": ("name", 255),
    }
    for kind, (key, longest) in limits.items():
        found = full.of(kind)
        names = [(inputs.get("region"), inputs[key]) for inputs in found.values()]
        assert len(names) == len(set(names)), kind
        for _, name in names:
            assert 0 < len(name) <= longest, name
            assert kind == "acm/certificate:Certificate" or "longest-name-123" in name
    for inputs in full.of("route53/record:Record").values():
        assert len(inputs.get("setIdentifier", "")) <= 128


def test_functions_run_what_the_archive_holds(planned: Any) -> None:
    functions = planned.of("lambda/function:Function")
    assert len(functions) == 6
    for inputs in functions.values():
        assert (inputs["runtime"], inputs["architectures"]) == ("python3.13", ["arm64"])
        assert inputs["handler"] in {f"{n}.handler.handler" for n in ("payments", "settlement", "latch")}
        assert inputs["loggingConfig"]["logFormat"] == "JSON"
        assert inputs["loggingConfig"]["logGroup"] == f"/aws/lambda/{inputs['name']}"
        assert len(inputs["vpcConfig"]["subnetIds"]) == 2
        names = set(inputs["environment"]["variables"])
        assert not {name for name in names if name.startswith(("AWS_", "LAMBDA_", "_"))}


def test_each_function_is_told_what_its_code_asks_for(planned: Any) -> None:
    told = {
        name.split("-")[1]: set(inputs["environment"]["variables"])
        for name, inputs in planned.of("lambda/function:Function").items()
    }
    from drlib.stack.program.package import FUNCTIONS

    for name, variables in told.items():
        source = (FUNCTIONS / name / "handler.py").read_text()
        asked = re.search(r"^NEEDED = \((.*?)\)$", source, re.MULTILINE | re.DOTALL)
        assert asked is not None
        assert variables == set(re.findall(r'"([A-Z_]+)"', asked[1]))


def test_everything_that_takes_tags_has_ours(planned: Any) -> None:
    untagged = {
        kind for kind, _, inputs in planned.resources if kind.startswith("aws:") and "tags" not in inputs
    }
    takes_none = re.compile(
        r"Association$|Rule$|Policy$|Mapping$|Integration$|Route$|Permission$|Target$|Subscription$"
        r"|Validation$|Record$|Dashboard$|BucketVersioning$|Controls$|Block$|Configuration$|Config$"
    )
    assert {kind for kind in untagged if not takes_none.search(kind)} == set()
    for _, _, inputs in planned.resources:
        if "tags" in inputs:
            assert inputs["tags"]["Project"] == "payments-dr"
            assert inputs["tags"]["Stack"] == "drill"


def test_outputs_say_what_the_runbooks_need(planned: Any) -> None:
    outputs = planned.outputs
    assert outputs["public_name"] == "api.pay.drill.test"
    assert set(outputs["regions"]) == set(PAIR)
    assert {found["role"] for found in outputs["regions"].values()} == {"primary", "standby"}
    assert set(outputs["checks"]) == {"primary", "primary_endpoint", "standby_endpoint", "latch"}
    for found in outputs["regions"].values():
        assert set(found["functions"]) == set(found["roles"]) == {"payments", "settlement", "latch"}
        assert set(found["queues"]) == {"work", "dead_letter", "undelivered"}
    assert outputs["regions"]["us-west-2"]["alarms"] == sorted(outputs["regions"]["us-west-2"]["alarms"])


def test_the_program_does_not_know_where_it_runs() -> None:
    from drlib.stack.program.package import FUNCTIONS

    places = [FUNCTIONS.parent / "drlib" / "infra", FUNCTIONS]
    for path in [path for place in places for path in place.rglob("*.py")]:
        text = path.read_text().lower()
        assert not re.search(r"sandbox|ministack|localhost|127\.0\.0\.1|\}a\"", text), path
