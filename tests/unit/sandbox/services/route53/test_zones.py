"""Resolution rules: failover, aliases, CNAMEs, names that do not exist."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.sandbox.services.route53.zones import Resolver, Zone, choose_failover, region_of_api
from tests.unit.sandbox.services.route53.records import NAME, SOA, alias, pair, record
from tests.unit.sandbox.worlds import EDGES


def resolver(*records: dict[str, Any], unhealthy: str = "", zones: tuple[Zone, ...] = ()) -> Resolver:
    apex = [
        record("pay.drill.test.", "SOA", SOA, ttl=900),
        record("pay.drill.test.", "NS", "ns-1.awsdns-1.com."),
    ]
    mine = Zone("pay.drill.test.", [*apex, *records])
    return Resolver([mine, *zones], lambda check_id: check_id not in unhealthy, EDGES)


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a failover pair answers with the primary if the primary is healthy or both are unhealthy",
    level="documented",
    source="Route 53 Developer Guide, How Route 53 chooses records when health checking is configured",
)
@pytest.mark.parametrize(
    ("unhealthy", "secondary", "region"),
    [
        ("", "s", "us-east-2"),
        ("s", "s", "us-east-2"),
        ("p", "s", "us-west-2"),
        ("ps", "s", "us-east-2"),
        ("", None, "us-east-2"),
        ("p", None, "us-west-2"),
    ],
)
def test_failover_answers_by_the_truth_table(unhealthy: str, secondary: str | None, region: str) -> None:
    answer = resolver(*pair(secondary=secondary), unhealthy=unhealthy).resolve(NAME, "A")
    assert [given.value for given in answer.records] == [EDGES[region]]


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a record without a health check counts as healthy",
    level="documented",
    source="Route 53 Developer Guide, How Route 53 chooses records when health checking is configured",
)
def test_a_primary_without_a_health_check_always_answers() -> None:
    assert resolver(*pair(primary=None), unhealthy="s").addresses(NAME) == [EDGES["us-east-2"]]


def test_half_a_pair_answers_even_when_it_is_unhealthy() -> None:
    only = pair()[1]
    assert resolver(only, unhealthy="s").addresses(NAME) == [EDGES["us-west-2"]]
    assert choose_failover([only], lambda record: False) is only


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an alias record has the TTL of its target",
    level="documented",
    source="Route 53 Developer Guide, Choosing between alias and non-alias records",
)
def test_an_alias_has_the_ttl_of_its_target_and_a_record_its_own() -> None:
    zone = resolver(
        *pair(),
        record("fixed.pay.drill.test.", "A", "10.0.0.1", ttl=17),
        alias("two.pay.drill.test.", "fixed.pay.drill.test."),
    )
    assert [given.ttl_seconds for given in zone.resolve(NAME, "A").records] == [60]
    given = zone.resolve("two.pay.drill.test", "A").records[0]
    assert (given.name, given.ttl_seconds, given.value) == ("two.pay.drill.test.", 17, "10.0.0.1")


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="an alias with EvaluateTargetHealth inherits the health of the records that it points to",
    level="documented",
    source="Route 53 Developer Guide, How Route 53 chooses records when health checking is configured",
)
def test_an_alias_inherits_the_health_of_records_of_the_zone_if_it_evaluates_it() -> None:
    def zone(evaluate: bool) -> Resolver:
        return resolver(
            record(
                "a.pay.drill.test.", "A", "10.0.0.1", HealthCheckId="a", SetIdentifier="1", Failover="PRIMARY"
            ),
            alias(NAME, "a.pay.drill.test.", evaluate=evaluate, SetIdentifier="1", Failover="PRIMARY"),
            record(NAME, "A", "10.0.0.2", SetIdentifier="2", Failover="SECONDARY"),
            unhealthy="a",
        )

    assert zone(evaluate=True).addresses(NAME) == ["10.0.0.2"]
    assert zone(evaluate=False).addresses(NAME) == ["10.0.0.1"]


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="EvaluateTargetHealth has no effect for an alias to API Gateway",
    level="documented",
    source="Route 53 API Reference, AliasTarget",
)
def test_evaluating_the_health_of_api_gateway_adds_nothing() -> None:
    chosen = resolver(*pair(primary=None)).resolve(NAME, "A").chosen
    assert chosen[NAME, "A"]["SetIdentifier"] == "primary"


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a CNAME is followed inside Route 53's zones; for a target outside, the client gets the CNAME",
    level="documented",
    source="Route 53 Developer Guide, Supported DNS record types: CNAME",
)
def test_a_cname_is_followed_within_the_zone_and_left_to_the_client_beyond() -> None:
    zone = resolver(
        record("www.pay.drill.test.", "CNAME", NAME),
        record("away.pay.drill.test.", "CNAME", "www.elsewhere.test."),
        *pair(),
    )
    answer = zone.resolve("www.pay.drill.test", "A")
    assert [(given.type, given.value) for given in answer.records] == [
        ("CNAME", NAME),
        ("A", EDGES["us-east-2"]),
    ]
    away = zone.resolve("away.pay.drill.test", "A")
    assert (away.rcode, [given.type for given in away.records]) == ("NOERROR", ["CNAME"])
    assert [given.type for given in zone.resolve("www.pay.drill.test", "CNAME").records] == ["CNAME"]


def test_a_circle_of_cnames_ends() -> None:
    zone = resolver(
        record("a.pay.drill.test.", "CNAME", "b.pay.drill.test."),
        record("b.pay.drill.test.", "CNAME", "a.pay.drill.test."),
    )
    assert {given.type for given in zone.resolve("a.pay.drill.test", "A").records} == {"CNAME"}


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a name that does not exist gets NXDOMAIN, a missing type an empty answer, with the zone's SOA",
    level="documented",
    source="Route 53 Developer Guide, The start of authority record that Route 53 creates",
)
@pytest.mark.parametrize(
    ("name", "type_", "rcode", "authority"),
    [
        ("none.pay.drill.test", "A", "NXDOMAIN", ["SOA"]),
        (NAME, "AAAA", "NOERROR", ["SOA"]),
        (NAME, "TXT", "NOERROR", ["SOA"]),
        ("deep.pay.drill.test", "A", "NOERROR", ["SOA"]),  # there is something below it
        ("elsewhere.test", "A", "REFUSED", []),
        ("drill.test", "A", "REFUSED", []),
        ("abc.execute-api.us-east-2.amazonaws.com", "AAAA", "NOERROR", []),
        ("abc.execute-api.mars-1.amazonaws.com", "A", "NXDOMAIN", []),
    ],
)
def test_names_without_an_answer(name: str, type_: str, rcode: str, authority: list[str]) -> None:
    answer = resolver(*pair(), record("x.deep.pay.drill.test.", "A", "10.0.0.1")).resolve(name, type_)
    assert (answer.rcode, answer.records) == (rcode, [])
    assert [given.type for given in answer.authority] == authority


def test_names_of_apis_lead_to_their_region_s_edge() -> None:
    assert resolver().addresses("abc123.execute-api.us-west-2.amazonaws.com") == [EDGES["us-west-2"]]
    assert resolver().addresses("D-ABC.execute-api.us-east-2.amazonaws.com.") == [EDGES["us-east-2"]]
    assert region_of_api("execute-api.us-east-2.amazonaws.com") is None


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="a wildcard record answers for names that have no records of their own",
    level="documented",
    source="Route 53 Developer Guide, DNS domain name format",
)
def test_a_wildcard_covers_what_has_no_records_of_its_own() -> None:
    zone = resolver(
        record("\\052.pay.drill.test.", "A", "10.0.0.9"), record("own.pay.drill.test.", "TXT", '"x"')
    )
    assert zone.addresses("any.pay.drill.test") == ["10.0.0.9"]
    assert zone.addresses("any.thing.pay.drill.test") == ["10.0.0.9"]
    assert zone.addresses("own.pay.drill.test") == []


@pytest.mark.fidelity(
    service="Route 53",
    behaviour="if two zones match a name, the more specific zone answers",
    level="documented",
    source="Route 53 Developer Guide, Considerations when working with public hosted zones",
)
def test_the_more_specific_zone_answers() -> None:
    inner = Zone(
        "eu.pay.drill.test.",
        [record("eu.pay.drill.test.", "SOA", SOA), record("api.eu.pay.drill.test.", "A", "10.0.0.7")],
    )
    assert resolver(zones=(inner,)).addresses("api.eu.pay.drill.test") == ["10.0.0.7"]


def test_a_routing_policy_that_is_not_modelled_is_said_to_be_so() -> None:
    weighted = record(NAME, "A", "10.0.0.1", SetIdentifier="a", Weight=1)
    assert resolver(weighted).resolve(NAME, "A").rcode == "NOTIMP"
