"""Where a runbook acts: an AWS account, or the sandbox. The one place that knows both.

here = target.open(settings)
here.client("dynamodb", "us-west-2").get_item(...)
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from drlib import clients
from drlib import settings as parameters
from drlib.clock import Clock
from drlib.errors import BadParameters, SandboxError, StepFailed
from drlib.place import Answer, Target
from drlib.settings import Settings

if TYPE_CHECKING:
    from drlib.sandbox import Status

__all__ = ["Answer", "AwsTarget", "SandboxTarget", "Target", "attach", "open", "open_target"]

CONTROL_SECONDS = 30  # wall seconds
HTTPS_PORT = 443
DNS_PORT = 53
FIRST_EDGE = 11  # the first region's address is 127.0.0.11, the next one's 127.0.0.12
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of a variable


class SandboxTarget(Target):
    """Two AWS regions in one local process."""

    name = "sandbox"
    origin = "simulated"
    observe_interval_seconds = 1.0

    def __init__(self, settings: Settings, status: Status, *, started: bool = False) -> None:
        super().__init__(
            settings, clock=status.clock, folder=Path(status.folder), instance_id=status.instance_id
        )
        self.status = status
        self.started = started
        for name in ("primary_region", "standby_region"):
            if getattr(settings, name) not in status.edges:
                raise BadParameters(
                    f"{name} must be one of the sandbox's regions ({', '.join(sorted(status.edges))}), "
                    f"and is {getattr(settings, name)!r}."
                )

    def _new_session(self) -> Any:
        return clients.sandbox_session()

    def _client_options(self) -> dict[str, Any]:
        return clients.sandbox_options(self.status.aws_endpoint)

    def _name_servers(self) -> list[tuple[str, int]]:
        host, port = self.status.dns.rsplit(":", 1)
        return [(host, int(port))]

    def connect_to(self, address: str) -> tuple[str, int]:
        """Return the edge that stands behind an address of the sandbox's DNS.

        DNS names each region by an address of its own. Where the machine has but one loopback address, the
        edges share it, and the regions' order tells which is meant.
        """
        edges = [edge.rsplit(":", 1) for edge in self.status.edges.values()]
        own = next((edge for edge in edges if edge[0] == address), None)
        if own is None and address.startswith("127.0.0.") and len({host for host, _ in edges}) == 1:
            order = int(address.rsplit(".", 1)[1]) - FIRST_EDGE
            own = edges[order] if 0 <= order < len(edges) else None
        if own is None:
            raise StepFailed(f"No region of the sandbox has the address {address}.", resource=address)
        return own[0], int(own[1])

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that trusts the sandbox's own authority alone."""
        return ssl.create_default_context(cafile=self.status.ca_file)

    @property
    def backend_url(self) -> str:
        """A folder inside the instance's own, so that state and sandbox go together.

        Without files of metadata beside the state: they are not replaced in one go, and an engine that is
        killed while it writes one leaves a state that it cannot read.
        """
        return f"file://{quote(str(self.folder / 'pulumi'))}?metadata=skip"

    @contextlib.contextmanager
    def engine(self, *, checkpoints: bool = True) -> Iterator[dict[str, str]]:
        """Say how the engine finds the sandbox's `aws` provider, which outlives whoever runs the engine."""
        (self.folder / "pulumi").mkdir(exist_ok=True)
        (self.folder / "pulumi-home").mkdir(exist_ok=True)
        port = self._control("GET", "provider")["port"]
        variables = {
            "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
            # Or the CLI tries to download the official plugin before each command.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.folder / "pulumi-home"),
            "PULUMI_BACKEND_URL": self.backend_url,
            PASSPHRASE: "sandbox",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        }
        if not checkpoints:
            variables |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
        yield variables

    def shut_down(self) -> None:
        """End the sandbox, and with it everything in it."""
        from drlib import sandbox

        sandbox.down()

    def inject(self, region: str, *, mode: str, deadline_seconds: float) -> dict[str, Any]:
        """Take a region down; the sandbox heals it by itself at the deadline."""
        return self._control("PUT", f"faults/{region}", {"mode": mode, "deadline_seconds": deadline_seconds})

    def impair(self, name: str, order: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """Impair something; the sandbox mends it by itself at the deadline."""
        return self._control("PUT", f"impairments/{name}", {**order, "deadline_seconds": deadline_seconds})

    def restore(self, name: str) -> dict[str, Any]:
        """Heal a region, or end an impairment."""
        kind = "faults" if name in self.status.edges else "impairments"
        return self._control("DELETE", f"{kind}/{name}")

    def faults(self) -> dict[str, Any]:
        """Return the faults and the impairments in force, by name."""
        return {**self._control("GET", "faults"), **self._control("GET", "impairments")}

    def events(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the sandbox's own record of what happened."""
        found: list[dict[str, Any]] = self._control("GET", f"events?since={since}")["events"]
        return found

    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        where = urlsplit(self.status.aws_endpoint)
        connection = http.client.HTTPConnection(
            where.hostname or "127.0.0.1", where.port, timeout=CONTROL_SECONDS
        )
        try:
            connection.request(method, f"/_drlib/{path}", body=json.dumps(body) if body is not None else None)
            reply = connection.getresponse()
            text = reply.read().decode()
        except OSError as error:
            raise StepFailed(
                f"The sandbox does not answer: {type(error).__name__}.", remedy="Run `drlib sandbox status`."
            ) from error
        finally:
            connection.close()
        if reply.status >= 300:
            raise StepFailed(f"The sandbox refused {method} {path.split('?')[0]}: {text.strip()[:200]}")
        answer: dict[str, Any] = json.loads(text) if text else {}
        return answer


class AwsTarget(Target):
    """A real account, reached by the default credential chain."""

    name = "aws"
    origin = "live"
    observe_interval_seconds = 5.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings, clock=Clock(), folder=parameters.home() / ".drlib" / "aws", instance_id="aws"
        )
        self._servers: list[str] = []

    def _new_session(self) -> Any:
        return clients.account_session()

    def _client_options(self) -> dict[str, Any]:
        return clients.account_options()

    def _name_servers(self) -> list[tuple[str, int]]:
        """Find the zone's own servers by DNS alone: no call to Route 53's control plane."""
        import dns.exception
        import dns.resolver

        if not self._servers:
            zone = self.settings.domain_name
            try:
                names = sorted(str(record.target) for record in dns.resolver.resolve(zone, "NS"))
                self._servers = [str(dns.resolver.resolve(name, "A")[0].address) for name in names]
            except (dns.exception.DNSException, OSError) as error:
                raise StepFailed(
                    f"The name servers of {zone} were not found: {type(error).__name__}.",
                    remedy="Delegate the domain to its Route 53 zone.",
                    resource=zone,
                ) from error
        return [(server, DNS_PORT) for server in self._servers]

    def connect_to(self, address: str) -> tuple[str, int]:
        """Return the address itself, and the HTTPS port."""
        return address, HTTPS_PORT

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context with the system's authorities."""
        return ssl.create_default_context()

    @property
    def backend_url(self) -> str:
        """What the parameters say."""
        return self.settings.state_backend

    @contextlib.contextmanager
    def engine(self, *, checkpoints: bool = True) -> Iterator[dict[str, str]]:
        """Leave the engine as it is: the official plugin, the person's own credentials."""
        variables = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_BACKEND_URL": self.backend_url}
        if PASSPHRASE not in os.environ and f"{PASSPHRASE}_FILE" not in os.environ:
            variables[PASSPHRASE] = ""  # the stack holds no secrets; set one to use your own
        yield variables

    def inject(self, region: str, *, mode: str, deadline_seconds: float) -> dict[str, Any]:
        """Refuse: nothing here takes a real region down."""
        raise StepFailed(
            "A region outage can be injected in the sandbox alone.",
            remedy="Rehearse with target sandbox; on aws use AWS Fault Injection Service.",
            region=region,
        )

    def impair(self, name: str, order: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """Refuse: nothing here reaches into AWS's own parts."""
        raise StepFailed(f"An impairment ({order['kind']}) can be made in the sandbox alone.", resource=name)

    def restore(self, name: str) -> dict[str, Any]:
        """Do nothing, since nothing was injected."""
        return {"at": self.clock.now()}

    def faults(self) -> dict[str, Any]:
        """Return none."""
        return {}

    def events(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Refuse: there is no such record on aws."""
        raise StepFailed("The record of what really happened exists in the sandbox alone.")


def open(settings: Settings, *, start: bool = True) -> Target:
    """Return where `settings` say to act; in the sandbox, start it or attach to the one that runs.

    Args:
        settings: the checked parameters.
        start: start a sandbox if none runs. If not, attach to the one that runs, whatever its options.

    Raises:
        SandboxError: one runs with other options, or it does not come up, or `start` is false and none runs.
        BadParameters: a region that the sandbox has not.
    """
    if not start:
        found = attach(settings)
        if found is None:
            raise SandboxError("No sandbox is running.", remedy="`drlib sandbox up` starts one.")
        return found
    if settings.target == "aws":
        return AwsTarget(settings)
    from drlib import sandbox

    before = None
    with contextlib.suppress(SandboxError):  # it died: `up` starts another
        before = sandbox.status()
    options: dict[str, Any] = {
        "time_scale": settings.time_scale,
        "seed": settings.seed,
        "replication_lag_seconds": settings.replication_lag_seconds,
    }
    if before and all(getattr(before, name) == value for name, value in options.items()):
        return SandboxTarget(settings, before)  # whatever it was told about idling
    return SandboxTarget(settings, sandbox.up(**options), started=True)


def attach(settings: Settings) -> Target | None:
    """Return where `settings` say to act, and start nothing: None if that is the sandbox, and none runs.

    Raises:
        SandboxError: the sandbox has died.
        BadParameters: a region that the sandbox has not.
    """
    if settings.target == "aws":
        return AwsTarget(settings)
    from drlib import sandbox

    running = sandbox.status()
    return SandboxTarget(settings, running) if running else None


open_target = open
"""The same, under a name that fits a notebook: there, `target` is a parameter, and `open` a builtin."""
