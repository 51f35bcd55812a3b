"""What is still there of a stack: one list call for each service and region, whatever the state says.

Names tell most of it. What has no name of ours (a network, a health check) is told by its tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drlib.core.aws_calls import GLOBAL_REGION
from drlib.core.errors import StepFailed
from drlib.deployed.names import PREFIX, Names
from drlib.show.output import Table
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.target.base import Target

PROJECT_TAG = "payments-dr"
LOG_PREFIXES = ("/aws/lambda/", "/aws/vendedlogs/")
NETWORK_PARTS = {
    "VPC": ("describe_vpcs", "Vpcs", "VpcId"),
    "subnet": ("describe_subnets", "Subnets", "SubnetId"),
    "route table": ("describe_route_tables", "RouteTables", "RouteTableId"),
    "VPC endpoint": ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    "security group": ("describe_security_groups", "SecurityGroups", "GroupId"),
}


@dataclass(frozen=True, order=True)
class Leftover:
    """One thing that is still there."""

    kind: str
    region: str
    name: str


class Leftovers(list[Leftover], Shown):
    """What is still there; empty is what a teardown is for. Prints as a table."""

    def require_none(self) -> Leftovers:
        """Return itself. Raises StepFailed, naming what is there, unless it is empty."""
        if self:
            names = ", ".join(f"{found.kind} {found.name}" for found in self[:5])
            more = f" and {len(self) - 5} more" if len(self) > 5 else ""
            raise StepFailed(
                f"Something is left of the stack: {names}{more}.",
                remedy="Run 80-teardown again; what stays then was made outside of the stack.",
            )
        return self

    def as_plan(self) -> list[list[str]]:
        """Return what is approved, where its destruction is: each thing by its name."""
        return [[found.kind, found.region, found.name] for found in sorted(self)]

    def table(self) -> Table:
        """Return one line for each thing, or one that says that there is none."""
        rows = [(found.kind, found.region or "global", found.name) for found in self]
        return Table(("left", "region", "name"), rows or [("nothing", "-", "-")], varying=["name"])

    def __str__(self) -> str:
        return str(self.table())

    def html(self) -> str:
        return self.table().html()


def find(here: Target) -> Leftovers:
    """List what is left of this settings' stack, in both regions and where its alarms on DNS are."""
    return Leftovers(sorted(set(_Search(here).all())))


