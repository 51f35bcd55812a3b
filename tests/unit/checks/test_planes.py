"""The proof that moving the traffic needed data planes alone: each thing that would break it is told."""

import pytest

from drlib.checks import planes
from drlib.core import aws_calls
from drlib.core.errors import PreflightFailed
from drlib.show import checklist
from tests.two_regions import PRIMARY, STANDBY

CONTROL = "no-control-plane-was-called"
IAM = "nothing-was-written-to-iam"
ELSEWHERE = OUTSIDE = "regions-called"


@pytest.fixture(autouse=True)
def calls(here):
    here.calls = aws_calls.Recorder()
    with aws_calls.purpose(aws_calls.FAILOVER):
        for name in ("PutItem", "GetItem"):
            here.calls.add("dynamodb", name, STANDBY)
        here.calls.add("cloudwatch", "PutMetricData", STANDBY)
    return here.calls


def red(made):
    return [row.id for row in made.failed]


def test_data_planes_of_the_standby_are_enough(here, deployment):
    made = planes.planes_proof(here, deployment)
    assert str(made.require()) == "Planes: 3 of 3 passed"


@pytest.mark.parametrize(
    ("service", "operation", "region", "names"),
    [
        ("dynamodb", "PutItem", PRIMARY, [ELSEWHERE]),
        ("cloudwatch", "DescribeAlarms", STANDBY, [CONTROL]),
        ("route53", "ChangeResourceRecordSets", "aws-global", [CONTROL, ELSEWHERE]),
        ("iam", "PutRolePolicy", "aws-global", [CONTROL, IAM, ELSEWHERE]),
        ("pulumi", "Engine", PRIMARY, [CONTROL, ELSEWHERE]),
    ],
)
def test_what_a_failover_may_not_need_is_told(here, deployment, calls, service, operation, region, names):
    with aws_calls.purpose(aws_calls.FAILOVER):
        calls.add(service, operation, region)
    made = planes.planes_proof(here, deployment)
    assert red(made) == names
    with pytest.raises(PreflightFailed, match=f"{service} {operation} in"):
        made.require()


def test_a_call_that_nobody_declared_counts(here, deployment, calls):
    aws_calls.assume(aws_calls.FAILOVER)
    calls.add("route53", "GetHealthCheck", "us-east-1")
    assert CONTROL in red(planes.planes_proof(here, deployment))


def test_looking_on_is_no_part_of_a_failover_and_is_one_of_a_planned_move(here, deployment, calls):
    with aws_calls.purpose("observe"):
        calls.add("route53", "GetHealthCheckStatus", "us-east-1")
    assert planes.planes_proof(here, deployment).status == "passed"
    assert red(planes.planes_proof(here, deployment, planned=True)) == [CONTROL, OUTSIDE]


def test_a_planned_move_may_use_both_data_planes(here, deployment, calls):
    calls.add("dynamodb", "PutItem", PRIMARY)
    assert planes.planes_proof(here, deployment, planned=True).status == "passed"


def test_the_table_has_each_kind_of_call_and_its_count_in_the_html(here, calls):
    calls.add("s3", "GetObject", PRIMARY)
    table = planes.calls(here)
    assert str(table).splitlines()[-1].split() == ["data", "s3", "GetObject", PRIMARY, "other"]
    assert '<td style="text-align:left">1</td>' in table.html()


def test_a_check_calls_for_the_purpose_of_whoever_asks(here, calls):
    with aws_calls.purpose("switchover"):
        checklist.make(
            "Two",
            [
                checklist.Probe(name, name, lambda: f"{calls.add('s3', 'GetObject', STANDBY)}")
                for name in "ab"
            ],
        )
    assert [(row["purpose"], row["count"]) for row in calls.rows() if row["service"] == "s3"] == [
        ("switchover", 2)
    ]
