"""The sandbox's DNS server: Route 53's answers, over UDP and TCP on 127.0.0.1, from the emulator's zones.

It is authoritative for the public hosted zones and for API Gateway's names, and refuses all other names.
Packets contain TTLs in wall seconds (the modelled TTL divided by the time scale, at least 1), so that any
client caches for the right modelled time. An answer uses the health at the instant of the query, so it
changes together with the status of a check; on AWS the change takes some seconds.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import Any

from dnslib import QTYPE, RCODE, RR, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, TCPServer, UDPServer

from drlib.sandbox.services.route53 import status_board
from drlib.sandbox.services.route53.zones import DnsAnswer, Record, Resolver, snapshot
from drlib.sandbox.world import World

TCP_IDLE_WALL_SECONDS = 5.0

log = logging.getLogger("drlib.sandbox")


def wall_ttl(seconds: float, *, scale: float) -> int:
    """Return a modelled TTL in whole wall seconds, as in packets."""
    return max(1, round(seconds / scale))


class _Handler(DNSHandler):  # type: ignore[misc]
    """Limits the wait for a client that connects and sends nothing."""

    def setup(self) -> None:
        if self.server.socket_type == socket.SOCK_STREAM:
            self.request.settimeout(TCP_IDLE_WALL_SECONDS)

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()


class Dns:
    """Answers queries, and records when the answer for a failover name changes.

    Args:
        world: the edges' addresses, the clock, the log of events, and the port to listen on.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._board = status_board.board_of(world)
        self._answers: dict[tuple[str, str], tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._servers: list[Any] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Listen on the world's DNS port, UDP and TCP."""
        at = ("127.0.0.1", self._world.dns_port)
        for kind in (UDPServer, TCPServer):
            server = kind(at, _Handler)
            server.resolver = _PacketResolver(self)
            server.logger = DNSLogger("-request,-reply,-truncated,-error", prefix=False)
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="drlib-dns", daemon=True
            )
            thread.start()
            self._servers.append(server)
            self._threads.append(thread)
        self._unsubscribe = self._board.subscribe(status_board.HEALTH, self.record_changes)

    def stop(self) -> None:
        """Close the sockets and stop the threads."""
        self._unsubscribe()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def answer(self, name: str, type_: str) -> DnsAnswer:
        """Answer a query from the current zones and health."""
        answer = self._resolver().resolve(name, type_)
        self._record_change(answer)
        return answer

    def record_changes(self) -> None:
        """Resolve every failover name, and record the answers that health has changed."""
        resolver = self._resolver()
        for name, type_ in resolver.failover_names():
            self._record_change(resolver.resolve(name, type_))

    def _resolver(self) -> Resolver:
        return Resolver(snapshot(), self._board.healthy, self._world.edges)

    def _record_change(self, answer: DnsAnswer) -> None:
        """Add an event for each failover answer that changed."""
        for (name, type_), record in answer.chosen.items():
            values = tuple(given.value for given in answer.records if given.type == type_)
            present = (record.get("Failover", ""), *values)
            with self._lock:
                before = self._answers.get((name, type_))
                self._answers[name, type_] = present
            if present != before:
                self._world.events.add(
                    "dns_answer",
                    name=name.rstrip("."),
                    type=type_,
                    role=present[0].lower(),
                    values=list(values),
                    set_identifier=record.get("SetIdentifier", ""),
                    before=before[0].lower() if before else None,
                )


class _PacketResolver(BaseResolver):  # type: ignore[misc]
    """Converts packets to queries and answers to packets."""

    def __init__(self, dns: Dns) -> None:
        self._dns = dns
        self._scale = dns._world.clock.scale

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """Answer one packet."""
        reply = request.reply(ra=0, aa=1)
        try:
            answer = self._dns.answer(str(request.q.qname), QTYPE.get(request.q.qtype))
            for record in answer.records:
                reply.add_answer(self._resource_record(record))
            for record in answer.authority:
                reply.add_auth(self._resource_record(record))
            reply.header.rcode = getattr(RCODE, answer.rcode)
            reply.header.aa = int(answer.rcode != "REFUSED")
        except Exception:
            log.exception("no answer for %s", request.q)
            reply.header.rcode = RCODE.SERVFAIL
        return reply

    def _resource_record(self, record: Record) -> RR:
        ttl = wall_ttl(record.ttl_seconds, scale=self._scale)
        return RR.fromZone(f"{record.name} {ttl} IN {record.type} {record.value}")[0]


def start(world: World) -> Dns:
    """Start the DNS server of `world`."""
    dns = Dns(world)
    dns.start()
    return dns
