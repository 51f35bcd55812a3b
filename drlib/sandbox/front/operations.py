"""The operation of a request to the AWS APIs, and whether it belongs to a data plane.

While a region's control planes are down, its data planes work (AWS whitepaper "AWS Fault Isolation
Boundaries", "Control planes and data planes"). The table follows that paper and each service's list of
CloudTrail data events; an operation that is not in it belongs to the control plane.
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
"""Signing name -> service, where they differ."""

CBOR_PATH = re.compile(r"/service/[^/]+/operation/([A-Za-z]+)")
WHOLE_OBJECT = {"versionId", "partNumber", "x-id"}
"""Query parameters of a request for an object itself. Any other means a subresource of the object."""
LISTING = {"prefix", "delimiter", "marker", "max-keys", "encoding-type", "x-id"}
INVOCATIONS = {"invocations": "Invoke", "response-streaming-invocations": "InvokeWithResponseStream"}


class ApiRequest(NamedTuple):
    """A request to an AWS API; header names are in lower case."""

    service: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def is_data_plane(request: ApiRequest) -> bool:
    """Return whether a request's operation belongs to a data plane."""
    return operation(request) in DATA_PLANE.get(SIGNING_NAMES.get(request.service, request.service), ())


def operation(request: ApiRequest) -> str:
    """Return the name of the operation; "" if it is not in `DATA_PLANE`."""
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if found := CBOR_PATH.fullmatch(request.path):
        return found[1]
    if request.service == "lambda":
        return INVOCATIONS.get(request.path.rpartition("/")[2], "") if request.method == "POST" else ""
    if request.service == "s3":
        return _s3_operation(request)
    form = request.body.decode("latin-1") if request.method == "POST" else request.query
    return parse_qs(form).get("Action", [""])[0]


def _s3_operation(request: ApiRequest) -> str:
    """Return the operation of S3's data plane, from the method, the key and the query."""
    query = parse_qs(request.query, keep_blank_values=True)
    bucket, _, key = request.path.lstrip("/").partition("/")
    if not bucket:
        return ""
    if not key:
        return _bucket_operation(request.method, query)
    copies = "x-amz-copy-source" in request.headers
    if "uploadId" in query and not copies:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(
            request.method, ""
        )
    if "tagging" in query:
        return {"GET": "GetObjectTagging", "PUT": "PutObjectTagging"}.get(request.method, "")
    if "attributes" in query:
        return "GetObjectAttributes"
    if "uploads" in query:
        return "CreateMultipartUpload" if request.method == "POST" else ""
    if any(name not in WHOLE_OBJECT and not name.startswith("response-") for name in query):
        return ""
    if copies:
        return "CopyObject" if request.method == "PUT" else ""
    return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(
        request.method, ""
    )


def _bucket_operation(method: str, query: Mapping[str, list[str]]) -> str:
    if method == "POST":
        return "DeleteObjects" if "delete" in query else ""
    if method != "GET":
        return ""
    if "versions" in query:
        return "ListObjectVersions"
    if "list-type" in query:
        return "ListObjectsV2"
    # Any other name means a part of the bucket's configuration.
    return "ListObjects" if query.keys() <= LISTING else ""
