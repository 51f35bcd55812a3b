"""The deployed stack: its outputs, as every runbook reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from drlib.show.output import Table
from drlib.show.shown import Shown


@dataclass(frozen=True)
class RegionOutputs:
    """One region of the stack.

    Attributes:
        role: "primary" or "standby".
        table: name of the table, equal in both regions.
        bucket: name of the receipts bucket.
        queues: "work", "dead_letter" and "undelivered", each with its url, arn and name.
        functions: "payments", "settlement" and "latch", each with its name.
        roles: the same keys, each with the name of the function's IAM role.
        api_id: id of the HTTP API.
        api_host: the API's generated host name.
        health_check_id: the check of this region's endpoint.
        topic_arn: the topic that payments are announced on.
        alarms: names of this region's alarms.
    """

    role: str
    table: str
    bucket: str
    queues: dict[str, dict[str, str]]
    functions: dict[str, str]
    roles: dict[str, str]
    api_id: str
    api_host: str
    health_check_id: str
    topic_arn: str
    alarms: list[str]


@dataclass(frozen=True)
class Deployment(Shown):
    """The deployed stack.

    Attributes:
        public_name: the name that clients use.
        url: where they send payments.
        primary_region: region of the PRIMARY record.
        standby_region: region of the SECONDARY record.
        zone_id: hosted zone of the public name.
        name_servers: the name servers to delegate the domain to; empty if the zone existed before.
        table: name of the table.
        resource_count: AWS resources in the stack.
        regions: the resources of each region.
        checks: health check ids: "primary" (calculated), "primary_endpoint", "standby_endpoint", "latch".
        latch: alarm_name, namespace, metric_name, dimensions, and the item's table_key.
        check_interval_seconds: between two checks of one checker.
        check_failure_threshold: failed checks in a row that mean unhealthy.
        ttl_seconds: for how long a client may keep the public name's address.
        dns_alarms: names of the alarms on health checks, in us-east-1.
    """

    public_name: str
    url: str
    primary_region: str
    standby_region: str
    zone_id: str
    name_servers: list[str]
    table: str
    resource_count: int
    regions: dict[str, RegionOutputs]
    checks: dict[str, str]
    latch: dict[str, Any]
    check_interval_seconds: int
    check_failure_threshold: int
    ttl_seconds: int
    dns_alarms: list[str]

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any], *, resource_count: int) -> Deployment:
        """Return the deployment of the program's outputs. Raises `KeyError` when an output is missing."""
        names = {field.name for field in fields(cls)} - {"regions", "resource_count"}
        known = {field.name for field in fields(RegionOutputs)}
        regions = {
            region: RegionOutputs(**{name: found[name] for name in known})
            for region, found in outputs["regions"].items()
        }
        values = {name: outputs[name] for name in names}
        for name in ("check_interval_seconds", "check_failure_threshold", "ttl_seconds"):
            values[name] = int(values[name])
        return cls(**values, regions=regions, resource_count=resource_count)

    def region(self, role: str) -> str:
        """Return the region of a role, `primary` or `standby`. Raises `KeyError` for any other word."""
        return {"primary": self.primary_region, "standby": self.standby_region}[role]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-like values, in the shape that `drlib outputs --json` prints."""
        return asdict(self)

    def summary(self) -> Table:
        """Return the table that a cell shows."""
        rows = [
            ("public name", self.public_name),
            ("primary", self.primary_region),
            ("standby", self.standby_region),
            ("table", self.table),
            ("resources", self.resource_count),
            (
                "health checks",
                f"every {self.check_interval_seconds} s, {self.check_failure_threshold} failures in a row",
            ),
            ("TTL", f"{self.ttl_seconds} s"),
        ]
        return Table(("deployed", ""), rows)

    def __str__(self) -> str:
        return str(self.summary())

    def html(self) -> str:
        return self.summary().html()
