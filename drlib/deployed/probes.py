"""Single read-only probes of a deployed stack, for checks, gates and timelines.

Each returns its observation. It raises `checklist.Failed` when the observation is bad, and StepFailed when
the probe gets no answer. Only `replicates` writes: a marker item, which it deletes.
"""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from drlib.core.aws_calls import GLOBAL_REGION
from drlib.core.errors import OnlyPlanned, StepFailed
from drlib.show.checklist import Failed
from drlib.target.https import Connection, MaybeSent, NotSent, Reply, patience

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

# A check is healthy while more than this share of its checkers says so. Route 53 Developer Guide, "How Amazon
# Route 53 determines whether a health check is healthy".
HEALTHY_SHARE = 0.18
REQUEST_TIMEOUT_SECONDS = 10.0
REQUEST_WALL_SECONDS = 10.0  # allows for a cold start
REPLICATION_TIMEOUT_SECONDS = 60.0
MARKER_POLL_SECONDS = 0.25


class CheckerReport(NamedTuple):
    """The last result of one Route 53 checker; `at` in modelled seconds since the epoch."""

    checker: str
    ok: bool
    text: str
    at: float


def address_of(here: Target, name: str) -> str:
    """Return an address of an AWS host name, such as an API's. Raises StepFailed when it has none."""
    if here.origin == "simulated":
        return here.resolve(name).address
    try:  # `here` asks the zone's name servers, which do not know other zones
        return str(socket.getaddrinfo(name, 443, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise StepFailed(f"{name} was not resolved: {error.strerror}.", resource=name) from error


def request(
    here: Target,
    name: str,
    method: str,
    path: str,
    *,
    address: str = "",
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Send one HTTPS request under `name`, to `address`, or to the address of the name.

    Raises StepFailed when there is no answer, and OnlyPlanned for one that changes something in `mode: plan`.
    """
    if method != "GET" and here.settings.plans:
        raise OnlyPlanned(
            f"{method} {path} would change something, and the parameter mode is plan.",
            remedy="Set mode to apply, and run again.",
            resource=name,
        )
    connection = Connection(
        name,
        to=here.connect_to(address or address_of(here, name)),
        context=here.ssl_context(),
        clock=here.clock,
        timeout_seconds=patience(here.clock, REQUEST_TIMEOUT_SECONDS, wall_seconds=REQUEST_WALL_SECONDS),
    )
    try:
        return connection.call(method, path, body=body, headers=headers)
    except (NotSent, MaybeSent) as error:
        raise StepFailed(f"{name} does not answer: {error}.", resource=name) from error
    finally:
        connection.close()


def deep_health(here: Target, deployment: Deployment, region: str) -> str:
    """Ask a region's API, under its own name, whether it can read its table."""
    reply = request(here, deployment.regions[region].api_host, "GET", "/healthz/deep")
    if reply.status != 200:
        raise Failed(f"/healthz/deep answered {reply.status}", region=region)
    return f"200, {reply.body.get('status', 'no status')}"


def checkers(here: Target, check_id: str) -> list[CheckerReport]:
    """Return the last result of each checker of an endpoint check, by checker.

    One call of GetHealthCheckStatus. The name of a checker is its region, with a number if the region has
    several.
    """
    answer = here.client("route53", GLOBAL_REGION).get_health_check_status(HealthCheckId=check_id)
    seen = sorted(
        answer["HealthCheckObservations"], key=lambda row: (row.get("Region", ""), row.get("IPAddress", ""))
    )
    reports: list[CheckerReport] = []
    for row in seen:
        region, report = row.get("Region", "?"), row["StatusReport"]
        same = sum(1 for other in reports if other.checker.split("#")[0] == region)
        name = f"{region}#{same + 1}" if same else region
        ok = report["Status"].startswith("Success")
        reports.append(CheckerReport(name, ok, report["Status"], report["CheckedTime"].timestamp()))
    return reports


def check_is_healthy(here: Target, check_id: str) -> str:
    """Require that every checker of an endpoint check passed its last check."""
    reports = checkers(here, check_id)
    failing = [report for report in reports if not report.ok]
    if not reports:
        raise Failed("no checker has reported yet")
    if failing:
        raise Failed(f"{len(failing)} of {len(reports)} checkers fail; {failing[0].text}")
    return f"{len(reports)} of {len(reports)} checkers pass"


def rang(here: Target, deployment: Deployment, role: str, *, since: float) -> float | None:
    """Return when the first alarm of a role, such as `api-5xx`, went to ALARM since then, or None."""
    regions = {name: list(one.alarms) for name, one in deployment.regions.items()}
    regions[GLOBAL_REGION] = regions.get(GLOBAL_REGION, []) + list(deployment.dns_alarms)
    found = []
    for region, names in regions.items():
        wanted = [name for name in names if f"-alarm-{role}-" in name]
        pages = here.client("cloudwatch", region).get_paginator("describe_alarms") if wanted else None
        found += [
            alarm["StateUpdatedTimestamp"].timestamp()
            for page in (pages.paginate(AlarmNames=wanted) if pages else ())
            for alarm in page["MetricAlarms"]
            if alarm["StateValue"] == "ALARM"
        ]
    return min((at for at in found if at >= since), default=None)


def queue_is_empty(here: Target, url: str, region: str) -> str:
    """Require that a queue contains no message: none waits, is in flight, or is delayed."""
    waiting, under_way = queue_depth(here, url, region)
    if waiting or under_way:
        raise Failed(f"{waiting} messages wait, {under_way} are in flight", region=region)
    return "empty"


def queue_depth(here: Target, url: str, region: str) -> tuple[int, int]:
    """Return how many messages of a queue wait, and how many are in flight or delayed (approximate)."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    found = here.client("sqs", region).get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    waiting, invisible, delayed = (int(found.get(name, 0)) for name in names)
    return waiting, invisible + delayed


def replicates(
    here: Target, deployment: Deployment, source: str, destination: str, *, patient: bool = True
) -> str:
    """Write a marker item in one region, wait for it in the other, and delete it.

    If `patient`, a busy machine gets more time than the modelled timeout.
    """
    key = {"pk": {"S": f"MARKER#{uuid.uuid4()}"}, "sk": {"S": source}}
    writer, reader = (here.client("dynamodb", region) for region in (source, destination))

    def arrived() -> bool:
        return "Item" in reader.get_item(TableName=deployment.table, Key=key, ConsistentRead=True)

    start = here.clock.now()
    limit = REPLICATION_TIMEOUT_SECONDS
    give_up_at = start + (here.clock.patient(limit) if patient else limit)
    writer.put_item(TableName=deployment.table, Item=key)
    try:
        while not arrived():
            if here.clock.now() >= give_up_at:
                raise Failed("a written item was not replicated in time", region=destination)
            here.clock.sleep(max(MARKER_POLL_SECONDS, here.clock.scale / 50))
        return f"an item arrived after {here.clock.now() - start:.1f} s"
    finally:
        writer.delete_item(TableName=deployment.table, Key=key)


def public_answer(here: Target, deployment: Deployment) -> str:
    """Return the region that the public name resolves to now, or an empty text if it is another address."""
    return region_of(here, deployment, here.resolve(deployment.public_name).addresses)


def region_of(here: Target, deployment: Deployment, addresses: tuple[str, ...]) -> str:
    """Return the region whose API has one of these addresses.

    In the sandbox each region has one address. On AWS the addresses of an API change, so this compares with
    the current addresses of the API's own name.
    """
    regions: tuple[str, str] = (deployment.primary_region, deployment.standby_region)
    found = [name for name in regions if address_of(here, deployment.regions[name].api_host) in addresses]
    return found[0] if found else ""
