"""Rules on regions and names of all resources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from drlib.stack.plan import PlannedResource
from drlib.stack.rules.planned import Planned
from drlib.stack.rules.rule import rule

GLOBAL = ("iam", "route53")
LONGEST_SUFFIX = 16
LIMITS: Mapping[str, tuple[str, int]] = {
    "lambda/function:Function": ("name", 64),
    "iam/role:Role": ("name", 64),
    "iam/rolePolicy:RolePolicy": ("name", 128),
    "sqs/queue:Queue": ("name", 80),
    "sns/topic:Topic": ("name", 256),
    "s3/bucket:Bucket": ("bucket", 63),
    "dynamodb/table:Table": ("name", 255),
    "cloudwatch/metricAlarm:MetricAlarm": ("name", 255),
    "cloudwatch/dashboard:Dashboard": ("dashboardName", 255),
    "cloudwatch/eventRule:EventRule": ("name", 64),
    "apigatewayv2/api:Api": ("name", 128),
    "route53/record:Record": ("setIdentifier", 128),
    "acm/certificate:Certificate": ("domainName", 64),
}
"""Type -> the input that is a name, and how long AWS lets it be."""


@rule(
    "region-named",
    "critical",
    requires="every resource of a region says which",
    source="Pulumi Registry, AWS provider: enhanced region support (the default is the provider's region)",
    fix="Pass region=: children do not inherit it, and without it they land in the provider's region.",
)
def region_named(planned: Planned) -> Iterator[str]:
    for one in planned.resources:
        if one.service not in GLOBAL and not one.region:
            yield f"{one.name} ({one.type.rsplit(':', 1)[-1]}) names no region"


@rule(
    "names-fit",
    "high",
    requires="names are within their limits, even with the longest suffix, and none is used twice",
    source="each service's quotas, such as Lambda API Reference, CreateFunction: FunctionName",
    fix="Shorten the role part of the name.",
)
def names_fit(planned: Planned) -> Iterator[str]:
    spare = LONGEST_SUFFIX - len(planned.settings.suffix)
    taken: dict[tuple[str, str, str], PlannedResource] = {}
    for one in planned.resources:
        name, limit = LIMITS.get(one.type.removeprefix("aws:"), ("", 0))
        value = str(one.inputs.get(name) or "") if name else ""
        if not value:
            continue
        suffixed = re.search(rf"-{re.escape(planned.settings.suffix)}(-|$)", value) is not None
        longest = len(value) + (spare if suffixed else 0)
        if longest > limit:
            yield f"{one.name} is called {value}: {longest} characters with the longest suffix, of {limit}"
        key = (one.type, one.region, value)
        if key in taken and name in ("name", "bucket") and "olicy" not in one.type:
            yield f"{one.name} is called {value}, as {taken[key].name} is"
        taken[key] = one


@rule(
    "state-elsewhere",
    "high",
    requires="on aws, Pulumi's state is kept outside the primary region",
    source="AWS Well-Architected, Reliability Pillar, REL13: use defined recovery strategies",
    fix="Name the bucket's region, as in s3://bucket?region=us-west-2, and let it not be the primary's.",
)
def state_elsewhere(planned: Planned) -> Iterator[str]:
    settings = planned.settings
    if settings.target != "aws":
        return
    backend = settings.state_backend
    found = re.search(r"[?&]region=([a-z0-9-]+)", backend)
    if backend.startswith("s3://") and found is None:
        yield f"state_backend {backend} does not say in which region its bucket is"
    elif found and found[1] == settings.primary_region:
        yield f"state_backend is in {found[1]}, which is the primary region"