class _Search:
    def __init__(self, here: Target) -> None:
        self.here, self.settings = here, here.settings
        self.pair = (self.settings.primary_region, self.settings.standby_region)
        self.regions = (*self.pair, *({GLOBAL_REGION} - {*self.pair}))
        account_id = self._client("sts", self.pair[1]).get_caller_identity()["Account"]
        self.names = Names(self.settings.suffix, account_id)

    def all(self) -> Iterator[Leftover]:
        """Ask every service."""
        for region in self.regions:
            for kind, names in self._named(region).items():
                for name in self.names.owned(set(names), self.regions):
                    yield Leftover(kind, region, name)
            for part, found in self._networks(region):
                yield Leftover(part, region, found)
        for region in self.pair:
            yield from self._front_door(region)
        yield from self._global()

    def _client(self, service: str, region: str) -> Any:
        return self.here.client(service, region)

    def _pages(self, service: str, region: str, operation: str, key: str, **options: Any) -> Iterator[Any]:
        client = self._client(service, region)
        if client.can_paginate(operation):
            for page in client.get_paginator(operation).paginate(**options):
                yield from page.get(key) or []
        else:
            yield from getattr(client, operation)(**options).get(key) or []

    def _named(self, region: str) -> dict[str, list[str]]:
        """Return what has names of ours, if it is ours at all, by kind."""

        def ask(
            service: str, operation: str, key: str, pick: Callable[[Any], str], **options: Any
        ) -> list[str]:
            return [pick(found) for found in self._pages(service, region, operation, key, **options)]

        return {
            "table": ask("dynamodb", "list_tables", "TableNames", str),
            "queue": ask("sqs", "list_queues", "QueueUrls", _last("/"), QueueNamePrefix=f"{PREFIX}-"),
            "topic": ask("sns", "list_topics", "Topics", lambda found: _last(":")(found["TopicArn"])),
            "function": ask("lambda", "list_functions", "Functions", _key("FunctionName")),
            "event source mapping": ask(
                "lambda",
                "list_event_source_mappings",
                "EventSourceMappings",
                lambda found: _last(":")(found.get("EventSourceArn", "")),
            ),
            "log group": [
                name
                for prefix in LOG_PREFIXES
                for name in ask(
                    "logs",
                    "describe_log_groups",
                    "logGroups",
                    lambda found: _last("/")(found["logGroupName"]),
                    logGroupNamePrefix=f"{prefix}{PREFIX}-",
                )
            ],
            "API": ask("apigatewayv2", "get_apis", "Items", _key("Name")),
            "alarm": ask(
                "cloudwatch",
                "describe_alarms",
                "MetricAlarms",
                _key("AlarmName"),
                AlarmNamePrefix=f"{PREFIX}-",
            ),
            "dashboard": ask(
                "cloudwatch",
                "list_dashboards",
                "DashboardEntries",
                _key("DashboardName"),
                DashboardNamePrefix=f"{PREFIX}-",
            ),
            "rule": ask("events", "list_rules", "Rules", _key("Name"), NamePrefix=f"{PREFIX}-"),
        }

    def _networks(self, region: str) -> Iterator[tuple[str, str]]:
        tags = [
            {"Name": "tag:Project", "Values": [PROJECT_TAG]},
            {"Name": "tag:Stack", "Values": [self.settings.suffix]},
        ]
        for part, (operation, key, identity) in NETWORK_PARTS.items():
            for found in self._pages("ec2", region, operation, key, Filters=tags):
                # Looked at again: not every answer heeds the filter, and another stack's is not reported.
                if not self._is_ours(found.get("Tags") or ()):
                    continue
                if found.get("GroupName") != "default" and found.get("State") != "deleted":
                    yield part, found[identity]

    def _front_door(self, region: str) -> Iterator[Leftover]:
        name = self.settings.public_name
        for found in self._pages("apigatewayv2", region, "get_domain_names", "Items"):
            if found["DomainName"] == name:
                yield Leftover("custom domain", region, name)
        for found in self._pages("acm", region, "list_certificates", "CertificateSummaryList"):
            if found["DomainName"] == name:
                yield Leftover("certificate", region, name)

    def _global(self) -> Iterator[Leftover]:
        """What has no region. Route 53's and IAM's own control planes answer, wherever one asks."""
        region = self.pair[1]
        buckets = [found["Name"] for found in self._pages("s3", region, "list_buckets", "Buckets")]
        roles = [found["RoleName"] for found in self._pages("iam", region, "list_roles", "Roles")]
        for kind, names in (("bucket", buckets), ("role", roles)):
            for name in self.names.owned(names, self.regions):
                yield Leftover(kind, "", name)
        yield from self._records(region)
        for check in self._pages("route53", region, "list_health_checks", "HealthChecks"):
            if self._is_ours(self._tags(region, check["Id"])):
                yield Leftover("health check", "", check["Id"])

    def _records(self, region: str) -> Iterator[Leftover]:
        settings = self.settings
        if settings.hosted_zone_id:
            options = {"HostedZoneId": settings.hosted_zone_id}
            for found in self._pages(
                "route53", region, "list_resource_record_sets", "ResourceRecordSets", **options
            ):
                if found["Name"].rstrip(".") == settings.public_name:
                    yield Leftover("record", "", f"{settings.public_name} {found['Type']}")
            return
        for zone in self._pages("route53", region, "list_hosted_zones", "HostedZones"):
            if zone["Name"].rstrip(".") == settings.domain_name:
                yield Leftover("hosted zone", "", settings.domain_name)

    def _tags(self, region: str, check_id: str) -> Iterable[dict[str, str]]:
        answer = self._client("route53", region).list_tags_for_resource(
            ResourceType="healthcheck", ResourceId=check_id
        )
        tags: Iterable[dict[str, str]] = answer["ResourceTagSet"].get("Tags", [])
        return tags

    def _is_ours(self, tags: Iterable[dict[str, str]]) -> bool:
        found = {tag["Key"]: tag["Value"] for tag in tags}
        return (found.get("Project"), found.get("Stack")) == (PROJECT_TAG, self.settings.suffix)


def _last(separator: str) -> Callable[[str], str]:
    return lambda text: text.rsplit(separator, 1)[-1]


def _key(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda found: str(found[name])
