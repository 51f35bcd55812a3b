"""The DNS server, queried over UDP and TCP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from drlib.core.clock import Clock
from drlib.sandbox.services.route53 import dns as server
from drlib.sandbox.services.route53 import status_board
from drlib.sandbox.services.route53.zones import Zone
from drlib.sandbox.world import World
from tests.unit.sandbox.services.route53.records import NAME, SOA, pair, record
from tests.unit.sandbox.worlds import EDGES, world

SCALE = 20.0


@dataclass
class Asked:
    """A running server and its records."""

    world: World
    board: status_board.StatusBoard
    records: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, name: str, type_: str = "A", *, tcp: bool = False) -> dns.message.Message:
        query = dns.message.make_query(name, type_)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, "127.0.0.1", port=self.world.dns_port, timeout=10)

    def answers(self) -> list[tuple[str, list[str]]]:
        return [
            (event["detail"]["role"], event["detail"]["values"])
            for event in self.world.events.since(0)
            if event["kind"] == "dns_answer"
        ]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = world(tmp_path, Clock(scale=SCALE, anchor=0.0), dns_port=port)
    apex = [
        record("pay.drill.test.", "SOA", SOA, ttl=900),
        record("pay.drill.test.", "NS", "ns-1.awsdns-1.com.", "ns-2.awsdns-2.net.", ttl=172800),
    ]
    asked = Asked(made, status_board.board_of(made), [*apex, *pair()])
    monkeypatch.setattr(server, "snapshot", lambda: [Zone("pay.drill.test.", asked.records)])
    running = server.start(made)
    try:
        yield asked
    finally:
        running.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "drlib-dns"]


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="DNS answers over UDP and TCP, with a TTL",
    level="approximated",
    source="Route 53 Developer Guide, How internet traffic is routed to your website or web application",
    note="a packet carries the modelled TTL divided by the time scale, in wall seconds, at least 1",
)
@pytest.mark.parametrize("tcp", [False, True])
def test_both_transports_answer_with_wall_seconds(asked: Asked, tcp: bool) -> None:
    answer = asked.ask(NAME, tcp=tcp)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA
    assert [(rrset.ttl, [str(item) for item in rrset]) for rrset in answer.answer] == [
        (3, [EDGES["us-east-2"]])
    ]


@pytest.mark.parametrize(
    ("seconds", "scale", "ttl"), [(60, 20, 3), (60, 60, 1), (60, 1, 60), (5, 20, 1), (300, 7, 43), (0, 20, 1)]
)
def test_a_ttl_is_at_least_one_whole_wall_second(seconds: float, scale: float, ttl: int) -> None:
    assert server.wall_ttl(seconds, scale=scale) == ttl


def test_the_apex_has_its_soa_and_name_servers(asked: Asked) -> None:
    soa = asked.ask("pay.drill.test", "SOA").answer[0]
    assert (soa.ttl, str(soa[0]).split()[0]) == (45, "ns-1.awsdns-1.com.")
    assert len(asked.ask("pay.drill.test", "NS").answer[0]) == 2


def test_records_of_other_types_come_through(asked: Asked) -> None:
    asked.records += [
        record("t.pay.drill.test.", "TXT", '"one two" "three"', ttl=40),
        record("c.pay.drill.test.", "CNAME", NAME),
        record("m.pay.drill.test.", "MX", "10 mail.pay.drill.test."),
        record("six.pay.drill.test.", "AAAA", "2001:db8::1"),
    ]
    assert str(asked.ask("t.pay.drill.test", "TXT").answer[0][0]) == '"one two" "three"'
    assert asked.ask("t.pay.drill.test", "TXT").answer[0].ttl == 2
    assert str(asked.ask("m.pay.drill.test", "MX").answer[0][0]) == "10 mail.pay.drill.test."
    assert str(asked.ask("six.pay.drill.test", "AAAA").answer[0][0]) == "2001:db8::1"
    chain = asked.ask("c.pay.drill.test").answer
    assert [str(rrset[0]) for rrset in chain] == [NAME, EDGES["us-east-2"]]


@pytest.mark.parametrize(
    ("name", "type_", "rcode", "authority"),
    [
        ("none.pay.drill.test", "A", dns.rcode.NXDOMAIN, 1),
        (NAME, "AAAA", dns.rcode.NOERROR, 1),
        ("elsewhere.test", "A", dns.rcode.REFUSED, 0),
    ],
)
def test_what_is_not_there_is_said_as_it_should_be(
    asked: Asked, name: str, type_: str, rcode: int, authority: int
) -> None:
    answer = asked.ask(name, type_)
    assert (answer.rcode(), len(answer.answer), len(answer.authority)) == (rcode, 0, authority)


def test_the_answer_follows_health_and_each_change_is_logged_once(asked: Asked) -> None:
    def set_healthy(primary: bool) -> None:
        asked.board.set_healthy({"p": primary, "s": True})
        asked.board.notify(status_board.HEALTH)

    set_healthy(True)
    asked.ask(NAME)
    asked.ask(NAME)
    set_healthy(False)
    # Recorded at the change, before any query.
    east, west = [EDGES["us-east-2"]], [EDGES["us-west-2"]]
    assert asked.answers() == [("primary", east), ("secondary", west)]
    assert str(asked.ask(NAME).answer[0][0]) == EDGES["us-west-2"]
    set_healthy(True)
    assert asked.answers() == [("primary", east), ("secondary", west), ("primary", east)]


def test_a_record_that_cannot_be_written_is_a_server_failure(asked: Asked) -> None:
    asked.records.append(record("bad.pay.drill.test.", "MX", "not a preference"))
    assert asked.ask("bad.pay.drill.test", "MX").rcode() == dns.rcode.SERVFAIL


def test_nonsense_does_not_end_the_server(asked: Asked) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"nonsense", ("127.0.0.1", asked.world.dns_port))
    with socket.create_connection(("127.0.0.1", asked.world.dns_port)) as sock:
        sock.sendall(b"\xff\xffnonsense")
    assert asked.ask(NAME).answer
