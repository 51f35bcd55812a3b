"""Fakes: targets, and stand-ins for what a test does not have."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import NoCredentialsError

from drlib import parameters
from drlib.core import aws_calls
from drlib.core.aws_calls import Recorder
from drlib.core.clock import Clock
from drlib.core.errors import StepFailed
from drlib.parameters import Settings
from drlib.runs.run import Run
from drlib.target.base import Answer
from tests.two_regions import ADDRESSES, API_HOSTS, PRIMARY, PUBLIC_NAME, Region


class Nowhere:
    """A target without regions: it has a clock, a name and faults."""

    def __init__(self, folder: Path, *, instance_id: str = "one") -> None:
        self.name, self.origin = "sandbox", "simulated"
        self.clock, self.instance_id, self.folder = Clock(20.0, time.time()), instance_id, folder
        self.calls = Recorder()
        self.down: dict[str, Any] = {}
        self.started, self.ended = True, 0

    def faults(self) -> dict[str, Any]:
        return dict(self.down)

    def restore(self, region: str) -> dict[str, Any]:
        self.down.pop(region, None)
        return {"at": self.clock.now()}

    def shut_down(self) -> None:
        self.ended += 1


@dataclass
class TwoRegions:
    """A target made of two local regions. `points_to` is the region that the public name leads to."""

    clock: Clock
    settings: Settings
    folder: Path
    regions: dict[str, Region]
    context: ssl.SSLContext
    points_to: str = PRIMARY
    name: str = "sandbox"
    origin: str = "simulated"
    instance_id: str = "world-1"
    observe_interval_seconds: float = 1.0
    ttl_wall_seconds: float = 1.0
    refused: set[str] = field(default_factory=set)
    resolved: list[float] = field(default_factory=list)
    dns_down: bool = False
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    in_force: dict[str, Any] = field(default_factory=dict)

    def resolve(self, name: str, *, timeout_seconds: float = 1.0) -> Answer:
        if self.dns_down:
            raise StepFailed(f"{name} was not resolved: Timeout.")
        region = self.points_to
        if name == PUBLIC_NAME:
            self.resolved.append(self.clock.now())
        else:
            region = next(known for known, host in API_HOSTS.items() if host == name)
        return Answer(ADDRESSES[region], self.ttl_wall_seconds, self.clock.now(), (ADDRESSES[region],))

    def connect_to(self, address: str) -> tuple[str, int]:
        region = next(known for known, own in ADDRESSES.items() if own == address)
        if region in self.refused:
            with socket.socket() as closed:  # a port that was free a moment ago: nothing listens there
                closed.bind(("127.0.0.1", 0))
                return closed.getsockname()
        return self.regions[region].where

    def ssl_context(self) -> ssl.SSLContext:
        return self.context

    def client(self, service: str, region: str) -> Any:
        return self.clients[service, region]

    def faults(self) -> dict[str, Any]:
        return dict(self.in_force)

    def inject(self, region: str, *, mode: str, deadline_seconds: float) -> dict[str, Any]:
        now = self.clock.now()
        self.in_force[region] = {
            "region": region,
            "mode": mode,
            "at": now,
            "deadline": now + deadline_seconds,
        }
        return self.in_force[region]

    def impair(self, name: str, order: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        now = self.clock.now()
        self.in_force[name] = {**order, "at": now, "deadline": now + deadline_seconds}
        return self.in_force[name]

    def restore(self, name: str) -> dict[str, Any]:
        self.in_force.pop(name, None)
        return {"at": self.clock.now()}

    def gone_deployment(self) -> str:
        return ""


ACCOUNT_PARAMETERS = {
    "target": "aws",
    "domain_name": "pay.acme.io",
    "state_backend": "s3://states",
    "suffix": "staging",
    "approval": "staging@aws",
    "confirm": "staging/us-east-2",
}


class AccountTarget:
    """A target that is an account: it knows its account id, and has no other service."""

    def __init__(self, **changes: Any) -> None:
        self.settings = parameters.make(ACCOUNT_PARAMETERS | changes)
        self.calls = aws_calls.Recorder(read_only=self.settings.plans)
        self.clock, self.instance_id = Clock(), "aws"
        self.account: str | None = "123456789012"
        self.asked: list[tuple[str, str]] = []

    def client(self, service: str, region: str) -> Any:
        self.asked.append((service, region))
        return self

    def get_caller_identity(self) -> dict[str, Any]:
        if self.account is None:
            raise NoCredentialsError
        return {"Account": self.account}


class StackTarget:
    """A target with settings; it counts what the stack asks of it."""

    origin = "simulated"

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.settings = parameters.make(changes)
        self.folder = folder
        self.gone = ""
        self.forgotten = 0
        self.protected: dict[str, bool] = {}

    def gone_deployment(self) -> str:
        return self.gone

    def forget_deployed(self) -> None:
        self.forgotten += 1

    def client(self, service: str, region: str) -> Any:
        found = {"Table": {"DeletionProtectionEnabled": self.protected[region]}}
        return SimpleNamespace(describe_table=lambda TableName: found)  # noqa: N803 - boto3's own name


class Counts:
    """Stands in for the counts of a reconciliation."""

    def __init__(self, counts: dict[str, Any]) -> None:
        self.counts = counts

    def keep(self, run: Run) -> None:
        run.save("losses", self.counts)


@dataclass(frozen=True)
class StandingClock(Clock):
    """A clock that shows what it is set to."""

    shown: tuple[list[float], ...] = ()

    def now(self) -> float:
        return self.shown[0][0]

    def set(self, instant: float) -> None:
        self.shown[0][0] = instant


class Prober:
    """A prober whose ledger is already written."""

    def __init__(self, ledger, folder):
        self.ledger, self.folder, self.runbook = ledger, folder, "30-drill-failover"
        self.started_at = 0.0
        self.clients = [SimpleNamespace(cohort="obeys-ttl", number=0, follows=True)]

    def require_running(self):
        pass


NOTHING: dict[str, Any] = {
    "list_tables": {"TableNames": []},
    "list_queues": {},
    "list_topics": {"Topics": []},
    "list_functions": {"Functions": []},
    "list_event_source_mappings": {"EventSourceMappings": []},
    "describe_log_groups": {"logGroups": []},
    "get_apis": {"Items": []},
    "get_domain_names": {"Items": []},
    "describe_alarms": {"MetricAlarms": []},
    "list_dashboards": {"DashboardEntries": []},
    "list_rules": {"Rules": []},
    "list_certificates": {"CertificateSummaryList": []},
    "list_buckets": {"Buckets": []},
    "list_roles": {"Roles": []},
    "list_health_checks": {"HealthChecks": []},
    "list_hosted_zones": {"HostedZones": []},
    "describe_vpcs": {"Vpcs": []},
    "describe_subnets": {"Subnets": []},
    "describe_route_tables": {"RouteTables": []},
    "describe_vpc_endpoints": {"VpcEndpoints": []},
    "describe_security_groups": {"SecurityGroups": []},
    "get_caller_identity": {"Account": "111122223333"},
}


class ScriptedTarget:
    """A target whose clients answer from a script, by operation and region."""

    def __init__(self, answers: dict[tuple[str, str], Any], **changes: Any) -> None:
        self.settings = parameters.make(changes)
        self.answers = answers
        self.asked: set[tuple[str, str]] = set()

    def client(self, service: str, region: str) -> Any:
        return ScriptedClient(self, region)


class ScriptedClient:
    def __init__(self, here: ScriptedTarget, region: str) -> None:
        self.here, self.region = here, region

    def can_paginate(self, operation: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Any:
        self.here.asked.add((operation, self.region))
        answer = self.here.answers.get((operation, self.region), NOTHING.get(operation))
        assert answer is not None, f"{operation} was not expected"
        return lambda **options: answer(**options) if callable(answer) else answer


class ChecksTable:
    """Stands in for a table of checks: numbered checks, or checks with a name."""

    def __init__(self, *statuses: str, **rows: str) -> None:
        self.rows = {f"check_{number}": status for number, status in enumerate(statuses)} | rows

    def as_dicts(self) -> list[dict[str, str]]:
        return [
            {
                "id": name.replace("_", "-"),
                "name": name.replace("_", " "),
                "status": status,
                "detail": "<b>seen</b>",
                "hint": "",
            }
            for name, status in self.rows.items()
        ]
