"""Where the refusals are put into the emulator: each in front of the function that would do what is asked.

Route 53 has its own place (`drlib.sandbox.route53`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from xml.etree import ElementTree  # noqa: S405 - for its errors; the emulator parses

from drlib.sandbox import certificates, emulator, internals
from drlib.sandbox.refusals import alarms, apigateway, dashboards, dynamodb, s3
from drlib.sandbox.world import World

Answer = Any
"""What the emulator's functions answer, or None: the call is let through."""
Check = Callable[..., Answer]


def apply(world: World) -> None:
    """Refuse what AWS refuses. Called once, before the parts of the sandbox replace anything themselves.

    Raises:
        SandboxError: the emulator is of a version that the refusals do not fit.
    """
    certificates.apply()
    _guard_buckets()
    _guard_tables(world)
    _guard_cloudwatch()
    _guard_domains()


def before(owner: Any, name: str, parameters: tuple[str, ...], check: Check) -> None:
    """Put `check` in front of `owner.name`: what it answers is the answer, and None lets the call through.

    Raises:
        SandboxError: there is no such function of `parameters`.
    """
    original = internals.function(owner, name, *parameters)

    @functools.wraps(original)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refusal = check(*args, **kwargs)
        return original(*args, **kwargs) if refusal is None else refusal

    emulator.replace(owner, name, guarded)


def _guard_buckets() -> None:
    service = emulator.module("services.s3")
    error = internals.function(service, "_error", "code", "message", "status", "resource", "extra", "headers")
    owner_of = internals.function(service, "_bucket_owner_account", "name")

    def texts(body: bytes, name: str) -> list[str]:
        try:
            elements = service.fromstring(body).iter()
        except (ElementTree.ParseError, ValueError):
            return []  # the emulator refuses it
        return [element.text or "" for element in elements if element.tag.rpartition("}")[2] == name]

    def replication(bucket_name: str, body: bytes) -> Answer:
        if service._bucket_versioning.get(bucket_name) != "Enabled":
            return None  # the emulator refuses it
        message = s3.destinations(texts(body, "Bucket"), lambda name: owner_of(name) is not None)
        return error("InvalidRequest", message, 400) if message else None

    def versioning(name: str, body: bytes) -> Answer:
        replicates = service._bucket_replication.get(name) is not None
        message = s3.versioning("".join(texts(body, "Status")), replicates=replicates)
        return error("InvalidBucketState", message, 409) if message else None

    before(service, "_put_bucket_replication", ("bucket_name", "body"), replication)
    before(service, "_put_bucket_versioning", ("name", "body"), versioning)


def _guard_tables(world: World) -> None:
    service, responses = emulator.module("services.dynamodb"), emulator.module("core.responses")
    normal = internals.function(service, "_normalize_table_name", "value")
    group_of = internals.function(service, "_replica_group", "table")
    error = partial(responses.error_response_json, "ValidationException")
    sources = dynamodb.Sources()

    def refused(region: str, name: str) -> Answer:
        key = (responses.get_account_id(), region, name)
        table = service._tables.get_scoped(*key)
        if table is None:
            return None  # the emulator refuses it
        message = dynamodb.deletion(
            name,
            region,
            protected=bool(table.get("DeletionProtectionEnabled")),
            group=group_of(table),
            made=sources.recent(key, world.clock.now()),
        )
        return error(message) if message else None

    def delete(data: Mapping[str, Any]) -> Answer:
        return refused(responses.get_region(), normal(data.get("TableName")))

    def update(data: Mapping[str, Any]) -> Answer:
        table = service._tables.get(normal(data.get("TableName")))
        if table is None:
            return None
        billing = table.get("BillingModeSummary", {}).get("BillingMode")
        message = dynamodb.update(
            data, replicated=bool(group_of(table)), on_demand=billing == "PAY_PER_REQUEST"
        )
        return error(message) if message else None

    def replicas(name: str, table: Any, updates: list[dict[str, Any]]) -> Answer:
        for change in updates:
            region = change.get("Delete", {}).get("RegionName", "")
            if region and region != responses.get_region() and (refusal := refused(region, name)):
                return refusal
        return None

    before(service, "_delete_table", ("data",), delete)
    before(service, "_update_table", ("data",), update)
    before(service, "_apply_replica_updates", ("name", "table", "updates"), replicas)
    _follow_tables(world, service, responses, sources)


