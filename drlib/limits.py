"""What values the parameters may have: AWS's limits, reserved names, and what the sandbox can carry.

Each rule takes the settings and yields one sentence for each thing that is wrong.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drlib.settings import Settings

TARGETS = ("sandbox", "aws")
MODES = ("apply", "plan")
OUTAGE_MODES = ("refuse", "reset", "hang", "503")
CHECK_INTERVALS = (10, 30)  # Route 53, HealthCheckConfig.RequestInterval: no other value exists
SUFFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?")
CONFIRMATION = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# RFC 2606 and RFC 6761: Route 53 refuses example.com ("is reserved by AWS"), the others are never delegated.
RESERVED_NAMES = ("example.com", "example.net", "example.org", "example.edu")
RESERVED_ENDINGS = ("example", "invalid", "localhost", "local", "internal", "onion")
LONGEST_CERTIFICATE_NAME = 64  # ACM: the first name of a certificate
ATTEMPTS_PER_WALL_SECOND = 100  # a bound for typing errors; two slow cores were seen to serve 17 to 20
# A cohort's clients pay once in so many intervals. Those that the RTO is not measured by pay less often, as
# two cores have to carry them all; a client that never moves needs to be seen failing, and no more.
INTERVALS_A_PAYMENT = {"ttl_clients": 1, "keepalive_clients": 1, "cached_clients": 2, "pinned_clients": 5}
RANGES: dict[str, tuple[float, float]] = {
    "check_failure_threshold": (1, 10),  # Route 53, HealthCheckConfig.FailureThreshold
    "rto_target_seconds": (1, 86_400),
    "rpo_target_seconds": (0, 86_400),
    "time_scale": (1, 60),  # at 60, a TTL of 60 s is still one whole second on the wire
    "seed": (0, 2**31 - 1),
    "replication_lag_seconds": (0, 300),
    "ttl_clients": (1, 50),
    "keepalive_clients": (0, 50),
    "pinned_clients": (0, 50),
    "cached_clients": (0, 50),
    "resolver_floor_seconds": (0, 3600),  # an hour is far beyond any TTL of a failover
    "attempt_interval_seconds": (1, 60),
}


@functools.cache
def regions() -> frozenset[str]:
    """Return the regions of the commercial partition, from botocore's table, without importing botocore."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:  # a broken environment: the preflight says so, not the parameters
        return frozenset()
    table = json.loads((Path(spec.origin).parent / "data" / "partitions.json").read_text(encoding="utf-8"))
    commercial = next(part for part in table["partitions"] if part["id"] == "aws")
    return frozenset(commercial["regions"]) - {"aws-global"}


def _choices(settings: Settings) -> Iterator[str]:
    allowed: dict[str, tuple[Any, ...]] = {
        "target": TARGETS,
        "mode": MODES,
        "outage_mode": OUTAGE_MODES,
        "check_interval_seconds": CHECK_INTERVALS,
    }
    for name, values in allowed.items():
        value = getattr(settings, name)
        if value not in values:
            yield f"{name} must be one of {', '.join(map(str, values))}, and is {value!r}."
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", settings.scenario):
        yield f"scenario must be a name that `drlib scenarios` lists, and is {settings.scenario!r}."


def _ranges(settings: Settings) -> Iterator[str]:
    for name, (low, high) in RANGES.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            yield f"{name} must be from {low:g} to {high:.10g}, and is {value:g}."
    payers = sum(getattr(settings, name) / every for name, every in INTERVALS_A_PAYMENT.items())
    rate = payers * settings.time_scale / max(settings.attempt_interval_seconds, 1)
    if settings.target == "sandbox" and rate > ATTEMPTS_PER_WALL_SECOND:
        yield (
            f"{', '.join(INTERVALS_A_PAYMENT)}, attempt_interval_seconds and time_scale must not make more "
            f"than {ATTEMPTS_PER_WALL_SECOND} payments a wall second in the sandbox, and make {rate:.0f}."
        )


def _regions(settings: Settings) -> Iterator[str]:
    known = regions()
    for name in ("primary_region", "standby_region"):
        value = getattr(settings, name)
        if known and value not in known:
            near = difflib.get_close_matches(value, sorted(known), n=2, cutoff=0.8)
            hint = f"; did you mean {' or '.join(sorted(near))}?" if near else "."
            yield f"{name} must be a commercial AWS region such as us-east-2, and is {value!r}{hint}"
    if settings.primary_region == settings.standby_region:
        yield f"standby_region must differ from primary_region, and both are {settings.primary_region!r}."


def _names(settings: Settings) -> Iterator[str]:
    if not SUFFIX.fullmatch(settings.suffix):
        yield (
            "suffix must be 1 to 16 small letters, digits and inner hyphens, "
            f"because it becomes part of resource names, and is {settings.suffix!r}."
        )
    domain = settings.domain_name
    labels = domain.split(".")
    if len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels):
        yield f"domain_name must be a domain of two or more labels in small letters, and is {domain!r}."
    elif len(settings.public_name) > LONGEST_CERTIFICATE_NAME:
        yield (
            f"domain_name must have at most {LONGEST_CERTIFICATE_NAME - len('api.')} characters "
            f"(a certificate's limit), and has {len(domain)}."
        )
    else:
        yield from _reserved(domain, settings.target)


def _reserved(domain: str, target: str) -> Iterator[str]:
    padded = f".{domain}"
    for name in (*RESERVED_NAMES, *RESERVED_ENDINGS):
        if padded.endswith(f".{name}"):
            yield f"domain_name must be a domain of your own, and {domain!r} ends in the reserved {name}."
    if target == "aws" and padded.endswith(".test"):
        yield f"domain_name must be publicly delegated on aws, and {domain!r} ends in the reserved test."


def _aws_only(settings: Settings) -> Iterator[str]:
    backend, zone = settings.state_backend, settings.hosted_zone_id
    if settings.target == "aws" and not backend:
        yield "state_backend must say where Pulumi keeps its state on aws, such as s3://bucket, and is empty."
    if backend and not re.fullmatch(r"(s3|gs|azblob|file|https)://\S+", backend):
        yield f"state_backend must be a URL such as s3://bucket, and is {backend!r}."
    if settings.confirm and not CONFIRMATION.fullmatch(settings.confirm):
        yield f"confirm must be suffix/region, such as {settings.confirmation}, and is {settings.confirm!r}."
    if settings.target == "sandbox" and zone:
        yield "hosted_zone_id must be empty in the sandbox, which has no zone of yours."
    if zone and not re.fullmatch(r"Z[A-Z0-9]{1,31}", zone):
        yield f"hosted_zone_id must be a Route 53 zone id such as Z0123456789ABC, and is {zone!r}."


def _contacts(settings: Settings) -> Iterator[str]:
    if bool(settings.jwt_issuer) != bool(settings.jwt_audience):
        yield "jwt_issuer and jwt_audience must be given together, and one of them is empty."
    if settings.jwt_issuer and not re.fullmatch(r"https://\S+", settings.jwt_issuer):
        yield f"jwt_issuer must be an https URL, and is {settings.jwt_issuer!r}."
    if settings.alert_email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", settings.alert_email):
        yield f"alert_email must be an e-mail address, and is {settings.alert_email!r}."


RULES: tuple[Callable[[Settings], Iterator[str]], ...] = (
    _choices,
    _ranges,
    _regions,
    _names,
    _aws_only,
    _contacts,
)
