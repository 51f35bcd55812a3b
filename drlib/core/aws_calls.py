"""Records every AWS call of a runbook: service, operation, region, plane and purpose.

A failover that needs a control plane fails if the region that hosts this control plane fails. A statically
stable recovery uses only data planes and resources that already exist (AWS, "AWS Fault Isolation
Boundaries"). The evidence therefore counts the control-plane calls of the failover.

DATA_PLANE follows that paper and each service's list of CloudTrail data events. An operation that is not
listed counts as control plane, so that an unknown operation never makes a run look better than it was.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from drlib.core.errors import OnlyPlanned

# fmt: off
DATA_PLANE: dict[str, frozenset[str]] = {
    "dynamodb": frozenset((
        "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem",
        "TransactGetItems", "TransactWriteItems", "ExecuteStatement", "BatchExecuteStatement",
        "ExecuteTransaction",
    )),
    "s3": frozenset((
        "GetObject", "PutObject", "HeadObject", "DeleteObject", "DeleteObjects", "CopyObject", "ListObjects",
        "ListObjectsV2", "ListObjectVersions", "GetObjectTagging", "PutObjectTagging", "GetObjectAttributes",
        "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload",
    )),
    "sqs": frozenset((
        "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
    )),
    "sns": frozenset(("Publish", "PublishBatch")),
    "cloudwatch": frozenset(("PutMetricData", "GetMetricData", "GetMetricStatistics")),
    "logs": frozenset(("PutLogEvents", "GetLogEvents", "FilterLogEvents")),
    "lambda": frozenset(("Invoke", "InvokeWithResponseStream")),
    "events": frozenset(("PutEvents",)),
    # All operations of a regional STS endpoint are data plane.
    "sts": frozenset(("GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken")),
}
READ_PREFIXES = (
    "Get", "List", "Describe", "Head", "Query", "Scan", "BatchGet", "TransactGet", "Filter", "Simulate",
    "Test",
)
# fmt: on
# The control planes of these services are in us-east-1, whichever region the client names. Route 53 has no
# data-plane API: its data plane is the answers of its name servers and the work of its checkers.
GLOBAL_SERVICES = frozenset(("route53", "iam", "cloudfront", "globalaccelerator", "organizations"))
GLOBAL_REGION = "us-east-1"

ENGINE = "pulumi"
ENGINE_READS = frozenset(("Preview", "Export"))  # they change nothing in AWS

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
    """Set the purpose of the calls inside the block: "failover", "observe", "deploy", ...

    It applies to the calling thread. A thread that is started inside the block must set its own purpose.
    """
    token = _purpose.set(name)
    try:
        yield
    finally:
        _purpose.reset(token)


def assume(name: str = NO_PURPOSE) -> None:
    """Set the default purpose of this process's calls: it applies wherever no `purpose` is set.

    From the fault to the recovery it is "failover", so that a call without a purpose counts against the run.
    """
    global _assumed
    _assumed = name


def classify(service: str, operation: str, region: str) -> Call:
    """Return the record of a call, with the region whose plane serves it."""
    plane = "data" if operation in DATA_PLANE.get(service, ()) else "control"
    reads = operation in ENGINE_READS if service == ENGINE else operation.startswith(READ_PREFIXES)
    access = "read" if reads else "write"
    where = GLOBAL_REGION if service in GLOBAL_SERVICES or region == "aws-global" else region
    return Call(service, operation, where, plane, access, _purpose.get() or _assumed)


class Recorder:
    """Counts calls by kind; thread-safe.

    Args:
        read_only: refuse each call that writes, before it is sent, with OnlyPlanned.
    """

    def __init__(self, *, read_only: bool = False) -> None:
        self._read_only = read_only
        self._counts: Counter[Call] = Counter()
        self._lock = threading.Lock()

    def attach(self, client: Any) -> None:
        """Count every later call of a boto3 client; a call and its retries count as one."""
        service = client.meta.service_model.service_name
        region = client.meta.region_name

        def before_call(model: Any, **_: Any) -> None:
            self.add(service, model.name, region)

        client.meta.events.register_first("before-call.*.*", before_call)

    def add(self, service: str, operation: str, region: str) -> None:
        """Count one call; called directly for calls without a boto3 client, such as those of Pulumi."""
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
        """Return the number of calls of each kind, sorted."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def rows(self) -> list[dict[str, Any]]:
        """Return the counts as plain dictionaries."""
        return _rows(self.counts())


def merge(parts: Iterable[Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Add up the rows of several recorders."""
    total: Counter[Call] = Counter()
    for rows in parts:
        for row in rows:
            total[Call(**{name: row[name] for name in Call._fields})] += row["count"]
    return _rows(total)


def control_calls(rows: Iterable[dict[str, Any]], *, purpose: str = FAILOVER) -> int:
    """Return the number of control-plane calls that were made for one purpose."""
    return sum(row["count"] for row in rows if row["plane"] == "control" and row["purpose"] == purpose)


def _rows(counts: Mapping[Call, int]) -> list[dict[str, Any]]:
    return [call._asdict() | {"count": count} for call, count in sorted(counts.items())]
