"""Every AWS call that a runbook made: which service, region and plane, and for what purpose.

A failover that needs a control plane shares the fate of the region that hosts it. AWS's paper "AWS Fault
Isolation Boundaries" names it static stability: recovery uses data planes and what exists beforehand. So each
client that a runbook uses reports its calls here, and the evidence counts those of the failover.

What is a data plane follows that paper and each service's list of CloudTrail data events. What is not listed
below counts as control plane, so that an unknown operation can never make a run look better than it was.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from drlib.core.errors import OnlyPlanned

DATA_PLANE: dict[str, frozenset[str]] = {
    "dynamodb": frozenset(
        [
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "BatchWriteItem",
            "TransactGetItems",
            "TransactWriteItems",
            "ExecuteStatement",
            "BatchExecuteStatement",
            "ExecuteTransaction",
        ]
    ),
    "s3": frozenset(
        [
            "GetObject",
            "PutObject",
            "HeadObject",
            "DeleteObject",
            "DeleteObjects",
            "CopyObject",
            "ListObjects",
            "ListObjectsV2",
            "ListObjectVersions",
            "GetObjectTagging",
            "PutObjectTagging",
            "GetObjectAttributes",
            "CreateMultipartUpload",
            "UploadPart",
            "CompleteMultipartUpload",
            "AbortMultipartUpload",
        ]
    ),
    "sqs": frozenset(
        [
            "SendMessage",
            "SendMessageBatch",
            "ReceiveMessage",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
        ]
    ),
    "sns": frozenset(("Publish", "PublishBatch")),
    "cloudwatch": frozenset(("PutMetricData", "GetMetricData", "GetMetricStatistics")),
    "logs": frozenset(("PutLogEvents", "GetLogEvents", "FilterLogEvents")),
    "lambda": frozenset(("Invoke", "InvokeWithResponseStream")),
    "events": frozenset(("PutEvents",)),
    # Regional STS endpoints are data planes as a whole.
    "sts": frozenset(("GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken")),
}
# Their control planes are in us-east-1, whichever region the client names. Route 53 has no data-plane API at
# all: its data plane is the answers of its name servers and the work of its checkers.
GLOBAL_SERVICES = frozenset(("route53", "iam", "cloudfront", "globalaccelerator", "organizations"))
GLOBAL_REGION = "us-east-1"
READ_PREFIXES = (
    "Get",
    "List",
    "Describe",
    "Head",
    "Query",
    "Scan",
    "BatchGet",
    "TransactGet",
    "Filter",
    "Simulate",
    "Test",
)

ENGINE = "pulumi"
ENGINE_READS = frozenset(("Preview", "Export"))  # nothing is changed in AWS

NO_PURPOSE = "other"
FAILOVER = "failover"
_purpose: contextvars.ContextVar[str] = contextvars.ContextVar("purpose", default="")
_assumed = NO_PURPOSE


class Call(NamedTuple):
    """One kind of call. `plane` is "control" or "data", `access` is "read" or "write"."""

    service: str
    operation: str
    region: str
    plane: str
    access: str
    purpose: str


@contextlib.contextmanager
def purpose(name: str) -> Iterator[None]:
    """Say what the calls inside are for: "failover", "observe", "deploy", ...

    It holds for the calling thread; a thread started inside must say it anew.
    """
    token = _purpose.set(name)
    try:
        yield
    finally:
        _purpose.reset(token)


def assume(name: str = NO_PURPOSE) -> None:
    """Say what calls of this process are for from now on, wherever no `purpose` says otherwise.

    From a fault to the recovery that is "failover": a call that nobody declared counts against the run.
    """
    global _assumed
    _assumed = name


def classify(service: str, operation: str, region: str) -> Call:
    """Return the call's record, with the region whose plane really serves it."""
    plane = "data" if operation in DATA_PLANE.get(service, ()) else "control"
    reads = operation in ENGINE_READS if service == ENGINE else operation.startswith(READ_PREFIXES)
    access = "read" if reads else "write"
    where = GLOBAL_REGION if service in GLOBAL_SERVICES or region == "aws-global" else region
    return Call(service, operation, where, plane, access, _purpose.get() or _assumed)


class Recorder:
    """Counts calls by kind. Safe to use from several threads.

    Args:
        read_only: refuse calls that write, before they are made: OnlyPlanned.
    """

    def __init__(self, *, read_only: bool = False) -> None:
        self._read_only = read_only
        self._counts: Counter[Call] = Counter()
        self._lock = threading.Lock()

    def attach(self, client: Any) -> None:
        """Count every call that a boto3 client makes from now on; its retries are one call."""
        service = client.meta.service_model.service_name
        region = client.meta.region_name

        def before_call(model: Any, **_: Any) -> None:
            self.add(service, model.name, region)

        client.meta.events.register_first("before-call.*.*", before_call)

    def add(self, service: str, operation: str, region: str) -> None:
        """Count one call that no client of ours made, such as a run of the Pulumi engine."""
        call = classify(service, operation, region)
        if self._read_only and call.access != "read":
            raise OnlyPlanned(
                f"{service} {operation} would change something, and the parameter mode is plan.",
                remedy="Set mode to apply, and run again.",
                region=region,
            )
        with self._lock:
            self._counts[call] += 1

    def counts(self) -> dict[Call, int]:
        """Return how often each kind of call was made, sorted."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def rows(self) -> list[dict[str, Any]]:
        """Return the counts as plain dictionaries."""
        return [call._asdict() | {"count": count} for call, count in self.counts().items()]


def merge(parts: Iterable[Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Add up the rows of several recorders."""
    total: Counter[Call] = Counter()
    for rows in parts:
        for row in rows:
            total[Call(**{name: row[name] for name in Call._fields})] += row["count"]
    return [call._asdict() | {"count": count} for call, count in sorted(total.items())]


def control_calls(rows: Iterable[dict[str, Any]], *, purpose: str = FAILOVER) -> int:
    """Return how many control-plane calls were made for one purpose."""
    return sum(row["count"] for row in rows if row["plane"] == "control" and row["purpose"] == purpose)
