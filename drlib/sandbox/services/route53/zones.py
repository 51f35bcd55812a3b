"""What the names in the sandbox's zones resolve to, as Route 53 answers: records, aliases, failover.

Names, times to live and values are those of the zone, unscaled. The failover rules are those of the Route 53
API Reference, `ResourceRecordSet$Failover`; of alias targets, `AliasTarget$EvaluateTargetHealth`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

RecordSet = dict[str, Any]
Healthy = Callable[[str], bool]

ALIAS_TTL_SECONDS = 60
"""Route 53 answers an alias of an AWS resource with that resource's TTL: 60 s."""
MAX_HOPS = 8
_API_NAME = re.compile(r"[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com\.")

NOERROR, NXDOMAIN, REFUSED, NOTIMP = "NOERROR", "NXDOMAIN", "REFUSED", "NOTIMP"


@dataclass(frozen=True)
class Record:
    """One resource record. `ttl_seconds` is as configured; `value` as in a zone file."""

    name: str
    type: str
    ttl_seconds: int
    value: str


@dataclass
class DnsAnswer:
    """What a resolver is told.

    Args:
        rcode: `NOERROR`, `NXDOMAIN`, `REFUSED` (no zone of ours) or `NOTIMP` (a routing policy not modelled).
        records: the answer section, in order.
        authority: the zone's SOA, when there is no record to give.
        chosen: (name, type) -> the failover record set that was picked on the way.
    """

    rcode: str = NOERROR
    records: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    chosen: dict[tuple[str, str], RecordSet] = field(default_factory=dict)


@dataclass(frozen=True)
class Zone:
    """A public hosted zone: its name, with the final dot, and its record sets as the emulator keeps them."""

    name: str
    records: list[RecordSet]


def snapshot() -> list[Zone]:
    """Return the emulator's public hosted zones, newest first: of two with one name, the newer is used."""
    from ministack.services import route53

    from drlib.sandbox.ministack.internals import scope

    with scope("us-east-1"):
        zones = [
            Zone(canonical(zone["name"]), list(route53._records.get(zone_id, [])))
            for zone_id, zone in route53._zones.items()
            if not zone.get("private")
        ]
    return zones[::-1]


def canonical(name: str) -> str:
    """Return a name as it is compared: lower case, with its final dot, `*` unescaped."""
    name = name.lower().replace("\\052", "*")
    return name if name.endswith(".") else f"{name}."


def region_of_api(name: str) -> str | None:
    """Return the region of an API Gateway name, default or regional (`d-...`), or None."""
    match = _API_NAME.fullmatch(canonical(name))
    return match[1] if match else None


def choose_failover(records: Iterable[RecordSet], healthy: Callable[[RecordSet], bool]) -> RecordSet:
    """Return the failover record set that answers: the primary, unless it alone is unhealthy.

    Healthy primary: primary. Unhealthy primary, healthy secondary: secondary. Unhealthy secondary: primary,
    whatever its own health. A record set without a health check counts as healthy.
    """
    by_role = {record["Failover"]: record for record in records}
    primary, secondary = by_role.get("PRIMARY"), by_role.get("SECONDARY")
    if primary is None or secondary is None:
        return primary or secondary or {}
    return secondary if not healthy(primary) and healthy(secondary) else primary


