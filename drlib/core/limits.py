"""The allowed values of the parameters: AWS's limits, reserved names, and the limits of the sandbox.

The check of one parameter raises ValueError. Its text continues a sentence that begins with the parameter's
name.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

Mode = Literal["apply", "plan"]
CHECK_INTERVALS = (10, 30)  # Route 53, HealthCheckConfig.RequestInterval: no other value exists
DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.(?!$)|$)){2,}")
PUBLIC_PREFIX = "api."  # the public name is this prefix and the domain
# RFC 2606 and RFC 6761: Route 53 refuses example.com ("is reserved by AWS"), the others are never delegated.
RESERVED_NAMES = ("example.com", "example.net", "example.org", "example.edu")
RESERVED_ENDINGS = ("example", "invalid", "localhost", "local", "internal", "onion")
LONGEST_CERTIFICATE_NAME = 64  # ACM: the first name of a certificate
ATTEMPTS_PER_WALL_SECOND = 100  # catches typing errors; two slow cores serve 17 to 20
# A client pays once in this number of intervals. The RTO is measured by `ttl_clients` alone; the others pay
# less often, to save computing time.
INTERVALS_A_PAYMENT = {"ttl_clients": 1, "keepalive_clients": 1, "cached_clients": 2, "pinned_clients": 5}


@functools.cache
def regions() -> frozenset[str]:
    """Return the regions of the commercial partition from botocore's data, without importing botocore."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:  # the preflight reports a broken environment
        return frozenset()
    table = json.loads((Path(spec.origin).parent / "data" / "partitions.json").read_text(encoding="utf-8"))
    commercial = next(part for part in table["partitions"] if part["id"] == "aws")
    return frozenset(commercial["regions"]) - {"aws-global"}


def _region(value: str) -> str:
    known = regions()
    if known and value not in known:
        near = difflib.get_close_matches(value, sorted(known), n=2, cutoff=0.8)
        hint = f"; did you mean {' or '.join(sorted(near))}?" if near else "."
        raise ValueError(f"must be a commercial AWS region such as us-east-2, and is {value!r}{hint}")
    return value


def _domain(value: str) -> str:
    if not DOMAIN.fullmatch(value):
        raise ValueError(f"must be a domain of two or more labels in small letters, and is {value!r}.")
    longest = LONGEST_CERTIFICATE_NAME - len(PUBLIC_PREFIX)
    if len(value) > longest:
        raise ValueError(
            f"must have at most {longest} characters (a certificate's limit), and has {len(value)}."
        )
    for name in (*RESERVED_NAMES, *RESERVED_ENDINGS):
        if f".{value}".endswith(f".{name}"):
            raise ValueError(f"must be a domain of your own, and {value!r} ends in the reserved {name}.")
    return value


def _like(pattern: str, what: str, *, empty: bool = True) -> AfterValidator:
    """Return a check that a text matches a pattern, which `what` describes, or is empty where allowed."""

    def check(value: str) -> str:
        if not (empty and not value) and not re.fullmatch(pattern, value):
            raise ValueError(f"must be {what}, and is {value!r}.")
        return value

    return AfterValidator(check)


def _interval(value: int) -> int:
    if value not in CHECK_INTERVALS:
        raise ValueError(f"must be one of {', '.join(map(str, CHECK_INTERVALS))}, and is {value}.")
    return value


CheckInterval = Annotated[int, AfterValidator(_interval)]  # pydantic's Literal accepts 10.0 as 10
Region = Annotated[str, AfterValidator(_region)]
Domain = Annotated[str, AfterValidator(_domain)]
SUFFIX = "1 to 16 small letters, digits and inner hyphens, because it becomes part of resource names"
SCENARIO = "a name that `drlib scenarios` lists"
Suffix = Annotated[str, _like(r"[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?", SUFFIX, empty=False)]
Scenario = Annotated[str, _like(r"[a-z0-9]+(-[a-z0-9]+)*", SCENARIO, empty=False)]
Zone = Annotated[str, _like(r"Z[A-Z0-9]{1,31}", "a Route 53 zone id such as Z0123456789ABC")]
Confirmation = Annotated[str, _like(r"[a-z0-9-]+/[a-z0-9-]+", "suffix/region, such as drill/us-east-2")]
Backend = Annotated[str, _like(r"(s3|gs|azblob|file|https)://\S+", "a URL such as s3://bucket")]
HttpsUrl = Annotated[str, _like(r"https://\S+", "an https URL")]
Address = Annotated[str, _like(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]
Clients = Annotated[int, Field(ge=0, le=50)]


def conflicts(chosen: Any) -> Iterator[str]:
    """Yield a sentence for each conflict between two or more parameters."""
    if chosen.primary_region == chosen.standby_region:
        yield f"standby_region must differ from primary_region, and both are {chosen.primary_region!r}."
    if bool(chosen.jwt_issuer) != bool(chosen.jwt_audience):
        yield "jwt_issuer and jwt_audience must be given together, and one of them is empty."
    domain = chosen.domain_name
    if chosen.target == "aws" and domain.endswith(".test"):
        yield f"domain_name must be publicly delegated on aws, and {domain!r} ends in the reserved test."
    if chosen.target == "aws" and not chosen.state_backend:
        yield "state_backend must say where Pulumi keeps its state on aws, such as s3://bucket, and is empty."
    if chosen.target == "sandbox" and chosen.hosted_zone_id:
        yield "hosted_zone_id must be empty in the sandbox, which has no zone of yours."
    payers = sum(getattr(chosen, name) / every for name, every in INTERVALS_A_PAYMENT.items())
    rate = payers * chosen.time_scale / chosen.attempt_interval_seconds
    if chosen.target == "sandbox" and rate > ATTEMPTS_PER_WALL_SECOND:
        yield (
            f"{', '.join(INTERVALS_A_PAYMENT)}, attempt_interval_seconds and time_scale must not make more "
            f"than {ATTEMPTS_PER_WALL_SECOND} payments a wall second in the sandbox, and make {rate:.0f}."
        )
