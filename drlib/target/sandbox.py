"""The sandbox as a target: two AWS regions in one local process."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from drlib.core.errors import BadParameters, StepFailed
from drlib.parameters import Settings
from drlib.target import sessions
from drlib.target.base import PASSPHRASE, Target

if TYPE_CHECKING:
    from drlib.sandbox.process.state import Status

CONTROL_SECONDS = 30  # wall seconds
FIRST_EDGE = 11  # the first region's address is 127.0.0.11, the next one's 127.0.0.12


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
        return sessions.sandbox_session()

    def _client_options(self) -> dict[str, Any]:
        return sessions.sandbox_options(self.status.aws_endpoint)

    def _name_servers(self) -> list[tuple[str, int]]:
        host, port = self.status.dns.rsplit(":", 1)
        return [(host, int(port))]

    def connect_to(self, address: str) -> tuple[str, int]:
        """Return host and port of the edge for an address from the sandbox's DNS.

        DNS has one address for each region. On a machine with a single loopback address the edges share it,
        and the order of the regions identifies the edge.
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
        """Return a context that trusts only the sandbox's certificate authority."""
        return ssl.create_default_context(cafile=self.status.ca_file)

    @property
    def backend_url(self) -> str:
        """A folder of the sandbox instance, so that the state is deleted with the sandbox.

        Without metadata files: Pulumi does not write them atomically, and an engine that is killed while it
        writes one leaves a state that it cannot read.
        """
        return f"file://{quote(str(self.folder / 'pulumi'))}?metadata=skip"

    @contextlib.contextmanager
    def engine(self, *, checkpoints: bool = True) -> Iterator[dict[str, str]]:
        """Let the engine use the sandbox's `aws` provider, which runs in a process of the sandbox."""
        (self.folder / "pulumi").mkdir(exist_ok=True)
        (self.folder / "pulumi-home").mkdir(exist_ok=True)
        port = self._control("GET", "provider")["port"]
        variables = {
            "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
            # Otherwise the CLI tries to download the official plugin before each command.
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
        """End the sandbox and delete everything in it."""
        from drlib.sandbox.process import life

        life.down()

    def inject(self, region: str, *, mode: str, deadline_seconds: float) -> dict[str, Any]:
        """Take a region down; the sandbox restores it at the deadline."""
        return self._control("PUT", f"faults/{region}", {"mode": mode, "deadline_seconds": deadline_seconds})

    def impair(self, name: str, order: dict[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """Start an impairment; the sandbox ends it at the deadline."""
        return self._control("PUT", f"impairments/{name}", {**order, "deadline_seconds": deadline_seconds})

    def restore(self, name: str) -> dict[str, Any]:
        """End the outage of a region, or an impairment."""
        kind = "faults" if name in self.status.edges else "impairments"
        return self._control("DELETE", f"{kind}/{name}")

    def faults(self) -> dict[str, Any]:
        """Return the outages and impairments in force, by name."""
        return {**self._control("GET", "faults"), **self._control("GET", "impairments")}

    def events(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the sandbox's record of events."""
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
