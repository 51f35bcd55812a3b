"""The whole stack: what is built in which order, and what it tells about itself.

The program is a function of plain data: regions, names and thresholds come from the settings, and nothing
here knows where it runs. Its outputs are what `drlib.stack.stack` makes a `Deployment` of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from drlib.core.aws_calls import GLOBAL_REGION
from drlib.deployed.names import Names
from drlib.parameters import Settings
from drlib.stack.program import monitoring
from drlib.stack.program.api import Api, ApiArgs
from drlib.stack.program.component import Scope, foreseen
from drlib.stack.program.dashboard import Dashboard
from drlib.stack.program.data import REPLICATION_RULE, DataArgs, Receipts, Table
from drlib.stack.program.functions import (
    METRIC_NAME,
    METRIC_NAMESPACE,
    TIMEOUT_SECONDS,
    Functions,
    FunctionsArgs,
)
from drlib.stack.program.messaging import Messaging, MessagingArgs, RegionQueues
from drlib.stack.program.network import Network, NetworkArgs
from drlib.stack.program.routing import ALIAS_TTL_SECONDS, Domain, DomainArgs, Failover, FailoverArgs

VISIBILITY_FACTOR = 6  # of the worker's timeout, as Lambda asks for
NETWORKS = {
    "primary": ("10.10.0.0/16", ("10.10.0.0/20", "10.10.16.0/20")),
    "standby": ("10.20.0.0/16", ("10.20.0.0/20", "10.20.16.0/20")),
}


@dataclass(frozen=True)
class Place:
    """One region, as built so far."""

    role: str
    region: str
    other: str
    functions: Functions
    api: Api


def build(settings: Settings, *, code: Path, protect_data: bool = False) -> Callable[[], None]:
    """Return the Pulumi program of `settings`.

    Args:
        settings: checked parameters.
        code: the functions' archive.
        protect_data: deletion protection on the table, and buckets that a destroy does not empty.
    """

    def program() -> None:
        account_id = aws.get_caller_identity().account_id
        scope = Scope(
            names=Names(settings.suffix, account_id),
            account_id=account_id,
            tags={"Project": "payments-dr", "Stack": settings.suffix},
            protect_data=protect_data,
        )
        Stack(settings, str(code), scope).export()

    return program


class Stack:
    """All components, and the wiring between them."""

    def __init__(self, settings: Settings, code: str, scope: Scope) -> None:
        self.settings, self.code, self.scope = settings, code, scope
        self.roles = {"primary": settings.primary_region, "standby": settings.standby_region}
        regions = list(self.roles.values())
        pair = DataArgs(settings.primary_region, settings.standby_region)
        self.table = Table("table", pair, scope, parent=None)
        self.receipts = Receipts("receipts", pair, scope, parent=None)
        visibility = VISIBILITY_FACTOR * TIMEOUT_SECONDS
        self.messaging = Messaging("messaging", MessagingArgs(regions, visibility), scope, parent=None)
        zone = DomainArgs(settings.domain_name, settings.public_name, settings.hosted_zone_id, regions)
        self.domain = Domain("domain", zone, scope, parent=None)
        self.places = {role: self._place(role) for role in self.roles}
        self.alerts = {role: self._alerts(role) for role in self.roles}
        self.failover = self._failover()
        self.checks = self._checks()
        self.alarms = self._monitoring()

    def _place(self, role: str) -> Place:
        """Build what is the same in both regions: network, functions, front door."""
        settings, scope, region = self.settings, self.scope, self.roles[role]
        network = None
        if settings.lambda_in_vpc:
            cidr, subnets = NETWORKS[role]
            network = Network(f"network-{role}", NetworkArgs(region, cidr, subnets), scope, parent=None)
        functions = Functions(
            role,
            FunctionsArgs(
                region=region,
                role=role,
                standby_region=settings.standby_region,
                public_name=settings.public_name,
                code=self.code,
                table_name=self.table.table.name,
                table_arn=self.table.arns[region],
                bucket=self.receipts.buckets[region],
                bucket_arn=self.receipts.arns[region],
                queues=self.messaging.regions[region],
                network=network,
            ),
            scope,
            parent=None,
        )
        api = Api(
            f"api-{role}",
            ApiArgs(
                region=region,
                public_name=settings.public_name,
                certificate_arn=self.domain.certificate_arns[region],
                function=functions.by_name["payments"],
                jwt_issuer=settings.jwt_issuer,
                jwt_audience=settings.jwt_audience,
            ),
            scope,
            parent=None,
        )
        other = self.roles["standby" if role == "primary" else "primary"]
        return Place(role, region, other, functions, api)

    def _alerts(self, role: str) -> monitoring.AlertTopic:
        email = self.settings.alert_email
        return monitoring.AlertTopic(
            f"alerts-{role}", "alerts", self.roles[role], email, self.scope, parent=None
        )

    def _failover(self) -> Failover:
        settings = self.settings
        args = FailoverArgs(
            public_name=settings.public_name,
            zone_id=self.domain.zone_id,
            primary_region=settings.primary_region,
            standby_region=settings.standby_region,
            apis={place.region: place.api for place in self.places.values()},
            interval_seconds=settings.check_interval_seconds,
            failure_threshold=settings.check_failure_threshold,
            latch_topic_arn=self.alerts["standby"].arn,
        )
        return Failover("failover", args, self.scope, parent=None)

    def _checks(self) -> dict[str, pulumi.Output[str]]:
        endpoints = self.failover.endpoints
        return {
            "primary": self.failover.primary.id,
            "primary_endpoint": endpoints[self.settings.primary_region].id,
            "standby_endpoint": endpoints[self.settings.standby_region].id,
            "latch": self.failover.latch.id,
        }

    def _monitoring(self) -> dict[str, list[str]]:
        """Build alarms and dashboard; return the alarms' names by role."""
        scope, settings = self.scope, self.settings
        watched = {role: self._watched(place) for role, place in self.places.items()}
        names = {}
        for role, at in watched.items():
            rules = monitoring.region_rules(
                at, replication_rule=REPLICATION_RULE, rpo_seconds=settings.rpo_target_seconds
            )
            topic = self.alerts[role].arn
            names[role] = monitoring.Alarms(
                f"alarms-{role}", at.region, rules, topic, scope, parent=None
            ).names
        names["standby"].append(scope.names.regional("alarm-latch", settings.standby_region))
        told = {
            role.replace("_", "-"): foreseen(check, role)
            for role, check in self.checks.items()
            if role != "latch"
        }
        at_home = GLOBAL_REGION
        dns_topic = monitoring.AlertTopic(
            "alerts-dns", "dns-alerts", at_home, settings.alert_email, scope, parent=None
        )
        names["dns"] = monitoring.Alarms(
            "alarms-dns", at_home, monitoring.route53_rules(told), dns_topic.arn, scope, parent=None
        ).names
        Dashboard("dashboard", settings.standby_region, list(watched.values()), told, scope, parent=None)
        return names

    def _watched(self, place: Place) -> monitoring.Watched:
        names = self.scope.names
        return monitoring.Watched(
            region=place.region,
            role=place.role,
            other_region=place.other,
            api_id=place.api.id,
            table=self.table.name,
            bucket=names.bucket("receipts", place.region),
            other_bucket=names.bucket("receipts", place.other),
            queues={
                role: names.regional(role, place.region) for role in ("work", "dead-letter", "undelivered")
            },
            functions=place.functions.roles,
        )

    def export(self) -> None:
        """Tell what the runbooks need to know."""
        settings = self.settings
        outputs: dict[str, Any] = {
            "public_name": settings.public_name,
            "url": f"https://{settings.public_name}",
            "primary_region": settings.primary_region,
            "standby_region": settings.standby_region,
            "zone_id": self.domain.zone_id,
            "name_servers": self.domain.name_servers,
            "table": self.table.table.name,
            "regions": {place.region: self._region_outputs(place) for place in self.places.values()},
            "checks": self.checks,
            "latch": {
                "alarm_name": self.failover.alarm.name,
                "namespace": METRIC_NAMESPACE,
                "metric_name": METRIC_NAME,
                "dimensions": {"Stack": settings.suffix},
                "table_key": {"pk": "LATCH", "sk": settings.standby_region},
            },
            "check_interval_seconds": settings.check_interval_seconds,
            "check_failure_threshold": settings.check_failure_threshold,
            "ttl_seconds": ALIAS_TTL_SECONDS,
            "dns_alarms": self.alarms["dns"],
        }
        for name, value in outputs.items():
            pulumi.export(name, value)

    def _region_outputs(self, place: Place) -> dict[str, Any]:
        queues = self.messaging.regions[place.region]
        return {
            "role": place.role,
            "table": self.table.table.name,
            "bucket": self.receipts.buckets[place.region].bucket,
            "queues": _queue_outputs(queues),
            "functions": {role: found.name for role, found in place.functions.by_name.items()},
            "roles": place.functions.roles,
            "api_id": place.api.api.id,
            "api_host": place.api.host,
            "health_check_id": self.failover.endpoints[place.region].id,
            "topic_arn": queues.topic.arn,
            "alarms": sorted(self.alarms[place.role]),
        }


def _queue_outputs(queues: RegionQueues) -> dict[str, Any]:
    found = {"work": queues.work, "dead_letter": queues.dead_letter, "undelivered": queues.undelivered}
    return {role: {"url": queue.url, "arn": queue.arn, "name": queue.name} for role, queue in found.items()}
