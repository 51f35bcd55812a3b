"""DNS routing to the active region: zone, certificates, health checks and a failover pair of records.

All resources that a failover needs exist before it. The primary's health is calculated from two checks that
must both be healthy: its endpoint, and the latch, an alarm in the standby. Traffic leaves the primary
if it fails or if the latch is set, and returns only if it is healthy *and* the latch is released. Missing
data keeps the last known state, so the loss of the standby's metric moves nothing. Both records have a health
check: if neither region is healthy, Route 53 answers with the primary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from drlib.stack.program.api import Api
from drlib.stack.program.component import Component, Scope
from drlib.stack.program.functions import METRIC_NAME, METRIC_NAMESPACE

CHECKER_REGIONS = (
    "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1", "us-west-1",
    "us-west-2",
)  # fmt: skip
HEALTH_PATH = "/healthz"
HEALTHY_TEXT = '"status": "ok"'
LATCH_PERIOD_SECONDS = 60
VALIDATION_TTL_SECONDS = 60
ALIAS_TTL_SECONDS = 60  # an alias record has no TTL of its own: Route 53 answers with its target's


@dataclass(frozen=True)
class DomainArgs:
    """The zone of the public name.

    Args:
        domain_name: the zone.
        public_name: the name in it that clients use.
        hosted_zone_id: an existing zone; empty creates one.
        regions: where a certificate for the name is needed, the primary first.
    """

    domain_name: str
    public_name: str
    hosted_zone_id: str
    regions: Sequence[str]


class Domain(Component):
    """The zone, and a valid certificate in each region: `zone_id`, `name_servers`, `certificate_arns`."""

    def __init__(self, name: str, args: DomainArgs, scope: Scope) -> None:
        super().__init__("Domain", name)
        self.zone_id: pulumi.Output[str]
        self.name_servers: pulumi.Output[list[str]]
        if args.hosted_zone_id:
            self.zone_id = pulumi.Output.from_input(args.hosted_zone_id)
            self.name_servers = pulumi.Output.from_input([])
        else:
            zone = aws.route53.Zone(
                f"{name}-zone",
                name=args.domain_name,
                comment="Payments, active-passive in two regions",
                # Record changes return within the hour though us-east-1 may not; no failover needs one.
                enable_accelerated_recovery=True,
                force_destroy=False,
                tags=scope.tagged(args.domain_name),
                opts=self.child(),
            )
            self.zone_id, self.name_servers = zone.zone_id, zone.name_servers
        self.certificate_arns = self._certificates(name, args, scope)
        self.register_outputs({})

    def _certificates(self, name: str, args: DomainArgs, scope: Scope) -> dict[str, pulumi.Output[str]]:
        """A certificate in each region; the record that proves the name is the same for all of them."""
        certificates = {
            region: aws.acm.Certificate(
                f"{name}-certificate-{region}",
                region=region,
                domain_name=args.public_name,
                validation_method="DNS",
                tags=scope.tagged(args.public_name),
                opts=self.child(),
            )
            for region in args.regions
        }
        asked = certificates[args.regions[0]].domain_validation_options[0]
        proof = aws.route53.Record(
            f"{name}-validation",
            zone_id=self.zone_id,
            name=asked.resource_record_name,
            type=asked.resource_record_type,
            records=[asked.resource_record_value],
            ttl=VALIDATION_TTL_SECONDS,
            allow_overwrite=True,
            opts=self.child(),
        )
        return {
            region: aws.acm.CertificateValidation(
                f"{name}-validated-{region}",
                region=region,
                certificate_arn=certificate.arn,
                validation_record_fqdns=[proof.fqdn],
                opts=self.child(),
            ).certificate_arn
            for region, certificate in certificates.items()
        }


@dataclass(frozen=True)
class FailoverArgs:
    """The failover pair and its health checks.

    Args:
        public_name: the name that moves.
        zone_id: its zone.
        primary_region: region of the PRIMARY record.
        standby_region: region of the SECONDARY record, and of the latch's alarm.
        apis: both regions' front doors.
        interval_seconds: between two checks of one checker, 10 or 30.
        failure_threshold: failed checks in a row that mean unhealthy.
        latch_topic_arn: told when the latch is set or released; in the standby.
    """

    public_name: str
    zone_id: pulumi.Output[str]
    primary_region: str
    standby_region: str
    apis: Mapping[str, Api]
    interval_seconds: int
    failure_threshold: int
    latch_topic_arn: pulumi.Output[str]


class Failover(Component):
    """See the module. `endpoints` has each region's check; `latch`, `primary` and `alarm` the rest."""

    def __init__(self, name: str, args: FailoverArgs, scope: Scope) -> None:
        super().__init__("Failover", name)
        self.args, self.scope = args, scope
        self.endpoints = {region: self._endpoint(name, region) for region in args.apis}
        self.alarm = self._alarm(name)
        self.latch = aws.route53.HealthCheck(
            f"{name}-latch",
            type="CLOUDWATCH_METRIC",
            cloudwatch_alarm_name=self.alarm.name,
            cloudwatch_alarm_region=args.standby_region,
            insufficient_data_health_status="LastKnownStatus",
            tags=scope.tagged(f"{scope.names.shared('dr')} latch"),
            opts=self.child(),
        )
        self.primary = aws.route53.HealthCheck(
            f"{name}-primary",
            type="CALCULATED",
            child_healthchecks=[self.endpoints[args.primary_region].id, self.latch.id],
            child_health_threshold=2,
            tags=scope.tagged(f"{scope.names.shared('dr')} primary"),
            opts=self.child(),
        )
        self._record(name, "PRIMARY", args.primary_region, self.primary)
        self._record(name, "SECONDARY", args.standby_region, self.endpoints[args.standby_region])
        self.register_outputs({})

    def _endpoint(self, name: str, region: str) -> aws.route53.HealthCheck:
        """Ask a region's API by its own host name; asking the public name would ask whoever is active."""
        return aws.route53.HealthCheck(
            f"{name}-endpoint-{region}",
            type="HTTPS_STR_MATCH",
            fqdn=self.args.apis[region].host,
            port=443,
            resource_path=HEALTH_PATH,
            search_string=HEALTHY_TEXT,
            enable_sni=True,
            request_interval=self.args.interval_seconds,
            failure_threshold=self.args.failure_threshold,
            regions=list(CHECKER_REGIONS),
            tags=self.scope.tagged(f"{self.scope.names.shared('dr')} endpoint {region}"),
            opts=self.child(),
        )

    def _alarm(self, name: str) -> aws.cloudwatch.MetricAlarm:
        called = self.scope.names.regional("alarm-latch", self.args.standby_region)
        return aws.cloudwatch.MetricAlarm(
            f"{name}-latch-alarm",
            region=self.args.standby_region,
            name=called,
            alarm_description="The latch is set: the standby stays active until a failback releases it.",
            namespace=METRIC_NAMESPACE,
            metric_name=METRIC_NAME,
            dimensions={"Stack": self.scope.names.suffix},
            statistic="Maximum",
            period=LATCH_PERIOD_SECONDS,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="ignore",
            alarm_actions=[self.args.latch_topic_arn],
            ok_actions=[self.args.latch_topic_arn],
            tags=self.scope.tagged(called),
            opts=self.child(),
        )

    def _record(self, name: str, kind: str, region: str, check: aws.route53.HealthCheck) -> None:
        target = self.args.apis[region].domain.domain_name_configuration
        aws.route53.Record(
            f"{name}-record-{kind.lower()}",
            zone_id=self.args.zone_id,
            name=self.args.public_name,
            type="A",
            set_identifier=f"{kind.lower()}-{self.scope.names.suffix}",
            health_check_id=check.id,
            failover_routing_policies=[aws.route53.RecordFailoverRoutingPolicyArgs(type=kind)],
            aliases=[
                aws.route53.RecordAliasArgs(
                    name=target.target_domain_name,
                    zone_id=target.hosted_zone_id,
                    evaluate_target_health=True,
                )
            ],
            opts=self.child(),
        )
