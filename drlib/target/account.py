"""An AWS account as a target."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator
from typing import Any

from drlib import parameters
from drlib.core.clock import Clock
from drlib.core.errors import StepFailed
from drlib.parameters import Settings
from drlib.target import sessions
from drlib.target.base import PASSPHRASE, Target

HTTPS_PORT, DNS_PORT = 443, 53


class AwsTarget(Target):
    """A real account, with the default credential chain."""

    name = "aws"
    origin = "live"
    observe_interval_seconds = 5.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings, clock=Clock(), folder=parameters.home() / ".drlib" / "aws", instance_id="aws"
        )
        self._servers: list[str] = []

    def _new_session(self) -> Any:
        return sessions.account_session()

    def _client_options(self) -> dict[str, Any]:
        return sessions.account_options()

    def _name_servers(self) -> list[tuple[str, int]]:
        """Find the zone's name servers by DNS, without a call to Route 53's control plane."""
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
        """Return a context with the certificate authorities of the system."""
        return ssl.create_default_context()

    @property
    def backend_url(self) -> str:
        """The parameter `state_backend`."""
        return self.settings.state_backend

    @contextlib.contextmanager
    def engine(self, *, checkpoints: bool = True) -> Iterator[dict[str, str]]:
        """Use the official plugin and the user's own credentials."""
        variables = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_BACKEND_URL": self.backend_url}
        if PASSPHRASE not in os.environ and f"{PASSPHRASE}_FILE" not in os.environ:
            variables[PASSPHRASE] = ""  # the stack has no secrets; the user may set a passphrase
        yield variables

    def inject(self, region: str, *, mode: str, deadline_seconds: float) -> dict[str, Any]:
        """Raise StepFailed: a real region cannot be taken down."""
        raise StepFailed(
            "A region outage can be injected in the sandbox alone.",
            remedy="Rehearse with target sandbox; on aws use AWS Fault Injection Service.",
            region=region,
        )

    def impair(self, name: str, order: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """Raise StepFailed: AWS's own components cannot be impaired."""
        raise StepFailed(f"An impairment ({order['kind']}) can be made in the sandbox alone.", resource=name)

    def restore(self, name: str) -> dict[str, Any]:
        """Do nothing, because no fault can be injected."""
        return {"at": self.clock.now()}

    def faults(self) -> dict[str, Any]:
        """Return no fault."""
        return {}

    def events(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Raise StepFailed: aws has no record of events."""
        raise StepFailed("The record of events exists in the sandbox alone.")
