"""Which operation a request to the AWS APIs asks for, and whether that is a service's data plane.

While a region's control planes are down, its data planes go on (AWS whitepaper "AWS Fault Isolation
Boundaries", "Control planes and data planes"). The table follows that paper and each service's list of
CloudTrail data events; what is not in it counts as control plane.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs

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
    "sts": frozenset(("GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken")),
}
SIGNING_NAMES = {"monitoring": "cloudwatch"}
"""What a service signs its requests as, where that is not its name."""

CBOR_PATH = re.compile(r"/service/[^/]+/operation/([A-Za-z]+)")
WHOLE_OBJECT = {"versionId", "partNumber", "x-id"}
"""Names in the query of a request for an object itself; any other asks for something beside it."""
LISTING = {"prefix", "delimiter", "marker", "max-keys", "encoding-type", "x-id"}
INVOCATIONS = {"invocations": "Invoke", "response-streaming-invocations": "InvokeWithResponseStream"}


class Asked(NamedTuple):
    """A request as it came: header names in small letters."""

    service: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def is_data_plane(asked: Asked) -> bool:
    """Say whether a request asks for an operation of a data plane."""
    return operation(asked) in DATA_PLANE.get(SIGNING_NAMES.get(asked.service, asked.service), ())


def operation(asked: Asked) -> str:
    """Return the name of the operation, "" for one of a control plane that has no name of its own here."""
    target = asked.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if found := CBOR_PATH.fullmatch(asked.path):
        return found[1]
    if asked.service == "lambda":
        return INVOCATIONS.get(asked.path.rpartition("/")[2], "") if asked.method == "POST" else ""
    if asked.service == "s3":
        return _of_s3(asked)
    form = asked.body.decode("latin-1") if asked.method == "POST" else asked.query
    return parse_qs(form).get("Action", [""])[0]


def _of_s3(asked: Asked) -> str:
    """Tell an operation of S3's data plane by its method, its key and what its query names."""
    query = parse_qs(asked.query, keep_blank_values=True)
    bucket, _, key = asked.path.lstrip("/").partition("/")
    if not bucket:
        return ""
    if not key:
        return _of_bucket(asked.method, query)
    copies = "x-amz-copy-source" in asked.headers
    if "uploadId" in query and not copies:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(
            asked.method, ""
        )
    if "tagging" in query:
        return {"GET": "GetObjectTagging", "PUT": "PutObjectTagging"}.get(asked.method, "")
    if "attributes" in query:
        return "GetObjectAttributes"
    if "uploads" in query:
        return "CreateMultipartUpload" if asked.method == "POST" else ""
    if any(name not in WHOLE_OBJECT and not name.startswith("response-") for name in query):
        return ""
    if copies:
        return "CopyObject" if asked.method == "PUT" else ""
    return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(
        asked.method, ""
    )


def _of_bucket(method: str, query: Mapping[str, list[str]]) -> str:
    if method == "POST":
        return "DeleteObjects" if "delete" in query else ""
    if method != "GET":
        return ""
    if "versions" in query:
        return "ListObjectVersions"
    if "list-type" in query:
        return "ListObjectsV2"
    # Any other name asks for a part of the bucket's configuration.
    return "ListObjects" if query.keys() <= LISTING else ""
