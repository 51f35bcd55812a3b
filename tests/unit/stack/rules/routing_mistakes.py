"""Mistakes that the rules of routing must find: the rule, a word of its message, the mistake."""

from __future__ import annotations

from tests.unit.stack.rules.mistakes import Break, both, one, put, related, unrelated, without

CHECK = "failover-endpoint-us-east-2"
RECORDS = ("failover-record-primary", "failover-record-secondary")
CASES: list[tuple[str, str, Break]] = [
    ("dns-alias", "type CNAME", both(*RECORDS, change=put("type", "CNAME"))),
    (
        "dns-failover-pair",
        "roles PRIMARY, PRIMARY",
        one(RECORDS[1], put("failoverRoutingPolicies.0.type", "PRIMARY")),
    ),
    ("dns-failover-pair", "set identifiers", both(*RECORDS, change=put("setIdentifier", "same"))),
    ("dns-failover-pair", "one region under both", related(RECORDS[1], "aliases", "api-primary-domain")),
    (
        "dns-policy-list",
        "does not exist",
        one(RECORDS[0], lambda inputs: inputs.update(failoverRoutingPolicy={"type": "PRIMARY"})),
    ),
    ("dns-checked", "no health check", unrelated(RECORDS[1], "healthCheckId")),
    ("dns-checked", "target's health", one(RECORDS[0], put("aliases.0.evaluateTargetHealth", False))),
    ("check-target", "whichever region", one(CHECK, put("fqdn", "api.rules.test"))),
    ("check-path", "no such route", one(CHECK, put("resourcePath", "/payments"))),
    ("check-path", "needs authorization", one("api-primary-health", put("authorizationType", "JWT"))),
    ("check-timing", "interval of 15 s", one(CHECK, put("requestInterval", 15))),
    ("check-timing", "threshold of 11", one(CHECK, put("failureThreshold", 11))),
    ("check-regions", "alone", one(CHECK, put("regions", ["us-east-1", "us-west-1"]))),
    ("domain-reserved", "example.com", one("domain-zone", put("name", "payments-dev.example.com"))),
    ("api-domain", "mapped to no domain", without("api-standby-mapping")),
    (
        "api-domain",
        "another region",
        related("api-standby-domain", "domainNameConfiguration", "domain-certificate-us-east-2"),
    ),
    ("api-invokes", "may not invoke", without("api-standby-health-permission")),
    (
        "api-invokes",
        "version 1.0",
        one("api-standby-integration", lambda inputs: inputs.pop("payloadFormatVersion")),
    ),
]
