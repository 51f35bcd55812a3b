"""Target, the interface to an account or the sandbox: AWS clients, clock, DNS, HTTPS, Pulumi engine.

All packages above `drlib.target` use only this interface, so that they run the same on both.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drlib import parameters
from drlib.core.aws_calls import Recorder
from drlib.core.clock import Clock
from drlib.core.errors import StepFailed
from drlib.parameters import Settings


@dataclass(frozen=True)
class Answer:
    """The answer of a name server.

    Attributes:
        address: first IPv4 address.
        ttl_wall_seconds: TTL on the wire, in wall seconds.
        at: instant of the answer, in modelled seconds since the epoch.
        addresses: all addresses, sorted.
    """

    address: str
    ttl_wall_seconds: float
    at: float
    addresses: tuple[str, ...]


PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of a variable


class Target(ABC):
    """Where a runbook acts.

    Attributes:
        name: "sandbox" or "aws".
        origin: "simulated" or "live"; written into every sample.
        settings: the checked parameters.
        clock: modelled time in the sandbox, real time on aws.
        folder: folder for files about this target.
        instance_id: id of the running sandbox; "aws" on aws.
        observe_interval_seconds: interval for polling, in modelled seconds.
        calls: the recorded AWS calls of all clients.
        started: whether opening this target started the sandbox.
    """

    name: str
    origin: str
    observe_interval_seconds: float
    started = False

    def __init__(self, settings: Settings, *, clock: Clock, folder: Path, instance_id: str) -> None:
        self.settings = settings
        self.clock = clock
        self.folder = folder
        self.instance_id = instance_id
        self.calls = Recorder(read_only=settings.plans)
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None
        folder.mkdir(parents=True, exist_ok=True)

    def client(self, service: str, region: str) -> Any:
        """Return the boto3 client of a service in a region, shared by all threads; its calls are recorded."""
        with self._lock:
            if (service, region) not in self._clients:
                self._session = self._session or self._new_session()
                made = self._session.client(service, region_name=region, **self._client_options())
                self.calls.attach(made)
                self._clients[service, region] = made
            return self._clients[service, region]

    def resolve(self, name: str, *, timeout_seconds: float = 1.0) -> Answer:
        """Query the authoritative name servers in order for a name's IPv4 addresses, without a cache.

        Raises:
            StepFailed: no server answers within `timeout_seconds` (wall seconds for each), or the answer has
                no address.
        """
        import dns.exception
        import dns.message
        import dns.query
        import dns.rdatatype

        question = dns.message.make_query(name, "A")
        for host, port in self._name_servers():
            try:
                reply = dns.query.udp(question, host, port=port, timeout=timeout_seconds)
                break
            except (dns.exception.DNSException, OSError) as error:
                failed = error
        else:
            raise StepFailed(f"{name} was not resolved: {type(failed).__name__}.", resource=name) from failed
        found = [part for part in reply.answer if part.rdtype == dns.rdatatype.A]
        if not found:
            raise StepFailed(f"{name} has no address: {reply.rcode().name}.", resource=name)
        addresses = tuple(sorted(record.address for record in found[0]))
        return Answer(found[0][0].address, float(found[0].ttl), self.clock.now(), addresses)

    def record_deployed(self, stack: str) -> None:
        """Store on disk that a stack was deployed here, so that `gone_deployment` can detect its loss."""
        known = {"instance_id": self.instance_id, "suffix": self.settings.suffix, "stack": stack}
        path = self._deployed_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")

    def forget_deployed(self) -> None:
        """Delete the record of `record_deployed`, after the stack was destroyed."""
        self._deployed_file().unlink(missing_ok=True)

    def gone_deployment(self) -> str:
        """Return a sentence if the stack was deployed to an earlier sandbox, which is gone, else ""."""
        try:
            known = json.loads(self._deployed_file().read_text(encoding="utf-8"))
            same = known["instance_id"] == self.instance_id or known["suffix"] != self.settings.suffix
        except (OSError, ValueError, KeyError):
            return ""
        return "" if same else "The stack was deployed to an earlier sandbox, which is gone."

    def _deployed_file(self) -> Path:
        return parameters.home() / ".drlib" / "deployed.json"

    @abstractmethod
    def _new_session(self) -> Any: ...

    @abstractmethod
    def _client_options(self) -> dict[str, Any]: ...

    @abstractmethod
    def _name_servers(self) -> list[tuple[str, int]]: ...

    @abstractmethod
    def connect_to(self, address: str) -> tuple[str, int]:
        """Return host and port of the HTTPS endpoint for an address that `resolve` returned."""

    @abstractmethod
    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that trusts this target's certificates and checks host names."""

    @property
    @abstractmethod
    def backend_url(self) -> str:
        """URL of Pulumi's state backend."""

    @abstractmethod
    def engine(self, *, checkpoints: bool = True) -> contextlib.AbstractContextManager[dict[str, str]]:
        """Provide the environment variables of the Pulumi engine inside the block.

        Args:
            checkpoints: write the state after each step. Without them a destroy in the sandbox takes half the
                time. An operation that creates resources needs them, or an interruption loses the state.
        """

    def shut_down(self) -> None:  # noqa: B027 - there is nothing to end on aws
        """End the sandbox and delete everything in it. On aws: do nothing."""

    @abstractmethod
    def inject(self, region: str, *, mode: str, deadline_seconds: float) -> dict[str, Any]:
        """Take a region down until `restore`, for at most `deadline_seconds` modelled seconds.

        Returns the fault: region, mode, at, deadline. On aws: raises StepFailed.
        """

    @abstractmethod
    def impair(self, name: str, order: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """Start an impairment until `restore`, for at most `deadline_seconds` modelled seconds.

        `order` contains the kind and its options (`drlib.sandbox.faults.impairments`). Returns at and
        deadline, among others. On aws: raises StepFailed.
        """

    @abstractmethod
    def restore(self, name: str) -> dict[str, Any]:
        """End the outage of a region, or an impairment, by name; also if there is none. Returns `at`."""

    @abstractmethod
    def faults(self) -> dict[str, Any]:
        """Return the present faults, by name of the region or the impairment. Always empty on aws."""

    @abstractmethod
    def events(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the sandbox's record of events from number `since` on. On aws: raises StepFailed."""
