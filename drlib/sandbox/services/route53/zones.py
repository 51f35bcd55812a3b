"""Resolution of names in the sandbox's zones, as in Route 53: records, aliases, failover.

Names, TTLs and values are those of the zone; TTLs are not scaled. The rules are from the Route 53 API
Reference: `ResourceRecordSet$Failover` and, for alias targets, `AliasTarget$EvaluateTargetHealth`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from drlib.sandbox.faults.impairments import GLOBAL_REGION
from drlib.sandbox.ministack.internals import scope

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
    """The answer to a DNS query.

    Args:
        rcode: `NOERROR`, `NXDOMAIN`, `REFUSED` (no such zone) or `NOTIMP` (routing policy not supported).
        records: the answer section, in order.
        authority: the zone's SOA record, if there is no answer.
        chosen: (name, type) -> the failover record set that was chosen.
    """

    rcode: str = NOERROR
    records: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    chosen: dict[tuple[str, str], RecordSet] = field(default_factory=dict)


@dataclass(frozen=True)
class Zone:
    """A public hosted zone: its name, with the final dot, and the emulator's record sets."""

    name: str
    records: list[RecordSet]


def snapshot() -> list[Zone]:
    """Return the emulator's public hosted zones, newest first: a newer zone hides an older one."""
    from ministack.services import route53

    with scope(GLOBAL_REGION):
        zones = [
            Zone(canonical(zone["name"]), list(route53._records.get(zone_id, [])))
            for zone_id, zone in route53._zones.items()
            if not zone.get("private")
        ]
    return zones[::-1]


def canonical(name: str) -> str:
    """Return the canonical form of a name: lower case, with the final dot, `*` unescaped."""
    name = name.lower().replace("\\052", "*")
    return name if name.endswith(".") else f"{name}."


def region_of_api(name: str) -> str | None:
    """Return the region of an API Gateway name (an API's own or a regional `d-...`), or None."""
    match = _API_NAME.fullmatch(canonical(name))
    return match[1] if match else None


def choose_failover(records: Iterable[RecordSet], healthy: Callable[[RecordSet], bool]) -> RecordSet:
    """Return the failover record set that answers.

    The secondary answers if the primary is unhealthy and the secondary healthy; otherwise the primary does.
    A record set without a health check counts as healthy.
    """
    by_role = {record["Failover"]: record for record in records}
    primary, secondary = by_role.get("PRIMARY"), by_role.get("SECONDARY")
    if primary is None or secondary is None:
        return primary or secondary or {}
    return secondary if not healthy(primary) and healthy(secondary) else primary


class Resolver:
    """Answers queries from one snapshot of the zones.

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
        """Answer a query; follow aliases, and CNAMEs whose targets are in the sandbox."""
        answer = DnsAnswer()
        self._resolve(canonical(name), type_.upper(), answer, MAX_HOPS)
        return answer

    def addresses(self, name: str) -> list[str]:
        """Return the IPv4 addresses of a name."""
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
            # The client follows a CNAME to another zone, as with any authoritative server.
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
        """Return the record sets of a name or of its wildcard; None if the name does not exist."""
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
        """Return whether an alias target is healthy: whether any of its records is.

        An API Gateway name is always healthy: it "is highly available by design, EvaluateTargetHealth
        provides no operational benefit and Route 53 health checks are recommended instead for failover
        scenarios".
        """
        zone = None if region_of_api(name) else self._zone_of(name)
        records = (self._records_of(zone, name) or []) if zone else []
        same = [record for record in records if record["Type"] == type_]
        return not same or not hops or any(self._record_healthy(record, hops - 1) for record in same)