class Resolver:
    """Answers questions about one state of the zones.

    Args:
        zones: the public hosted zones.
        healthy: check id -> whether Route 53 considers it healthy.
        edges: region -> address of its edge.
    """

    def __init__(self, zones: list[Zone], healthy: Healthy, edges: dict[str, str]) -> None:
        self._zones = zones
        self._check_healthy = healthy
        self._edges = edges

    def resolve(self, name: str, type_: str) -> DnsAnswer:
        """Answer a question; follows aliases, and CNAMEs as far as the sandbox knows their targets."""
        answer = DnsAnswer()
        self._resolve(canonical(name), type_.upper(), answer, MAX_HOPS)
        return answer

    def addresses(self, name: str) -> list[str]:
        """Return the IPv4 addresses of a name; none if it has none."""
        return [record.value for record in self.resolve(name, "A").records if record.type == "A"]

    def failover_names(self) -> list[tuple[str, str]]:
        """Return (name, type) of every failover pair."""
        pairs = {
            (canonical(record["Name"]), record["Type"])
            for zone in self._zones
            for record in zone.records
            if record.get("Failover")
        }
        return sorted(pairs)

    def _resolve(self, name: str, type_: str, answer: DnsAnswer, hops: int) -> None:
        region = region_of_api(name)
        if region is not None:
            self._answer_api_name(name, region, type_, answer)
            return
        zone = self._zone_of(name)
        if zone is None:
            # A CNAME that leaves our zones is all that the client gets, as from any authoritative server.
            answer.rcode = NOERROR if answer.records else REFUSED
            return
        found = self._records_of(zone, name)
        if found is None:
            answer.rcode = NXDOMAIN
            answer.authority = self._soa(zone)
            return
        wanted = [record for record in found if record["Type"] == type_]
        if not wanted and type_ != "CNAME":
            wanted = [record for record in found if record["Type"] == "CNAME"]
        if not wanted:
            answer.authority = self._soa(zone)
            return
        record = self._choose(name, wanted, answer)
        if record is None:
            answer.rcode = NOTIMP
            return
        before = len(answer.records)
        self._add_records(zone, name, record, type_, answer, hops)
        if len(answer.records) == before and answer.rcode == NOERROR and not answer.authority:
            answer.authority = self._soa(zone)

    def _answer_api_name(self, name: str, region: str, type_: str, answer: DnsAnswer) -> None:
        if region not in self._edges:
            answer.rcode = NXDOMAIN
        elif type_ == "A":
            answer.records.append(Record(name, "A", ALIAS_TTL_SECONDS, self._edges[region]))

    def _zone_of(self, name: str) -> Zone | None:
        mine = [zone for zone in self._zones if name == zone.name or name.endswith(f".{zone.name}")]
        return max(mine, key=lambda zone: len(zone.name), default=None)

    def _records_of(self, zone: Zone, name: str) -> list[RecordSet] | None:
        """Return the record sets of a name or of the wildcard that covers it; None if it does not exist."""
        names = {canonical(record["Name"]) for record in zone.records}
        if name not in names:
            if any(other.endswith(f".{name}") for other in names):
                return []
            parent = name
            while parent != zone.name and parent not in names:
                parent = parent.partition(".")[2]
                if f"*.{parent}" in names:
                    name = f"*.{parent}"
                    break
            else:
                return None
        return [record for record in zone.records if canonical(record["Name"]) == name]

    def _soa(self, zone: Zone) -> list[Record]:
        for record in zone.records:
            if record["Type"] == "SOA":
                return [Record(zone.name, "SOA", int(record["TTL"]), record["ResourceRecords"][0])]
        return []

    def _choose(self, name: str, wanted: list[RecordSet], answer: DnsAnswer) -> RecordSet | None:
        if wanted[0].get("Failover"):
            record = choose_failover(wanted, self._record_healthy)
            answer.chosen[(name, record["Type"])] = record
            return record
        return wanted[0] if not wanted[0].get("SetIdentifier") else None

    def _add_records(
        self, zone: Zone, name: str, record: RecordSet, type_: str, answer: DnsAnswer, hops: int
    ) -> None:
        target = record.get("AliasTarget")
        if target is None:
            answer.records.extend(
                Record(name, record["Type"], int(record["TTL"]), value)
                for value in record.get("ResourceRecords", ())
            )
            if record["Type"] == "CNAME" and type_ != "CNAME" and hops:
                self._resolve(canonical(record["ResourceRecords"][0]), type_, answer, hops - 1)
            return
        if not hops:
            return
        aliased = DnsAnswer(chosen=answer.chosen)
        self._resolve(canonical(target["DNSName"]), record["Type"], aliased, hops - 1)
        answer.rcode = aliased.rcode if aliased.rcode == NOTIMP else NOERROR
        answer.records.extend(
            Record(name, given.type, given.ttl_seconds, given.value)
            for given in aliased.records
            if given.type == record["Type"]
        )

    def _record_healthy(self, record: RecordSet, hops: int = MAX_HOPS) -> bool:
        check_id = record.get("HealthCheckId")
        if check_id and not self._check_healthy(check_id):
            return False
        target = record.get("AliasTarget") or {}
        if not target.get("EvaluateTargetHealth"):
            return True
        return self._target_healthy(canonical(target["DNSName"]), record["Type"], hops)

    def _target_healthy(self, name: str, type_: str, hops: int) -> bool:
        """Say whether an alias target is healthy: for records of ours, whether any of them is.

        An API Gateway name always is: it "is highly available by design, EvaluateTargetHealth provides no
        operational benefit and Route 53 health checks are recommended instead for failover scenarios".
        """
        zone = None if region_of_api(name) else self._zone_of(name)
        records = (self._records_of(zone, name) or []) if zone else []
        same = [record for record in records if record["Type"] == type_]
        return not same or not hops or any(self._record_healthy(record, hops - 1) for record in same)
