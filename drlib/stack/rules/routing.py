"""Rules on failover records, health checks, and the API that they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drlib.stack.plan import PlannedResource
from drlib.stack.rules.planned import Planned
from drlib.stack.rules.rule import rule

RECORD, CHECK = "route53/record:Record", "route53/healthCheck:HealthCheck"
API, ROUTE = "apigatewayv2/api:Api", "apigatewayv2/route:Route"
DOMAIN = "apigatewayv2/domainName:DomainName"
ENDPOINT_TYPES = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
INTERVALS = (10, 30)
LEAST_REGIONS = 3
RESERVED = ("example.com", "example.net", "example.org", "example.edu")
RESERVED_ENDINGS = ("example", "invalid", "localhost", "local", "internal", "onion")


@rule(
    "dns-alias",
    "critical",
    requires="failover records are aliases of type A or AAAA, never CNAMEs",
    source="API Gateway Developer Guide, Configure custom health checks for DNS failover",
    fix="Make an alias to the custom domain name's regional target: to any other Host the API answers 403.",
)
def alias(planned: Planned) -> Iterator[str]:
    for one in _failover(planned):
        if one.inputs.get("type") not in ("A", "AAAA"):
            yield f"{one.name} is of type {one.inputs.get('type')}"
        elif not one.inputs.get("aliases"):
            yield f"{one.name} is no alias"
        elif not planned.sources(one, "aliases", DOMAIN):
            yield f"{one.name} is an alias of something else than a custom domain name of the API"


@rule(
    "dns-failover-pair",
    "critical",
    requires="the public name has one PRIMARY and one SECONDARY record, of one type, with identifiers apart",
    source="Route 53 Developer Guide, Values specific for failover records",
    fix="Give both records one name and type, distinct set identifiers, and lead them to distinct regions.",
)
def pair(planned: Planned) -> Iterator[str]:
    records = _failover(planned)
    groups: dict[tuple[str, str], list[PlannedResource]] = {}
    for one in records:
        groups.setdefault((str(one.inputs.get("name")), str(one.inputs.get("type"))), []).append(one)
    if not records:
        yield "there is no failover record"
    for (name, type_), found in sorted(groups.items()):
        roles = sorted(role for one in found for role in _roles(one))
        if roles != ["PRIMARY", "SECONDARY"]:
            yield f"{name} ({type_}) has the failover roles {', '.join(roles) or 'none'}"
        identifiers = [str(one.inputs.get("setIdentifier") or "") for one in found]
        if len(set(identifiers)) != len(identifiers) or "" in identifiers:
            yield f"{name} ({type_}) has the set identifiers {', '.join(map(repr, identifiers))}"
        targets = [one.references.get("aliases") for one in found if one.references.get("aliases")]
        if len({tuple(sorted(set(map(str, found)))) for found in targets if found}) < len(targets):
            yield f"{name} ({type_}) leads to one region under both roles"


@rule(
    "dns-policy-list",
    "critical",
    requires="the failover policy of a record is a list with one entry",
    source="Pulumi Registry, aws.route53.Record: failover_routing_policies",
    fix="Write failover_routing_policies=[...]: there is no failover_routing_policy.",
)
def policy_list(planned: Planned) -> Iterator[str]:
    for one in planned.of(RECORD):
        policies = one.inputs.get("failoverRoutingPolicies")
        if policies is not None and not (isinstance(policies, list) and len(policies) == 1):
            yield f"{one.name} has a failover policy that is no list of one"
        if "failoverRoutingPolicy" in one.inputs:
            yield f"{one.name} has an input failoverRoutingPolicy, which does not exist"


@rule(
    "dns-checked",
    "critical",
    requires="both failover records have a health check and evaluate their target's health",
    source="Route 53 Developer Guide, How Amazon Route 53 chooses records when health checking is configured",
    fix="Set health_check_id on both records: without one, a record counts as healthy for ever.",
)
def checked(planned: Planned) -> Iterator[str]:
    for one in _failover(planned):
        if not planned.sources(one, "healthCheckId", CHECK) and not one.inputs.get("healthCheckId"):
            yield f"{one.name} has no health check"
        for target in one.inputs.get("aliases") or ():
            if target.get("evaluateTargetHealth") is not True:
                yield f"{one.name} does not evaluate its target's health"


@rule(
    "check-target",
    "critical",
    requires="no health check asks the failover name itself",
    source="Route 53 API Reference, HealthCheckConfig: FullyQualifiedDomainName (results are unpredictable)",
    fix="Ask each region under a name of its own, such as the API's generated host name.",
)
def check_target(planned: Planned) -> Iterator[str]:
    names = {str(one.inputs.get("name")).rstrip(".") for one in _failover(planned)}
    names.add(planned.settings.public_name)
    for one in _endpoint_checks(planned):
        if str(one.inputs.get("fqdn", "")).rstrip(".") in names:
            yield f"{one.name} asks {one.inputs['fqdn']}, which leads to whichever region is active"


@rule(
    "check-path",
    "critical",
    requires="health checks ask a GET route of the API that needs no authorization",
    source="Route 53 Developer Guide, How Route 53 determines whether a health check is healthy (2xx or 3xx)",
    fix="Add a GET route without authorization for the path: an unmatched GET is answered with 404.",
)
def check_path(planned: Planned) -> Iterator[str]:
    routes = planned.of(ROUTE)
    for one in _endpoint_checks(planned):
        apis = planned.sources(one, "fqdn", API)
        wanted = f"GET {one.inputs.get('resourcePath') or '/'}"
        found = [
            route
            for route in routes
            if route.inputs.get("routeKey") == wanted
            and (not apis or any(api.urn in route.references.get("apiId", ()) for api in apis))
        ]
        if not found:
            yield f"{one.name} asks {wanted}, and the API has no such route"
        elif any(route.inputs.get("authorizationType", "NONE") != "NONE" for route in found):
            yield f"{one.name} asks {wanted}, which needs authorization"


@rule(
    "check-timing",
    "critical",
    requires="health checks look every 10 or 30 seconds, and 1 to 10 failures in a row count",
    source="Route 53 API Reference, HealthCheckConfig: RequestInterval, FailureThreshold",
    fix="Set request_interval to 10 or 30 and failure_threshold from 1 to 10; no other value exists.",
)
def check_timing(planned: Planned) -> Iterator[str]:
    for one in _endpoint_checks(planned):
        interval, threshold = one.inputs.get("requestInterval", 30), one.inputs.get("failureThreshold", 3)
        if interval not in INTERVALS:
            yield f"{one.name} has an interval of {interval} s"
        if not 1 <= threshold <= 10:
            yield f"{one.name} has a threshold of {threshold}"


@rule(
    "check-regions",
    "high",
    requires="at least three regions check each endpoint",
    source="Route 53 API Reference, HealthCheckConfig: Regions",
    fix="Name three checker regions or more, or none for all eight.",
)
def check_regions(planned: Planned) -> Iterator[str]:
    for one in _endpoint_checks(planned):
        regions = one.inputs.get("regions")
        if regions and len(set(regions)) < LEAST_REGIONS:
            yield f"{one.name} is checked from {', '.join(regions)} alone"


@rule(
    "domain-reserved",
    "critical",
    requires="the domain is one that can be owned and delegated",
    source="RFC 2606 and RFC 6761; Route 53 refuses example.com: InvalidDomainName, reserved by AWS",
    fix="Take a domain of your own (in the sandbox, a name under .test).",
)
def reserved(planned: Planned) -> Iterator[str]:
    endings = [*RESERVED, *RESERVED_ENDINGS, *(["test"] if planned.settings.target == "aws" else [])]
    named = [
        (one.name, str(one.inputs.get(key) or ""))
        for kind, key in (("route53/zone:Zone", "name"), (DOMAIN, "domainName"), (RECORD, "name"))
        for one in planned.of(kind)
    ]
    for name, domain in named:
        for ending in endings:
            if f".{domain.rstrip('.')}".endswith(f".{ending}"):
                yield f"{name} is called {domain}, which ends in the reserved {ending}"


@rule(
    "api-domain",
    "critical",
    requires="each region's API answers under the public name, with a certificate of that region",
    source="API Gateway Developer Guide, Custom domain names for HTTP APIs",
    fix="Make a domain name, a mapping of it to the stage, and a certificate in each region.",
)
def api_domain(planned: Planned) -> Iterator[str]:
    for api in planned.of(API):
        domains = [one for one in planned.of(DOMAIN) if one.region == api.region]
        mappings = planned.users(api, "apiId", "apigatewayv2/apiMapping:ApiMapping")
        if not any(one.inputs.get("domainName") == planned.settings.public_name for one in domains):
            yield f"{api.region} has no domain name {planned.settings.public_name}"
        if not any(planned.sources(one, "domainName", DOMAIN) for one in mappings):
            yield f"{api.name} is mapped to no domain name"
        for one in domains:
            certificates = planned.sources(one, "domainNameConfiguration")
            if any(found.region != one.region for found in certificates):
                yield f"{one.name} of {one.region} has a certificate of another region"


@rule(
    "api-invokes",
    "critical",
    requires="each route of the API may invoke the function behind it, which gets events of version 2.0",
    source="API Gateway Developer Guide, AWS Lambda proxy integrations for HTTP APIs: permissions",
    fix="Add a lambda.Permission for apigateway.amazonaws.com with the route's ARN: else callers get 500.",
)
def api_invokes(planned: Planned) -> Iterator[str]:
    permissions = [
        one
        for one in planned.of("lambda/permission:Permission")
        if one.inputs.get("principal") == "apigateway.amazonaws.com"
        and one.inputs.get("action") == "lambda:InvokeFunction"
    ]
    for route in planned.of(ROUTE):
        ending = "/" + str(route.inputs.get("routeKey", "")).replace(" ", "")
        if not any(
            one.region == route.region and _permits(str(one.inputs.get("sourceArn", "")), ending)
            for one in permissions
        ):
            yield f"{route.name} may not invoke its function"
    for one in planned.of("apigatewayv2/integration:Integration"):
        if one.inputs.get("payloadFormatVersion") != "2.0":
            yield f"{one.name} sends events of version {one.inputs.get('payloadFormatVersion', '1.0')}"


@rule(
    "api-authorized",
    "critical",
    requires="on aws, payments routes take nobody without a token",
    source="API Gateway Developer Guide, Control access to HTTP APIs with JWT authorizers",
    fix="Set jwt_issuer and jwt_audience; only the sandbox may leave payments open.",
)
def api_authorized(planned: Planned) -> Iterator[str]:
    if planned.settings.target != "aws":
        return
    for route in planned.of(ROUTE):
        if (
            "/payments" in str(route.inputs.get("routeKey"))
            and route.inputs.get("authorizationType") != "JWT"
        ):
            yield f"{route.name} ({route.inputs.get('routeKey')}) is open to everybody"


def _failover(planned: Planned) -> list[PlannedResource]:
    return [
        one
        for one in planned.of(RECORD)
        if one.inputs.get("failoverRoutingPolicies")
        or "failoverRoutingPolicy" in one.inputs
        or one.inputs.get("name") == planned.settings.public_name
    ]


def _roles(record: PlannedResource) -> list[str]:
    policies: Any = record.inputs.get("failoverRoutingPolicies") or []
    return [str(one.get("type")) for one in (policies if isinstance(policies, list) else [policies])]


def _endpoint_checks(planned: Planned) -> list[PlannedResource]:
    return [one for one in planned.of(CHECK) if one.inputs.get("type") in ENDPOINT_TYPES]


def _permits(source_arn: str, ending: str) -> bool:
    return source_arn.endswith((ending, "/*/*", "/*"))
