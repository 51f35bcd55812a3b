"""Is the switch as it was deployed? The two failover records, and the health checks that they hang on.

A failover uses what exists beforehand and changes none of it: what is missing or turned round here shows on
no good day, and on the bad one there is no time to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drlib.core.aws_calls import GLOBAL_REGION
from drlib.deployed import latch, probes
from drlib.show.checklist import Failed

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target

HEALTH_PATH = "/healthz"
CHECKERS_MINIMUM = 3  # regions; what CreateHealthCheck asks for
HOME_SECONDS = 60.0  # modelled: three failed checks and three passed ones, ten seconds apart
HOME_POLL_SECONDS = 2.0


def led_to(here: Target, deployment: Deployment) -> str:
    """Return the region that the public name leads to, and give it a minute to be the primary.

    A name that is turned for some seconds comes back by itself, unless a payment is sent just then: the
    standby serves it, which sets the latch. With the latch set nothing is waited for.
    """
    found = ""

    def at_home() -> bool:
        nonlocal found
        found = probes.public_answer(here, deployment)
        return found == deployment.primary_region or latch.read(here, deployment).is_set

    here.clock.wait_until(at_home, timeout=HOME_SECONDS, poll=HOME_POLL_SECONDS)
    return found


def failover_pair(here: Target, deployment: Deployment) -> str:
    """Require a PRIMARY and a SECONDARY alias record, each to its region, each with its health check.

    Without a check on the PRIMARY record, Route 53 takes it for healthy for ever: Route 53 Developer Guide,
    "How Route 53 chooses records when health checking is configured".
    """
    name = f"{deployment.public_name}."
    found = here.client("route53", GLOBAL_REGION).list_resource_record_sets(
        HostedZoneId=deployment.zone_id, StartRecordName=name, StartRecordType="A", MaxItems="10"
    )["ResourceRecordSets"]
    records = [record for record in found if record["Name"] == name and record["Type"] == "A"]
    by_role = {record.get("Failover", "plain"): record for record in records}
    wanted = {
        "PRIMARY": (deployment.primary_region, deployment.checks["primary"]),
        "SECONDARY": (deployment.standby_region, deployment.checks["standby_endpoint"]),
    }
    if len(records) != len(wanted) or by_role.keys() != wanted.keys():
        raise Failed(f"its records are {', '.join(sorted(by_role)) or 'gone'}, and not PRIMARY, SECONDARY")
    for role, (region, check) in wanted.items():
        wrong = _wrong_record(by_role[role], region, check)
        if wrong:
            raise Failed(f"the {role} record {wrong}", region=region)
    return "PRIMARY and SECONDARY"


def _wrong_record(record: Mapping[str, Any], region: str, check: str) -> str:
    alias = record.get("AliasTarget")
    if not alias:
        return f"is no alias: clients keep its address for {record.get('TTL')} s"
    if f".{region}." not in alias["DNSName"]:
        return f"leads to {alias['DNSName'].rstrip('.')}, which is not in {region}"
    if record.get("HealthCheckId") != check:
        return "has another health check" if record.get("HealthCheckId") else "has no health check"
    return "" if alias["EvaluateTargetHealth"] else "does not evaluate its target's health"


def renewable(here: Target, deployment: Deployment, region: str) -> None:
    """Require the records by which ACM proves the names of a region's certificate.

    Without them it stays as it is until it has to be renewed, and then is not: ACM User Guide, "Renewal for
    domains validated by DNS".
    """
    name = deployment.public_name
    domain = here.client("apigatewayv2", region).get_domain_name(DomainName=name)
    arn = domain["DomainNameConfigurations"][0]["CertificateArn"]
    certificate = here.client("acm", region).describe_certificate(CertificateArn=arn)["Certificate"]
    for option in certificate["DomainValidationOptions"]:
        asked = option["ResourceRecord"]
        found = here.client("route53", GLOBAL_REGION).list_resource_record_sets(
            HostedZoneId=deployment.zone_id,
            StartRecordName=asked["Name"],
            StartRecordType=asked["Type"],
            MaxItems="1",
        )["ResourceRecordSets"]
        if not any(_plain(row["Name"]) == _plain(asked["Name"]) for row in found):
            raise Failed(
                f"the record that proves the name of its certificate is gone: {option['DomainName']} would "
                "not be renewed",
                region=region,
            )


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def endpoint_check(here: Target, deployment: Deployment, region: str, check: str) -> str:
    """Require that the check of a region's endpoint asks that region, in the way that was deployed."""
    config = _config(here, deployment.checks[check])
    _require(
        config,
        {
            "Type": "HTTPS_STR_MATCH",
            "FullyQualifiedDomainName": deployment.regions[region].api_host,
            "Port": 443,
            "ResourcePath": HEALTH_PATH,
            "RequestInterval": deployment.check_interval_seconds,
            "FailureThreshold": deployment.check_failure_threshold,
        },
    )
    if len(config.get("Regions", ())) < CHECKERS_MINIMUM:
        raise Failed(f"it is asked from {len(config.get('Regions', ()))} regions", region=region)
    return f"every {config['RequestInterval']} s from {len(config['Regions'])} regions"


def primary_health(here: Target, deployment: Deployment) -> str:
    """Require that the PRIMARY record's check needs both the endpoint and the latch.

    With the last known status where data are missing, losing the standby's metric moves nothing.
    """
    whole = _config(here, deployment.checks["primary"])
    _require(whole, {"Type": "CALCULATED", "HealthThreshold": 2})
    children = {deployment.checks["primary_endpoint"], deployment.checks["latch"]}
    if set(whole.get("ChildHealthChecks", ())) != children:
        raise Failed("its children are not the endpoint and the latch")
    latch = _config(here, deployment.checks["latch"])
    alarm = {"Region": deployment.standby_region, "Name": deployment.latch["alarm_name"]}
    _require(
        latch,
        {
            "Type": "CLOUDWATCH_METRIC",
            "AlarmIdentifier": alarm,
            "InsufficientDataHealthStatus": "LastKnownStatus",
        },
    )
    return "2 of 2"


def _config(here: Target, check_id: str) -> Mapping[str, Any]:
    found = here.client("route53", GLOBAL_REGION).get_health_check(HealthCheckId=check_id)
    config: Mapping[str, Any] = found["HealthCheck"]["HealthCheckConfig"]
    return config


def _require(config: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Require that a check is on, that it is not turned round, and that it has the values that are wanted."""
    for switch in ("Disabled", "Inverted"):
        if config.get(switch):
            raise Failed(f"the {config['Type']} check is {switch.lower()}")
    for name, value in wanted.items():
        if config.get(name) != value:
            raise Failed(f"{name} of the {config['Type']} check is {config.get(name)}, and not {value}")