def _follow_tables(world: World, service: Any, responses: Any, sources: dynamodb.Sources) -> None:
    """Keep account of which replicas there are, and what each was made from."""
    delete = internals.function(service, "_delete_table", "data")
    change = internals.function(service, "_apply_replica_updates", "name", "table", "updates")
    normal = internals.function(service, "_normalize_table_name", "value")

    @functools.wraps(delete)
    def deleting(data: Any) -> Any:
        answer = delete(data)
        key = (responses.get_account_id(), responses.get_region(), normal(data.get("TableName")))
        if service._tables.get_scoped(*key) is None:
            sources.remove(key)
        return answer

    @functools.wraps(change)
    def changing(name: str, table: Any, updates: list[dict[str, Any]]) -> Any:
        refusal = change(name, table, updates)
        account, home = responses.get_account_id(), responses.get_region()
        for update in updates if refusal is None else ():
            if "Create" in update:
                sources.add((account, home, name), update["Create"]["RegionName"], world.clock.now())
            if "Delete" in update:
                sources.remove((account, update["Delete"]["RegionName"], name))
        return refusal

    emulator.replace(service, "_delete_table", deleting)
    emulator.replace(service, "_apply_replica_updates", changing)


def _guard_cloudwatch() -> None:
    service = emulator.module("services.cloudwatch")
    error = internals.function(service, "_error", "code", "message", "status", "use_json", "use_cbor")
    text = internals.function(service, "_p", "params", "key", "default")

    def asked(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool, *names: str) -> dict[str, Any]:
        source = cbor_data.get if is_cbor or is_json else partial(text, params)
        return {name: source(name) for name in names}

    def alarm(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Answer:
        order = asked(params, cbor_data, is_cbor, is_json, "Period", "EvaluationPeriods", "DatapointsToAlarm")
        message = alarms.metric_alarm(order)
        if message is None:
            return None
        return error("ValidationError", message, 400, use_json=is_json, use_cbor=is_cbor)

    def dashboard(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Answer:
        order = asked(params, cbor_data, is_cbor, is_json, "DashboardBody")
        found = dashboards.problems(order["DashboardBody"] or "")
        if not found:
            return None
        status, headers, body = error(
            "InvalidParameterInput", dashboards.message(found), 400, use_json=is_json, use_cbor=is_cbor
        )
        if is_json:
            listed = [{"DataPath": path, "Message": message} for path, message in found]
            body = json.dumps({**json.loads(body), "dashboardValidationMessages": listed}).encode()
        return status, headers, body

    parameters = ("params", "cbor_data", "is_cbor", "is_json")
    before(service, "_put_metric_alarm", parameters, alarm)
    before(service, "_put_dashboard", parameters, dashboard)


def _guard_domains() -> None:
    service, responses = emulator.module("services.apigateway"), emulator.module("core.responses")
    acm, domains = emulator.module("services.acm"), emulator.module("services.apigateway_v1")._domain_names
    error = internals.function(service, "_apigw_error", "code", "message", "status")

    def refused(domain: str, data: Mapping[str, Any]) -> Answer:
        for configuration in data.get("domainNameConfigurations") or ():
            arn = configuration.get("certificateArn", "")
            found = acm._certificates.get(arn)
            covers = found is not None and certificates.covers(found, domain)
            message = apigateway.certificate(domain, arn, responses.get_region(), found, covers=covers)
            if message:
                return error("BadRequestException", message, 400)
        return None

    def create(data: Mapping[str, Any]) -> Answer:
        return refused(data.get("domainName", ""), data)

    def remove(data: Mapping[str, Any]) -> Answer:
        arn = data.get("CertificateArn", "")
        used = any(arn == domain["regionalCertificateArn"] for domain in domains.values())
        told = apigateway.IN_USE.format(arn=arn, account=responses.get_account_id())
        return responses.error_response_json("ResourceInUseException", told) if used else None

    before(acm, "_delete_certificate", ("data",), remove)
    before(service, "_create_domain_name", ("data",), create)
    before(service, "_update_domain_name", ("name", "data"), refused)
