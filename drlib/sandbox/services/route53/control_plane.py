"""The Route 53 API: corrections to the emulator, and the operations that it lacks.

The emulator (MiniStack 1.5.33) returns health checks incompletely: booleans are false, lists are empty. It
ignores resets and versions. It has no GetHealthCheckStatus, GetHealthCheckLastFailureReason,
GetHealthCheckCount, TestDNSAnswer or UpdateHostedZoneFeatures. `apply` replaces its functions.

Formats and rules: Amazon Route 53 API Reference, operations of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement  # noqa: S405 - builds XML; the emulator parses it

from drlib.core.clock import iso
from drlib.sandbox.faults.impairments import GLOBAL_REGION
from drlib.sandbox.ministack.internals import function, scope
from drlib.sandbox.services.acm import certificates
from drlib.sandbox.services.route53 import refusals
from drlib.sandbox.services.route53.status_board import CHECKS, StatusBoard
from drlib.sandbox.services.route53.zones import Resolver, snapshot

Response = tuple[int, dict[str, str], bytes]

LISTS = {"Regions": "Region", "ChildHealthChecks": "ChildHealthCheck"}
_NOT_CHECKED = ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")
_CHECK_REPORT = re.compile(r"/healthcheck/([^/]+)/(status|lastfailurereason)")
_ZONE_FEATURES = re.compile(r"/hostedzone/([^/]+)/features")
_RECORDS = re.compile(r"/hostedzone/([^/]+)/rrset/?")


class _ControlPlane:
    """The replacements, and the original functions that they call.

    Args:
        emulator: the module `ministack.services.route53`.
        board: the observations of the checkers.
        edges: region -> address, for TestDNSAnswer.
    """

    def __init__(self, emulator: Any, board: StatusBoard, edges: dict[str, str]) -> None:
        self.emulator = emulator
        self.board = board
        self.edges = edges
        self._parse = function(emulator, "_parse_health_check_config", "el")
        self._build = function(emulator, "_build_health_check_el", "parent", "hc")
        self._build_zone = function(emulator, "_build_hosted_zone_el", "parent", "zone")
        self._update = function(emulator, "_update_health_check", "hc_id", "body")
        self._handle = function(
            emulator, "handle_request", "method", "path", "headers", "body", "query_params"
        )
        self._error = function(emulator, "_error_response", "code", "message", "status")
        self._xml = function(emulator, "_xml_response", "root_tag", "builder_fn", "status")
        self._find = function(emulator, "_find", "el", "tag")
        self._findall = function(emulator, "_findall", "el", "tag")
        self._body = function(emulator, "_parse_body", "body")
        self._record_set = function(emulator, "_parse_record_set", "el")

    def parse_health_check_config(self, el: Element) -> dict[str, Any]:
        """Parse a HealthCheckConfig, including its lists."""
        config: dict[str, Any] = self._parse(el)
        for outer, inner in LISTS.items():
            found = self._find(el, outer)
            if found is not None:
                config[outer] = [item.text or "" for item in self._findall(found, inner)]
        return config

    def build_health_check_el(self, parent: Element, hc: dict[str, Any]) -> None:
        """Write a HealthCheck with lower-case booleans and AWS's defaults."""
        config = {**defaults(hc["config"].get("Type", "")), **hc["config"]}
        shown = {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in config.items()
        }
        self._build(parent, {**hc, "config": shown})

    def build_hosted_zone_el(self, parent: Element, zone: dict[str, Any]) -> None:
        """Write a HostedZone with its features."""
        self._build_zone(parent, zone)
        status = zone.get("accelerated_recovery")
        if status:
            features = SubElement(parent[-1], "Features")
            SubElement(features, "AcceleratedRecoveryStatus").text = status

    def update_health_check(self, hc_id: str, body: bytes) -> Response:
        """UpdateHealthCheck: refuse an old version, and reset the elements that the request names."""
        root = self._body(body)
        check = self.emulator._health_checks.get(hc_id)
        if root is not None and check is not None:
            version = self._find(root, "HealthCheckVersion")
            if version is not None and int(version.text) != check.get("version", 1):
                message = f"The health check {hc_id} is at version {check.get('version', 1)}."
                return self._refuse("HealthCheckVersionMismatch", message, 409)
            refusal = refusals.health_check({**check["config"], **self.parse_health_check_config(root)})
            if refusal:
                return self._refuse("InvalidInput", refusal)
            reset = self._find(root, "ResetElements")
            names = [] if reset is None else [e.text for e in self._findall(reset, "ResettableElementName")]
            with self.emulator._lock:
                check["config"] = {name: v for name, v in check["config"].items() if name not in names}
        response: Response = self._update(hc_id, body)
        return response

    async def handle_request(
        self, method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Response:
        """Answer the operations that the emulator lacks, refuse invalid requests, and pass the rest on."""
        short = path.removeprefix(f"/{self.emulator.API_VERSION}")
        own = self._own_answer(method, short, body, query_params)
        if own is not None:
            return own
        response: Response = await self._handle(method, path, headers, body, query_params)
        if method != "GET" and short.startswith("/healthcheck"):
            self.board.notify(CHECKS)
        if method == "POST" and _RECORDS.fullmatch(short):
            certificates.validate()
        return response

    def _own_answer(self, method: str, path: str, body: bytes, query: Any) -> Response | None:
        if method == "GET":
            if report := _CHECK_REPORT.fullmatch(path):
                return self._report(report[1], failures=report[2] == "lastfailurereason")
            if path == "/healthcheckcount":
                return self._count()
            if path == "/testdnsanswer":
                return self._test_dns_answer(query)
        if method == "POST":
            if zone := _ZONE_FEATURES.fullmatch(path):
                return self._features(zone[1], body)
            return self._refusal(path, body)
        return None

    def _refusal(self, path: str, body: bytes) -> Response | None:
        """Return the error response of a refused creation or change, or None."""
        root = self._body(body)
        if root is None:
            return None
        if path == "/hostedzone":
            message = refusals.hosted_zone(self._text(root, "Name"))
            return self._refuse("InvalidDomainName", message) if message else None
        if path == "/healthcheck":
            config = self._find(root, "HealthCheckConfig")
            message = refusals.health_check({} if config is None else self.parse_health_check_config(config))
            return self._refuse("InvalidInput", message) if message else None
        zone = _RECORDS.fullmatch(path)
        return self._refused_records(zone[1], root) if zone else None

    def _refused_records(self, zone_id: str, root: Element) -> Response | None:
        zone = self.emulator._zones.get(zone_id)
        batch = self._find(root, "ChangeBatch")
        changes = None if batch is None else self._find(batch, "Changes")
        if zone is None or changes is None:
            return None
        requested: list[tuple[str, dict[str, Any]]] = []
        for change in self._findall(changes, "Change"):
            record = self._find(change, "ResourceRecordSet")
            if record is not None:
                requested.append((self._text(change, "Action"), self._record_set(record)))
        for action, record in requested:
            check_id = record.get("HealthCheckId") if action != "DELETE" else None
            if check_id and check_id not in self.emulator._health_checks:
                unknown = f"No health check exists with the specified ID {check_id}."
                return self._refuse("NoSuchHealthCheck", unknown, 404)
        changed_zone = refusals.ChangedZone(zone_id, zone["name"], api_domains())
        error = refusals.record_sets(changed_zone, self.emulator._records.get(zone_id, []), requested)
        return self._refuse(*error) if error else None

    def _report(self, check_id: str, *, failures: bool) -> Response:
        check = self.emulator._health_checks.get(check_id)
        if check is None:
            message = f"No health check exists with the specified ID {check_id}."
            return self._refuse("NoSuchHealthCheck", message, 404)
        if check["config"].get("Type") in _NOT_CHECKED:
            # AWS documents InvalidInput for this operation, and observations only for endpoint checks.
            return self._refuse("InvalidInput", f"The health check {check_id} does not check an endpoint.")

        def build(root: Element) -> None:
            seen = SubElement(root, "HealthCheckObservations")
            for observation in self.board.observations(check_id, failures=failures):
                entry = SubElement(seen, "HealthCheckObservation")
                SubElement(entry, "Region").text = observation.region
                SubElement(entry, "IPAddress").text = observation.address
                report = SubElement(entry, "StatusReport")
                SubElement(report, "Status").text = observation.text
                SubElement(report, "CheckedTime").text = iso(observation.at)

        name = "GetHealthCheckLastFailureReason" if failures else "GetHealthCheckStatus"
        return self._respond(f"{name}Response", build)

    def _count(self) -> Response:
        def build(root: Element) -> None:
            SubElement(root, "HealthCheckCount").text = str(len(self.emulator._health_checks))

        return self._respond("GetHealthCheckCountResponse", build)

    def _features(self, zone_id: str, body: bytes) -> Response:
        zone = self.emulator._zones.get(zone_id)
        if zone is None:
            return self._refuse("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", 404)
        root = self._body(body)
        enable = "" if root is None else self._text(root, "EnableAcceleratedRecovery")
        if enable:
            zone["accelerated_recovery"] = "ENABLED" if enable.lower() == "true" else "DISABLED"
        return self._respond("UpdateHostedZoneFeaturesResponse", lambda root: None)

    def _test_dns_answer(self, query: Any) -> Response:
        def parameter(name: str) -> str:
            value = query.get(name, "")
            return str((value[0] if value else "") if isinstance(value, list) else value)

        name, type_ = parameter("recordname"), parameter("recordtype")
        zone_id = parameter("hostedzoneid")
        if zone_id not in self.emulator._zones:
            return self._refuse("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", 404)
        answer = Resolver(snapshot(), self.board.healthy, self.edges).resolve(name, type_)

        def build(root: Element) -> None:
            SubElement(root, "Nameserver").text = self.emulator._DEFAULT_NS[0].rstrip(".")
            SubElement(root, "RecordName").text = name
            SubElement(root, "RecordType").text = type_
            data = SubElement(root, "RecordData")
            for record in answer.records:
                SubElement(data, "RecordDataEntry").text = record.value
            SubElement(root, "ResponseCode").text = answer.rcode
            SubElement(root, "Protocol").text = "UDP"

        return self._respond("TestDNSAnswerResponse", build)

    def _text(self, element: Element, tag: str) -> str:
        found = self._find(element, tag)
        return "" if found is None else found.text or ""

    def _respond(self, name: str, build: Callable[[Element], None]) -> Response:
        response: Response = self._xml(name, build)
        return response

    def _refuse(self, code: str, message: str, status: int = 400) -> Response:
        response: Response = self._error(code, message, status)
        return response


def defaults(type_: str) -> dict[str, Any]:
    """Return AWS's defaults for a health check of this type."""
    common: dict[str, Any] = {"Inverted": False, "Disabled": False}
    if type_ in _NOT_CHECKED:
        return common
    endpoint = {**common, "RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False}
    if type_ == "TCP":
        return endpoint
    tls = type_.startswith("HTTPS")
    return {**endpoint, "Port": 443 if tls else 80, "EnableSNI": tls}


def api_domains() -> dict[str, str]:
    """Return API Gateway's regional domain names -> the id of their hosted zone."""
    from ministack.services import apigateway_v1

    return {
        domain["regionalDomainName"].lower(): domain["regionalHostedZoneId"]
        for _, domain in apigateway_v1._domain_names.all_items()
    }


_applied: _ControlPlane | None = None


def apply(board: StatusBoard, edges: dict[str, str]) -> None:
    """Replace the emulator's functions; a second call only changes the board and the edges.

    Raises:
        SandboxError: the replacements do not fit this version of the emulator.
    """
    global _applied
    from ministack.services import route53 as emulator

    if _applied is not None and _applied.emulator is emulator:
        _applied.board, _applied.edges = board, edges
        return
    _applied = _ControlPlane(emulator, board, edges)
    emulator._parse_health_check_config = _applied.parse_health_check_config
    emulator._build_health_check_el = _applied.build_health_check_el
    emulator._build_hosted_zone_el = _applied.build_hosted_zone_el
    emulator._update_health_check = _applied.update_health_check
    emulator.handle_request = _applied.handle_request


def health_checks() -> dict[str, dict[str, Any]]:
    """Return id -> the emulator's health check: id, caller_reference, config, version."""
    from ministack.services import route53 as emulator

    with scope(GLOBAL_REGION):
        return {check_id: dict(check) for check_id, check in emulator._health_checks.items()}
